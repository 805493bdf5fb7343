package front

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/openwearables/openwearables/gen/dashboard"
)

// dashboardPolicy permits the pages what this server serves, and no script or style in
// the page itself.
const dashboardPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// The ways in which a file of the dashboard is cached.
const (
	forEver  = "public, max-age=31536000, immutable" // its name changes with its content
	askFirst = "no-cache"
)

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

// siteFile is a file of the dashboard in each form in which it is sent.
type siteFile struct {
	plain, br, gzip    []byte // plain is nil if the others are there
	contentType, cache string
	etag               string // of the content, in quotes but for the last one
	varies             string
}

// builtSite returns the files of the dashboard, which all fronts of a process share.
var builtSite = sync.OnceValue(func() map[string]*siteFile { return siteFiles(dashboard.Site()) })

// siteFiles returns the files by their paths, without the suffixes of compression.
func siteFiles(site fs.FS) map[string]*siteFile {
	files := make(map[string]*siteFile)
	err := fs.WalkDir(site, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(site, name)
		if err != nil {
			return err
		}
		suffix := path.Ext(name)
		if suffix == ".br" || suffix == ".gz" {
			name = strings.TrimSuffix(name, suffix)
		}
		f := files[name]
		if f == nil {
			f = newSiteFile(name)
			files[name] = f
		}
		switch suffix {
		case ".br":
			f.br = data
		case ".gz":
			f.gzip = data
		default:
			f.plain = data
		}
		return nil
	})
	if err != nil {
		panic(err) // the files are in this program
	}
	for name, f := range files {
		if f.plain == nil && (f.br == nil || f.gzip == nil) {
			panic("front: " + name + " of the dashboard is not there in both compressed forms")
		}
		sum := sha256.Sum256(append(f.plain, f.gzip...))
		f.etag = `"` + hex.EncodeToString(sum[:12])
	}
	return files
}

func newSiteFile(name string) *siteFile {
	types := map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".md": "text/markdown; charset=utf-8",
		".txt": "text/plain; charset=utf-8",
	}
	f := &siteFile{contentType: types[path.Ext(name)], cache: askFirst, varies: "Accept-Encoding"}
	if f.contentType == "" {
		panic("front: " + name + " of the dashboard is of an unknown type")
	}
	switch {
	case strings.HasPrefix(name, "assets/"):
		f.cache = forEver
	case name == "index.html":
		f.varies = "Accept, Accept-Encoding" // without the first, many of its paths are 404
	}
	return f
}

// serve sends the file, compressed as it is stored if the client takes that.
func (f *siteFile) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	h.Set("Content-Security-Policy", dashboardPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	data, etag := f.plain, f.etag+`"`
	if data == nil {
		h.Add("Vary", f.varies)
		switch encodings := r.Header["Accept-Encoding"]; {
		case accepts(encodings, "br"):
			data, etag = f.br, f.etag+`-br"`
			h.Set("Content-Encoding", "br")
		case accepts(encodings, "gzip"):
			data, etag = f.gzip, f.etag+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		default:
			data = unpacked(f.gzip)
		}
	}
	h.Set("ETag", etag)
	if accepts(r.Header["If-None-Match"], etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // an error means that the client has gone
}

// unpacked returns what was compressed. Few clients need it.
func unpacked(compressed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		panic(err) // the file is in this program
	}
	data, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return data
}

// accepts reports whether a list in a header, such as Accept, names the value, other
// than with a weight of zero.
func accepts(header []string, value string) bool {
	for item := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, parameters, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimPrefix(strings.TrimSpace(name), "W/"), value) {
			weight, found := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
			return !found || strings.Trim(weight, "0.") != ""
		}
	}
	return false
}
