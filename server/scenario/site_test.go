package scenario_test

import (
	"bytes"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// isOfDashboard reports whether the answer is a file of the dashboard, which may be cached.
func isOfDashboard(r *http.Request, res *http.Response) bool {
	path := r.URL.Path
	return res.StatusCode == 200 && (path == "/" || path == "/setup" || path == "/theme.js" || strings.HasPrefix(path, "/assets/") ||
		strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"))
}

// file is a file of the dashboard, as it was sent.
type file struct {
	http.Header
	status int
	body   []byte
}

// file requests a path, as a browser that navigates there unless the header says otherwise.
func (n *node) file(t *testing.T, method, path string, header map[string]string) file {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	plain := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := plain.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return file{res.Header, res.StatusCode, body}
}

// loaded matches what the page loads.
var loaded = regexp.MustCompile(`(?:src|href)="(/[^"]*)"`)

func TestDashboardIsOnePageUnderAStrictPolicy(t *testing.T) {
	n := start(t, unlimited)
	page := n.file(t, "GET", "/", map[string]string{"Accept-Encoding": "identity"})
	html := string(page.body)
	if page.status != 200 || !strings.HasPrefix(html, "<!doctype html>") || page.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("/ answers %d %v: %.200s", page.status, page.Header, html)
	}
	if regexp.MustCompile(`(?i)<script(>| [^>]*[^>]>\s*[^<\s])|<style|\s(on\w+|style)=|javascript:|data:|https?:`).MatchString(html) {
		t.Errorf("the page has scripts or styles of its own, or those of others:\n%s", html)
	}
	files := loaded.FindAllStringSubmatch(html, -1)
	if len(files) < 3 {
		t.Errorf("the page loads %q", files)
	}
	for _, m := range files {
		f := n.file(t, "GET", m[1], map[string]string{"Accept": "*/*"})
		cache := "no-cache"
		if strings.HasPrefix(m[1], "/assets/") {
			cache = "public, max-age=31536000, immutable"
		}
		if f.status != 200 || f.Get("Cache-Control") != cache || f.Get("ETag") == "" || strings.HasPrefix(f.Get("Content-Type"), "text/html") {
			t.Errorf("%s answers %d %v", m[1], f.status, f.Header)
		}
		checkPolicy(t, m[1], f.Header)
	}
	for _, path := range []string{"/", "/setup", "/keys", "/keys/key_1", "/no-such-page", "/users?search=a%20b"} {
		f := n.file(t, "GET", path, nil)
		if f.status != 200 || f.Get("ETag") == "" || f.Get("Cache-Control") != "no-cache" || f.Get("Content-Encoding") != "br" ||
			!slices.Contains(f.Values("Vary"), "Accept, Accept-Encoding") {
			t.Errorf("%s answers %d %v", path, f.status, f.Header)
		}
		checkPolicy(t, path, f.Header)
		if head := n.file(t, "HEAD", path, nil); head.status != 200 || head.Get("Content-Length") != f.Get("Content-Length") || len(head.body) > 0 {
			t.Errorf("HEAD %s answers %d %v", path, head.status, head.Header)
		}
	}
}

func checkPolicy(t *testing.T, path string, h http.Header) {
	t.Helper()
	policy := directives(h.Get("Content-Security-Policy"))
	for directive, want := range map[string]string{
		"default-src": "'self'", "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'", "object-src": "'none'",
		"require-trusted-types-for": "'script'", "trusted-types": "'none'", "script-src": "", "style-src": "", "img-src": "", "connect-src": "",
	} {
		if policy[directive] != want {
			t.Errorf("%s: %s is %q", path, directive, policy[directive])
		}
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %s is %q", path, name, h.Get(name))
		}
	}
}

