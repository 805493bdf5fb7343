package scenario_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/gen/openapi"
)

// document returns the document at the path, decompressed as a browser would.
func (n *node) document(t *testing.T, path, contentType string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // decompresses the body
	res, err := plain.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != contentType {
		t.Fatalf("%s answers %d, %q", path, res.StatusCode, got)
	}
	if cache := res.Header.Get("Cache-Control"); cache != "public, max-age=300" {
		t.Errorf("%s: Cache-Control is %q", path, cache)
	}
	policy := directives(res.Header.Get("Content-Security-Policy"))
	for directive, want := range map[string]string{
		"default-src": "'none'", "script-src": "'self'", "connect-src": "'self'", "style-src": "'self'",
		"img-src": "'self' data:", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
	} {
		if policy[directive] != want {
			t.Errorf("%s: %s is %q", path, directive, policy[directive])
		}
	}
	return string(text)
}

// directives returns the directives of a Content-Security-Policy.
func directives(policy string) map[string]string {
	all := make(map[string]string)
	for part := range strings.SplitSeq(policy, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		all[name] = value
	}
	return all
}

// TestDocs checks that the reference page loads only assets of the binary, and only such as its
// policy allows.
func TestDocs(t *testing.T) {
	n := start(t, unlimited)
	html := n.document(t, "/docs", "text/html; charset=utf-8")
	if regexp.MustCompile(`(?i)<script(>| [^>]*[^>]>\s*[^<\s])|<style|\son\w+=|javascript:`).MatchString(html) {
		t.Errorf("the page has scripts or styles of its own:\n%s", html)
	}
	loaded := 0
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		contentType := "text/javascript; charset=utf-8"
		switch path := m[1]; {
		case strings.HasPrefix(path, "data:"):
			continue
		case path == "/openapi.yaml":
			contentType = "application/yaml"
		case strings.HasSuffix(path, ".css"):
			contentType = "text/css; charset=utf-8"
		case path == "/reference.js":
			if f := n.file(t, "GET", path, nil); f.status != 200 || f.Get("Content-Type") != contentType {
				t.Errorf("%s answers %d %v", path, f.status, f.Header)
			}
			continue
		case !strings.HasPrefix(path, "/docs/"):
			t.Errorf("the page loads %q", path)
			continue
		}
		text := n.document(t, m[1], contentType)
		loaded++
		for _, url := range regexp.MustCompile(`(?:@import\s+|url\()\s*["']?([^"')]+)`).FindAllStringSubmatch(text, -1) {
			if contentType == "text/css; charset=utf-8" && !strings.HasPrefix(url[1], "data:") {
				t.Errorf("%s loads %q", m[1], url[1])
			}
		}
	}
	if loaded != 4 {
		t.Errorf("the page loads %d assets, want 4", loaded)
	}
	script := n.document(t, "/docs/docs.js", "text/javascript; charset=utf-8")
	if !strings.Contains(script, `url: "/openapi.yaml"`) || !strings.Contains(script, "validatorUrl: null") || strings.Contains(script, "//") {
		t.Errorf("the script is\n%s", script)
	}
	if n.document(t, "/openapi.yaml", "application/yaml") != string(openapi.Spec) {
		t.Error("/openapi.yaml is not the contract")
	}
}
