package scenario_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/server"
)

func knownAs(url string) func(*server.Config) {
	return func(c *server.Config) { c.PublicURL = url }
}

// issuerOf returns the iss of a token.
func issuerOf(t *testing.T, token string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var claims struct{ Iss string }
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims.Iss
}

// TestMetadata checks RFC 8414: the issuer is the configured URL, byte by byte, at both places where
// clients of a URL with a path look; without a URL there is none, and it is said why.
func TestMetadata(t *testing.T) {
	t.Parallel()
	const path = "/.well-known/oauth-authorization-server"
	for _, known := range []string{"https://auth.example.com", "https://example.com:8443/wearables/auth", "http://localhost:8000"} {
		n := start(t, unlimited, knownAs(known))
		u, err := url.Parse(known)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"issuer":"` + known + `","jwks_uri":"` + known + `/.well-known/jwks.json","introspection_endpoint":"` + known +
			`/oauth/introspect","introspection_endpoint_auth_methods_supported":["client_secret_basic"],"response_types_supported":[],"grant_types_supported":[],` +
			`"service_documentation":"` + known + `/docs"}`
		for _, at := range []string{path, path + u.Path} {
			res, body := n.send(t, newRequest(t, "GET", n.url+at, nil))
			if res.StatusCode != 200 || string(body) != want || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Cache-Control") != "public, max-age=300" {
				t.Errorf("%s of %s is %d %s %v", at, known, res.StatusCode, body, res.Header)
			}
		}
		n.wantRaw(t, "GET", path+"/elsewhere", "", "", 404, "not_found")
		n.wantRaw(t, "POST", path, "", "", 405, "method_not_allowed")
	}
	n := start(t, unlimited)
	if a := n.wantRaw(t, "GET", path, "", "", 404, "not_found"); !strings.Contains(a.Detail, "--public-url") {
		t.Errorf("without a URL it is said %q", a.Detail)
	}
}

// TestTokensSurviveAChangeOfTheURL checks that tokens name the URL as their issuer, and that those
// in circulation go on to work when it is set, changed and removed, also on a node that has another.
func TestTokensSurviveAChangeOfTheURL(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.boot(t, unlimited)
	n.addDeveloper(n.email, n.password)
	d := n.drivers()[0]
	var tokens []string
	for i, known := range []string{"", "https://auth.example.com", "https://auth.example.org/v2", ""} {
		if i > 0 {
			n.stop()
			n.boot(t, unlimited, knownAs(known))
			d = n.drivers()[0]
		}
		token, _ := n.login(t, d)
		tokens = append(tokens, token)
		want := known
		if want == "" {
			want = "openwearables"
		}
		if iss := issuerOf(t, token); iss != want {
			t.Errorf("with the URL %q the issuer of a token is %q", known, iss)
		}
		for _, earlier := range tokens {
			n.wantRaw(t, "GET", "/api/v1/auth/me", "", "", 200, "", bearer(earlier))
			var said struct{ Iss string }
			_, _, body := n.introspect(t, url.Values{"token": {earlier}}.Encode(), bearer(token))
			if err := json.Unmarshal([]byte(body), &said); err != nil || said.Iss != want {
				t.Errorf("with the URL %q the introspection of a token of %s is %s", known, issuerOf(t, earlier), body)
			}
		}
	}
}
