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
)

// The ways in which a file of a site is cached.
const (
	forEver  = "public, max-age=31536000, immutable" // its name changes with its content
	askFirst = "no-cache"
	never    = "no-store"
)

// siteFile is a file of the dashboard or of the documentation, in each form in which it
// is sent.
type siteFile struct {
	plain, br, gzip            []byte // plain is nil if gzip is there; br may be
	contentType, cache, policy string
	etag                       string // of the content, in quotes but for the last one
	varies                     string
	status                     int
}

// siteFiles returns the files by their paths, without the suffixes of compression, each
// to be sent with the policy.
func siteFiles(site fs.FS, policy string) map[string]*siteFile {
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
			f = newSiteFile(name, policy)
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
		if f.plain == nil && f.gzip == nil {
			panic("front: " + name + " of a site is not there as gzip")
		}
		f.sign()
	}
	return files
}

func newSiteFile(name, policy string) *siteFile {
	types := map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".md": "text/markdown; charset=utf-8",
		".txt": "text/plain; charset=utf-8", ".json": "application/json",
	}
	f := &siteFile{contentType: types[path.Ext(name)], cache: askFirst, policy: policy, varies: "Accept-Encoding", status: http.StatusOK}
	if f.contentType == "" {
		panic("front: " + name + " of a site is of an unknown type")
	}
	if strings.HasPrefix(name, "assets/") {
		f.cache = forEver
	}
	return f
}

// sign sets the tag of the content.
func (f *siteFile) sign() {
	sum := sha256.Sum256(append(f.plain, f.gzip...))
	f.etag = `"` + hex.EncodeToString(sum[:12])
}

// serve sends the file, compressed as it is stored if the client takes that.
func (f *siteFile) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cache)
	h.Set("Content-Security-Policy", f.policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	data, etag := f.plain, f.etag+`"`
	if data == nil {
		h.Add("Vary", f.varies)
		switch encodings := r.Header["Accept-Encoding"]; {
		case f.br != nil && accepts(encodings, "br"):
			data, etag = f.br, f.etag+`-br"`
			h.Set("Content-Encoding", "br")
		case accepts(encodings, "gzip"):
			data, etag = f.gzip, f.etag+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		default:
			data = unpacked(f.gzip)
		}
	}
	if f.status == http.StatusOK {
		h.Set("ETag", etag)
	}
	if f.status == http.StatusOK && accepts(r.Header["If-None-Match"], etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(f.status)
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
