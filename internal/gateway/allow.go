package gateway

import (
	"fmt"
	"slices"
	"strings"
)

// ours are the first segments of paths that this server answers by itself, or nobody:
// what the upstream answers there would be about other accounts and keys than ours, or
// a token that is not signed by us.
var ours = []string{
	"access", "alert-rules", "alerts", "api-keys", "applications", "audit-events", "auth", "credentials", "developer", "developers", "installation",
	"invitation-code", "invitations", "sdk", "setup", "token", "usage", "webhook-endpoints",
}

// oursOfUsers are the segments that follow users/{user_id} in such paths.
var oursOfUsers = []string{"access-log", "invitation-code", "sessions", "usage"}

var allowedMethods = []string{"DELETE", "GET", "PATCH", "POST", "PUT"}

// AllowFormat is what an entry of Config.Allow looks like.
const AllowFormat = "METHOD /api/v1/path/{value}"

// parseAllow returns the routes of Config.Allow, which developers alone may call.
func parseAllow(entries []string, known []Route) ([]Route, error) {
	var routes []Route
	for _, entry := range entries {
		method, path, _ := strings.Cut(strings.TrimSpace(entry), " ")
		r := setting("UpstreamAllowed", method, strings.TrimSpace(path))
		if err := checkAllowed(&r); err != nil {
			return nil, fmt.Errorf("%q %w", entry, err)
		}
		r.segments = split(r.Path)
		if slices.ContainsFunc(slices.Concat(known, routes), func(other Route) bool { return other.Method == r.Method && overlap(split(other.Path), r.segments) }) {
			return nil, fmt.Errorf("%q is forwarded already: leave it out", entry)
		}
		routes = append(routes, r)
	}
	return routes, nil
}

// checkAllowed refuses a route that must not be opened.
func checkAllowed(r *Route) error {
	if !slices.Contains(allowedMethods, r.Method) {
		return fmt.Errorf("must be %s, with one of the methods %s", AllowFormat, strings.Join(allowedMethods, ", "))
	}
	path, below := strings.CutPrefix(r.Path, base+"/")
	if !below || path == "" {
		return fmt.Errorf("must be %s", AllowFormat)
	}
	segments := split("/" + path)
	for _, s := range segments {
		name, isName := strings.CutPrefix(s, "{")
		if isName {
			s = strings.TrimSuffix(name, "}")
		}
		if !isPlain(s) || isName && (s == name || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "") {
			return fmt.Errorf("must be %s, in which a segment is letters, digits and -._~:, or a name in braces", AllowFormat)
		}
	}
	first, last := segments[0], segments[len(segments)-1]
	for i, s := range segments[1:] {
		if segments[i] == "users" && s != userID {
			return fmt.Errorf("must name whose data it is: users/%s", userID)
		}
	}
	switch {
	case isParameter(first):
		return fmt.Errorf("must begin with a word after %s/", base)
	case slices.Contains(ours, first),
		first == "users" && (len(segments) < 3 || strings.HasPrefix(last, "token") || isParameter(segments[2]) || slices.Contains(oursOfUsers, segments[2])):
		return fmt.Errorf("is never forwarded: this server answers it, or nobody may")
	}
	return nil
}

// overlap reports whether one path could match both templates.
func overlap(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		if a[i] == rest || b[i] == rest {
			return true
		}
		if a[i] != b[i] && !isParameter(a[i]) && !isParameter(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
