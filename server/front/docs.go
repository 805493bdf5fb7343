package front

import (
	"bytes"
	_ "embed"
	"io/fs"
	"net/http"

	"github.com/swaggest/swgui/v5/static"

	"github.com/openwearables/openwearables/gen/openapi"
)

//go:embed docs.html
var docsPage []byte

//go:embed docs.js
var docsScript []byte

// docsPolicy permits the scripts and styles of the reference page, and its calls
// to this server.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// sessionScript is the line of the page that lets it use the session of the dashboard.
const sessionScript = `<script type="module" src="/reference.js"></script>` + "\n"

// registerDocs serves the API reference, from assets in the binary, and
// openapi.yaml.
func registerDocs(handle func(pattern, operation string, h http.HandlerFunc), withDashboard bool) {
	page := docsPage
	if !withDashboard {
		page = bytes.Replace(docsPage, []byte(sessionScript), nil, 1)
	}
	handle("GET /openapi.yaml", "openapi.yaml", document("application/yaml", docsPolicy, openapi.Spec))
	handle("GET /docs", "docs", document("text/html; charset=utf-8", docsPolicy, page))
	handle("GET /docs/docs.js", "docs", document("text/javascript; charset=utf-8", docsPolicy, docsScript))
	for name, contentType := range map[string]string{
		"swagger-ui-bundle.js": "text/javascript; charset=utf-8", "swagger-ui.css": "text/css; charset=utf-8",
	} {
		handle("GET /docs/"+name, "docs", asset(name, contentType))
	}
}

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

// asset serves a file of the swgui package, which stores it as gzip. Every
// browser that runs the page accepts gzip.
func asset(name, contentType string) http.HandlerFunc {
	data, err := fs.ReadFile(static.FS, name+".gz")
	if err != nil {
		panic(err) // the package no longer has the file
	}
	serve := document(contentType, docsPolicy, data)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Add("Vary", "Accept-Encoding")
		serve(w, r)
	}
}
