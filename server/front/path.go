package front

import (
	"net/http"
	"path"
	"strings"

	"github.com/openwearables/openwearables/internal/problem"
)

// canonicalPath rewrites aliases and refuses paths that are not in their one clean form,
// which are never redirected.
func (f *Front) canonicalPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		if p == "" || p[0] != '/' || !isCanonical(p) {
			f.unmatched(w, r)
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

func isCanonical(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}

// unmatched answers what no route serves: 404, or 405 where another method is.
func (f *Front) unmatched(w http.ResponseWriter, r *http.Request) {
	f.limited("", func(w http.ResponseWriter, r *http.Request) {
		err := &problem.Error{Kind: problem.NotFound, Reason: "not_found", Detail: "There is nothing at this path"}
		if allowed := f.allowedMethods(r); len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			err = &problem.Error{Kind: problem.MethodNotAllowed, Reason: "method_not_allowed", Detail: "This path does not take this method"}
		}
		surfaceOf(r)(w, r, err)
	}).ServeHTTP(w, r)
}

// allowedMethods lists the methods that the request's path takes: none if it is not
// in its clean form, by which the mux would find what is behind it.
func (f *Front) allowedMethods(r *http.Request) []string {
	var methods []string
	if !isCanonical(r.URL.EscapedPath()) {
		return nil
	}
	for _, method := range []string{"DELETE", "GET", "HEAD", "PATCH", "POST"} {
		probe := *r
		probe.Method = method
		if _, pattern := f.mux.Handler(&probe); pattern != "" && pattern != "/" {
			methods = append(methods, method)
		}
	}
	return methods
}
