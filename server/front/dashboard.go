package front

import (
	"net/http"
	"strings"
	"sync"

	"github.com/openwearables/openwearables/gen/dashboard"
)

// dashboardPolicy permits the pages what this server serves, and no script or style in
// the page itself.
const dashboardPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// notOfPages begin the paths whose errors a program reads: no page of the dashboard is
// there.
var notOfPages = []string{"/api", "/openwearables.v1.", "/openapi.yaml", "/docs", "/assets", "/.well-known", "/livez", "/readyz", "/metrics", "/grpc."}

// registerDashboard serves the files of the dashboard. Its one page is at / and at
// /setup, and unmatched passes to it what else a browser navigates to.
func (f *Front) registerDashboard() {
	files := builtSite()
	for name, file := range files {
		if name != "index.html" {
			f.handlePage("GET /"+name, "dashboard", file.serve)
		}
	}
	page := files["index.html"]
	if page == nil {
		panic("front: the dashboard has no page")
	}
	for _, pattern := range []string{"GET /{$}", "GET /setup"} {
		f.handlePage(pattern, "dashboard", page.serve)
	}
	refused, served := f.unmatched, f.aside("dashboard", refuse, readNone, http.HandlerFunc(page.serve))
	f.unmatched = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isNavigation(r) {
			served.ServeHTTP(w, r)
			return
		}
		refused.ServeHTTP(w, r)
	})
}

// isNavigation reports whether a browser opens a path that a page of the dashboard may
// have. The page itself tells whether it does.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !isCanonical(r.URL.EscapedPath()) {
		return false
	}
	for _, prefix := range notOfPages {
		rest, ok := strings.CutPrefix(r.URL.Path, prefix)
		if ok && (rest == "" || rest[0] == '/' || prefix[len(prefix)-1] == '.') {
			return false
		}
	}
	return accepts(r.Header["Accept"], "text/html")
}

// builtSite returns the files of the dashboard, which all fronts of a process share.
var builtSite = sync.OnceValue(func() map[string]*siteFile {
	files := siteFiles(dashboard.Site(), dashboardPolicy)
	if page := files["index.html"]; page != nil {
		page.varies = "Accept, Accept-Encoding" // without the first, many of its paths are 404
	}
	return files
})