// TestDashboardIsSentCompressed checks that each form of a file unpacks to the same bytes, and has
// a tag of its own.
func TestDashboardIsSentCompressed(t *testing.T) {
	n := start(t, unlimited)
	plain := n.file(t, "GET", "/", map[string]string{"Accept-Encoding": "identity"})
	script := loaded.FindStringSubmatch(string(plain.body))[1]
	for _, path := range []string{"/", script} {
		tags := make(map[string]bool)
		var want []byte
		for _, c := range []struct{ accept, encoding string }{
			{"identity", ""}, {"br;q=0, gzip;q=0", ""}, {"zstd", ""}, {"gzip", "gzip"}, {"gzip;q=0.5, br;q=0.000", "gzip"}, {"deflate, gzip, BR", "br"},
		} {
			f := n.file(t, "GET", path, map[string]string{"Accept-Encoding": c.accept})
			if f.status != 200 || f.Get("Content-Encoding") != c.encoding || !strings.Contains(strings.Join(f.Values("Vary"), ", "), "Accept-Encoding") {
				t.Errorf("%s with %q answers %d %v", path, c.accept, f.status, f.Header)
			}
			tags[f.Get("ETag")] = true
			data := unpack(t, c.encoding, f.body)
			if want == nil {
				want = data
			}
			if len(data) == 0 || !bytes.Equal(data, want) {
				t.Errorf("%s with %q is not what it is without", path, c.accept)
			}
			again := n.file(t, "GET", path, map[string]string{"Accept-Encoding": c.accept, "If-None-Match": `"other", W/` + f.Get("ETag")})
			if again.status != 304 || len(again.body) > 0 || again.Get("ETag") != f.Get("ETag") {
				t.Errorf("%s is sent again: %d %v", path, again.status, again.Header)
			}
		}
		if len(tags) != 3 {
			t.Errorf("%s has the tags %v", path, tags)
		}
	}
}

// unpack decompresses with other programs than those that compressed.
func unpack(t *testing.T, encoding string, data []byte) []byte {
	t.Helper()
	command, ok := map[string][]string{
		"gzip": {"gzip", "-dc"},
		"br":   {"node", "-e", "process.stdout.write(require('zlib').brotliDecompressSync(require('fs').readFileSync(0)))"},
	}[encoding]
	if !ok {
		return data
	}
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Stdin = bytes.NewReader(data)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDashboardLeavesOtherPathsAlone checks that a path which a program reads, and a file that is
// gone, is never answered with the page.
func TestDashboardLeavesOtherPathsAlone(t *testing.T) {
	n := start(t, unlimited)
	for _, path := range []string{
		"/assets/none-00000000.js", "/assets/", "/assets", "/api", "/api/", "/api/v1/nothing", "/api/v2/users", "/openwearables.v1.KeyService/Nothing",
		"/.well-known/none", "/livez/", "/readyz/x", "/metrics", "/grpc.health.v1.Health/Nothing", "/openapi.yaml/",
		"//keys", "/keys//x", "/keys/../users",
	} {
		f := n.file(t, "GET", path, nil)
		if f.status != 404 || f.Get("Content-Type") != "application/json" || f.Get("Cache-Control") != "no-store" {
			t.Errorf("%s answers %d %v", path, f.status, f.Header)
		}
	}
	for path, accept := range map[string]string{"/keys": "application/json", "/users": "*/*", "/team": "text/html;q=0", "/audit": ""} {
		if f := n.file(t, "GET", path, map[string]string{"Accept": accept}); f.status != 404 {
			t.Errorf("%s with Accept: %s answers %d", path, accept, f.status)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if f := n.file(t, method, "/keys", nil); f.status != 404 {
			t.Errorf("%s /keys answers %d", method, f.status)
		}
		if f := n.file(t, method, "/", nil); f.status != 405 || f.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s / answers %d %v", method, f.status, f.Header)
		}
	}
}

func TestDashboardCanBeTurnedOff(t *testing.T) {
	n := start(t, unlimited, func(c *server.Config) { c.Dashboard = false })
	if html := n.wantDocument(t, "/docs/reference", "text/html; charset=utf-8", "no-cache", false); strings.Contains(html, "/reference.js") {
		t.Error("the reference loads what is not there")
	}
	for _, path := range []string{"/", "/setup", "/keys", "/theme.js", "/reference.js", "/assets/"} {
		if f := n.file(t, "GET", path, nil); f.status != 404 || f.Get("Content-Type") != "application/json" {
			t.Errorf("%s answers %d %v", path, f.status, f.Header)
		}
	}
}
