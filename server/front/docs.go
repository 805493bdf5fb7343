package front

import (
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"

	"github.com/openwearables/openwearables/gen/docs"
	"github.com/openwearables/openwearables/gen/openapi"
)

// docsPolicy permits the pages of the documentation what this server serves, and calls to
// it. Drawings in style sheets are data.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guidesPolicy is that of all pages but the reference, whose library writes HTML.
const guidesPolicy = docsPolicy + "; require-trusted-types-for 'script'; trusted-types 'none'"

// registerDocs serves the documentation below /docs, the API reference with it, from
// files in the binary, and openapi.yaml. Where a browser navigates to a page that there
// is not, unmatched says so in a page.
func (f *Front) registerDocs(withDashboard bool) {
	f.handlePage("GET /openapi.yaml", "openapi.yaml", document("application/yaml", docsPolicy, openapi.Spec))
	files := builtDocs()
	for name, file := range files {
		route, isPage := strings.CutSuffix(name, ".html")
		switch route {
		case "missing", "reference", "reference-session":
			continue
		case "index":
			f.handlePage("GET /docs", "docs", file.serve)
			continue
		}
		if !isPage {
			route = name
		}
		f.handlePage("GET /docs/"+route, "docs", file.serve)
	}
	reference := files["reference.html"]
	if withDashboard {
		reference = files["reference-session.html"]
	}
	f.handlePage("GET /docs/reference", "docs", reference.serve)
	refused, missing := f.unmatched, f.aside("docs", refuse, readNone, http.HandlerFunc(files["missing.html"].serve))
	f.unmatched = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
		if isRead && strings.HasPrefix(r.URL.Path, "/docs/") && isCanonical(r.URL.EscapedPath()) && accepts(r.Header["Accept"], "text/html") {
			missing.ServeHTTP(w, r)
			return
		}
		refused.ServeHTTP(w, r)
	})
}

// builtDocs returns the files of the documentation, with those of the library that shows
// the reference. All fronts of a process share them.
var builtDocs = sync.OnceValue(func() map[string]*siteFile {
	files := siteFiles(docs.Site(), guidesPolicy)
	for _, name := range []string{"swagger-ui-bundle.js", "swagger-ui.css"} {
		data, err := fs.ReadFile(static.FS, name+".gz")
		if err != nil {
			panic(err) // the package no longer has the file
		}
		f := newSiteFile(name, docsPolicy)
		f.gzip = data
		f.sign()
		files[name] = f
	}
	for _, name := range []string{"reference.html", "reference-session.html"} {
		files[name].policy = docsPolicy
	}
	missing := files["missing.html"]
	missing.status, missing.cache, missing.varies = http.StatusNotFound, never, "Accept, Accept-Encoding"
	return files
})

// document serves data with a Content-Security-Policy, cached for five minutes.
func document(contentType, policy string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Content-Security-Policy", policy)
		_, _ = w.Write(data) // an error means that the client has gone
	}
}
