package gateway

import (
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Bounds of a path.
const (
	maxPath    = 1024 // bytes, once decoded
	maxSegment = 200
)

// rest is the last segment of a template that takes all that follow.
const rest = "{path...}"

// Match is a route and what the path of one request has in its parameters.
type Match struct {
	Route *Route
	User  string // the id of the user in the path, in its canonical form; "" if there is none
	Path  string // on the side of the upstream, built from the template

	values []string // by the segments of the template that are parameters, in order
}

// param returns the value of a parameter of the template, "" if it has none.
func (m *Match) param(name string) string {
	i := 0
	for _, segment := range m.Route.segments {
		if segment == name {
			return m.values[i]
		}
		if isParameter(segment) {
			i++
		}
	}
	return ""
}

// Match returns the route that takes the method at the path, which is one of a URL as
// it was sent. The path is decoded once and must then stand in the table, segment for
// segment: one with an encoded slash, an empty segment or a dot segment is in none. A
// slash at the end is ignored. The id of a user is compared by its value, of whatever
// case, so that no spelling names another user to the upstream than here.
func (g *Gateway) Match(method, escapedPath string) (*Match, bool) {
	if method == "HEAD" {
		method = "GET"
	}
	segments, ok := decode(escapedPath)
	if !ok {
		return nil, false
	}
	for i := range g.routes {
		r := &g.routes[i]
		if r.Method != method {
			continue
		}
		if m, ok := r.match(segments); ok {
			return m, true
		}
	}
	return nil, false
}

// Methods returns the methods that are forwarded at the path, sorted.
func (g *Gateway) Methods(escapedPath string) []string {
	var methods []string
	segments, ok := decode(escapedPath)
	for i := range g.routes {
		if r := &g.routes[i]; ok && !slices.Contains(methods, r.Method) {
			if _, ok := r.match(segments); ok {
				methods = append(methods, r.Method)
			}
		}
	}
	slices.Sort(methods)
	return methods
}

// decode returns the segments of a path, without a slash at its end. It refuses one
// that the two sides could read differently.
func decode(escapedPath string) ([]string, bool) {
	path, err := url.PathUnescape(escapedPath)
	if err != nil || len(path) < 2 || len(path) > maxPath || path[0] != '/' {
		return nil, false
	}
	if strings.Count(path, "/") != strings.Count(escapedPath, "/") { // an encoded one
		return nil, false
	}
	segments := split(strings.TrimSuffix(path, "/"))
	for _, s := range segments {
		if !isPlain(s) {
			return nil, false
		}
	}
	return segments, true
}

// isPlain reports whether a segment means the same, encoded or not, to everybody.
func isPlain(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > maxSegment {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '-' && c != '.' && c != '_' && c != '~' && c != ':' {
			return false
		}
	}
	return true
}

// match holds the segments of a path against the template.
func (r *Route) match(segments []string) (*Match, bool) {
	open := r.segments[len(r.segments)-1] == rest
	if len(segments) != len(r.segments) && !(open && len(segments) > len(r.segments)) {
		return nil, false
	}
	for i, want := range r.segments { // what costs nothing first
		if !isParameter(want) && want != segments[i] {
			return nil, false
		}
	}
	m := &Match{Route: r}
	for i, want := range r.segments {
		switch {
		case want == rest:
			m.values = append(m.values, strings.Join(segments[i:], "/"))
		case want == userID:
			id, ok := canonicalID(segments[i])
			if !ok {
				return nil, false
			}
			m.User = id
			m.values = append(m.values, id)
		case isParameter(want):
			m.values = append(m.values, segments[i])
		}
	}
	m.Path = m.build()
	return m, true
}

// build returns the path on the side of the upstream. Its parameters are those of the
// template, in the same order.
func (m *Match) build() string {
	var b strings.Builder
	values := m.values
	for _, segment := range m.Route.target {
		b.WriteByte('/')
		if isParameter(segment) {
			segment, values = values[0], values[1:]
		}
		b.WriteString(segment)
	}
	return b.String()
}

func isParameter(segment string) bool { return segment[0] == '{' }

// canonicalID returns the id of a user in the one form that is forwarded. It takes 32
// hexadecimal digits of any case, with the four dashes or without.
func canonicalID(s string) (string, bool) {
	id, err := uuid.Parse(s)
	return id.String(), err == nil && (len(s) == 36 || len(s) == 32)
}
