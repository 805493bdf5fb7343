package front

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/problem"
)

// noIDs are paths of their own, whose last part RevokeInvitation and DeleteWorkout must
// not take for an id.
var noIDs = []string{
	"DELETE /api/v1/invitations/accept",
	"DELETE /api/v1/users/{user_id}/events/workouts/delete",
}

// canonicalPath rewrites aliases, and answers 404 to a path that is not
// canonical. It never redirects.
func (f *Front) canonicalPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		if p == "" || p[0] != '/' || !isCanonical(p) {
			f.beyond(w, r)
			return
		}
		if to, ok := aliases[p]; ok {
			r.URL.Path, r.URL.RawPath = to, ""
		} else if rest, ok := strings.CutPrefix(p, keyAlias); ok && (rest == "" || rest[0] == '/') {
			r.URL.Path, r.URL.RawPath = keyPath+strings.TrimPrefix(r.URL.Path, keyAlias), keyPath+rest
		}
		next.ServeHTTP(w, r)
	})
}

// isCanonical reports whether path.Clean leaves p as it is, except for a slash
// at its end.
func isCanonical(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/" && clean != "/"
}

// notFound answers requests without a route: 405 if the path takes other
// methods, else 404.
func (f *Front) notFound(w http.ResponseWriter, r *http.Request) {
	err := &problem.Error{Kind: problem.NotFound, Reason: "not_found", Detail: "There is nothing at this path"}
	if allowed := f.allowedMethods(r); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		err = &problem.Error{Kind: problem.MethodNotAllowed, Reason: "method_not_allowed", Detail: "This path does not take this method"}
	}
	surfaceOf(r)(w, r, err)
}

// allowedMethods returns the methods that the path of the request takes. For a
// path that is not canonical it returns none, although the mux would match the
// canonical path behind it.
func (f *Front) allowedMethods(r *http.Request) []string {
	var methods []string
	if !isCanonical(r.URL.EscapedPath()) {
		return nil
	}
	for _, method := range []string{"DELETE", "GET", "HEAD", "PATCH", "POST"} {
		probe := *r
		probe.Method = method
		if _, pattern := f.mux.Handler(&probe); pattern != "" && pattern != "/" && !slices.Contains(noIDs, pattern) {
			methods = append(methods, method)
		}
	}
	return f.forwarding.methods(methods, r.URL.EscapedPath())
}
