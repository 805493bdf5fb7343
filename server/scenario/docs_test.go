package scenario_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/gen/openapi"
)

// directives returns the directives of a Content-Security-Policy.
func directives(policy string) map[string]string {
	all := make(map[string]string)
	for part := range strings.SplitSeq(policy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		all[name] = value
	}
	return all
}

// wantDocument checks the type, caching and policy of a file of the documentation, and
// returns it.
func (n *node) wantDocument(t *testing.T, path, contentType, cache string, strict bool) string {
	t.Helper()
	f := n.file(t, "GET", path, map[string]string{"Accept-Encoding": "identity"})
	if f.status != 200 || f.Get("Content-Type") != contentType || f.Get("Cache-Control") != cache {
		t.Errorf("%s answers %d %v", path, f.status, f.Header)
	}
	policy := directives(f.Get("Content-Security-Policy"))
	want := map[string]string{
		"default-src": "'none'", "script-src": "'self'", "connect-src": "'self'", "style-src": "'self'", "font-src": "'self'",
		"img-src": "'self' data:", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
	}
	if strict {
		want["require-trusted-types-for"], want["trusted-types"] = "'script'", "'none'"
	}
	for directive, value := range want {
		if policy[directive] != value {
			t.Errorf("%s: %s is %q", path, directive, policy[directive])
		}
	}
	return string(f.body)
}

// inPage matches scripts and styles that the policy refuses.
var inPage = regexp.MustCompile(`(?i)<script(>| [^>]*[^>]>\s*[^<\s])|<style|<\w[^>]*\s(?:on\w+|style)=|href="javascript:`)

// TestDocs follows the links of every page of the documentation: each leads to a page or a
// file of the binary, and to a place that is there. What a page loads is in the binary too,
// and such as its policy allows.
func TestDocs(t *testing.T) {
	n := start(t, unlimited)
	const pages, files = "no-cache", "public, max-age=31536000, immutable"
	seen, queue := map[string]string{"/openapi.yaml": "", "/reference.js": ""}, []string{"/docs", "/docs/reference"}
	places := make(map[string]string) // by path#id, the page that links to it
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if _, ok := seen[path]; ok {
			continue
		}
		switch {
		case strings.HasSuffix(path, ".css"):
			text := n.wantDocument(t, path, "text/css; charset=utf-8", cacheOf(path), path != "/docs/swagger-ui.css")
			for _, url := range regexp.MustCompile(`(?:@import\s+|url\()\s*["']?([^"')]+)`).FindAllStringSubmatch(text, -1) {
				if !strings.HasPrefix(url[1], "data:") && !strings.HasPrefix(url[1], "/docs/assets/") {
					t.Errorf("%s loads %q", path, url[1])
				}
			}
			seen[path] = text
			continue
		case strings.HasSuffix(path, ".js"):
			seen[path] = n.wantDocument(t, path, "text/javascript; charset=utf-8", cacheOf(path), path != "/docs/swagger-ui-bundle.js")
			continue
		case path == "/docs/search.json":
			seen[path] = n.wantDocument(t, path, "application/json", pages, true)
			continue
		case strings.HasPrefix(path, "/docs/assets/"):
			if f := n.file(t, "GET", path, nil); f.status != 200 || f.Get("Cache-Control") != files {
				t.Errorf("%s answers %d %v", path, f.status, f.Header)
			}
			seen[path] = ""
			continue
		case path != "/docs" && !strings.HasPrefix(path, "/docs/"):
			t.Errorf("a page links to %q", path)
			continue
		}
		html := n.wantDocument(t, path, "text/html; charset=utf-8", pages, path != "/docs/reference")
		seen[path] = html
		if found := inPage.FindString(html); found != "" {
			t.Errorf("%s has a script or a style of its own: %q", path, found)
		}
		for _, link := range regexp.MustCompile(`(?:src|href|data-index)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
			to, id, _ := strings.Cut(link[1], "#")
			if strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "http://localhost") {
				continue
			}
			if to == "" {
				to = path
			}
			if id != "" {
				places[to+"#"+id] = path
			}
			queue = append(queue, to)
		}
	}
	for place, from := range places {
		path, id, _ := strings.Cut(place, "#")
		if !strings.Contains(seen[path], ` id="`+id+`"`) {
			t.Errorf("%s links to %s, which is not there", from, place)
		}
	}
	if len(seen) < 50 || len(places) < 100 {
		t.Errorf("only %d files and %d places were seen", len(seen), len(places))
	}
	if script := seen["/docs/reference"]; !strings.Contains(script, "/reference.js") {
		t.Error("the reference cannot use the session of the dashboard")
	}
	if f := n.file(t, "GET", "/openapi.yaml", nil); f.status != 200 || !bytes.Equal(f.body, openapi.Spec) || f.Get("Content-Type") != "application/yaml" {
		t.Error("/openapi.yaml is not the contract")
	}
}

// cacheOf returns how a script or a style is cached: for ever, unless its name stays.
func cacheOf(path string) string {
	if strings.HasPrefix(path, "/docs/assets/") {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// TestDocsAreSentAsTheyArePacked checks what a browser saves: it gets gzip, and nothing
// when it has the page already.
func TestDocsAreSentAsTheyArePacked(t *testing.T) {
	n := start(t, unlimited)
	for _, path := range []string{"/docs", "/docs/guides/concepts", "/docs/swagger-ui.css"} {
		plain := n.file(t, "GET", path, map[string]string{"Accept-Encoding": "identity"})
		packed := n.file(t, "GET", path, map[string]string{"Accept-Encoding": "gzip"})
		r, err := gzip.NewReader(bytes.NewReader(packed.body))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(r)
		if err != nil || packed.Get("Content-Encoding") != "gzip" || !bytes.Equal(unpacked, plain.body) {
			t.Errorf("%s as gzip: %v, %v", path, err, packed.Header)
		}
		again := n.file(t, "GET", path, map[string]string{"Accept-Encoding": "gzip", "If-None-Match": packed.Get("ETag")})
		if again.status != http.StatusNotModified || len(again.body) > 0 || plain.Get("ETag") == packed.Get("ETag") {
			t.Errorf("%s again answers %d with %d bytes", path, again.status, len(again.body))
		}
	}
}

// TestDocsThatThereAreNot checks that a browser is told in a page, and a program as
// everywhere.
func TestDocsThatThereAreNot(t *testing.T) {
	n := start(t, unlimited)
	for _, path := range []string{"/docs/", "/docs/guides", "/docs/guides/none", "/docs/missing", "/docs/index", "/docs/reference-session"} {
		f := n.file(t, "GET", path, map[string]string{"Accept-Encoding": "identity"})
		if f.status != 404 || f.Get("Content-Type") != "text/html; charset=utf-8" || f.Get("Cache-Control") != "no-store" || f.Get("ETag") != "" ||
			!bytes.Contains(f.body, []byte("There is no such page")) {
			t.Errorf("%s answers %d %v", path, f.status, f.Header)
		}
		if f := n.file(t, "GET", path, map[string]string{"Accept": "application/json"}); f.status != 404 || f.Get("Content-Type") != "application/json" {
			t.Errorf("to a program %s answers %d %v", path, f.status, f.Header)
		}
	}
	for _, path := range []string{"/docs/../livez", "//docs/guides", "/docs//guides"} {
		if f := n.file(t, "GET", path, nil); f.status != 404 || f.Get("Content-Type") != "application/json" {
			t.Errorf("%s answers %d %v", path, f.status, f.Header)
		}
	}
}
