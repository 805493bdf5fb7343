package main_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Envoy is answered only if it has the secret of the policy, and rubbish is no question.
func TestEnvoyIsAskedForItsSecret(t *testing.T) {
	t.Parallel()
	i := install(t)
	secret := rand.Text() + rand.Text()
	i.put("secret", secret, 0o600)
	i.put("policy.yaml", "secret_file: secret\nrules:\n  - {methods: [GET], path: /, allow: [none]}\n", 0o600)
	p := i.serve("--forward-auth-policy", "policy.yaml", "--ext-authz-addr", "127.0.0.1:0")
	if !p.logs("answering ext_authz") {
		t.Fatalf("the server does not answer ext_authz: %s", &p.stderr)
	}
	ask := func(secret, message string) (status string, answer string) {
		t.Helper()
		return askExtAuthz(t, p, message, "X-Forward-Auth-Secret", secret)
	}
	const question = "\x0a\x0f\x22\x0d\x12\x0b\x12\x03GET\x22\x01/\x2a\x01h" // GET / of h
	if status, answer := ask(secret, question); status != "0" || !strings.Contains(answer, "x-auth-subject") || strings.Contains(answer, "x-reason") {
		t.Errorf("with the secret the answer is %s %q", status, answer)
	}
	for _, wrong := range []string{"", secret[1:]} {
		if status, answer := ask(wrong, question); status != "0" || !strings.Contains(answer, "proxy_not_trusted") {
			t.Errorf("with the secret %q the answer is %s %q", wrong, status, answer)
		}
	}
	const another = "\x0a\x25\x22\x23\x12\x21\x12\x03GET\x22\x01/\x2a\x01h\x1a\x14\x0a\x0fx-forwarded-uri\x12\x01/" // of its own
	if status, answer := ask(secret, another); status != "0" || !strings.Contains(answer, "ambiguous_request") {
		t.Errorf("a request that names another path is answered %s %q", status, answer)
	}
	const raw = "\x0a\x11\x22\x0f\x12\x0d\x12\x03GET\x22\x01/\x2a\x01h\x6a\x00" // with encode_raw_headers
	for _, rubbish := range []string{"", "\x0a\x00", "\x0a\x02\x22\x00"} {
		if status, answer := ask(secret, rubbish); status != "0" || !strings.Contains(answer, "malformed_path") {
			t.Errorf("%q is answered %s %q", rubbish, status, answer)
		}
	}
	for _, rubbish := range []string{"\x0a", "\xff\xff\xff", "\x0a\x7f\x22", raw} {
		if status, answer := ask(secret, rubbish); status != "3" || answer != "" {
			t.Errorf("%q is answered %s %q", rubbish, status, answer)
		}
	}
}

// askExtAuthz asks as Envoy does, with a field in the header of the question.
func askExtAuthz(t *testing.T, p *process, message, field, value string) (status, answer string) {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	frame := append([]byte{0, 0, 0, byte(len(message) >> 8), byte(len(message))}, message...)
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+answersExtAuthz.FindStringSubmatch(p.stderr.String())[1]+
		"/envoy.service.auth.v3.Authorization/Check", bytes.NewReader(frame))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set(field, value)
	res, err := (&http.Client{Transport: transport, Timeout: requestTimeout}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.Trailer.Get("Grpc-Status") + res.Header.Get("Grpc-Status"), string(body)
}

// Of a proxy before Envoy, the client is whom that one names, and of anybody else it is who
// asks Envoy. A client that Envoy does not know is nowhere.
func TestEnvoyKnowsClientsBehindProxies(t *testing.T) {
	t.Parallel()
	g := guard(t, "x-forwarded", "--trusted-proxies", "127.0.0.0/8,198.51.100.1")
	if !g.logs("answering ext_authz") {
		t.Fatalf("the server does not answer ext_authz: %s", &g.stderr)
	}
	message := func(fields ...string) (b []byte) {
		for i := 0; i < len(fields); i += 2 {
			b = protowire.AppendTag(b, protowire.Number(fields[i][0]), protowire.BytesType)
			b = protowire.AppendString(b, fields[i+1])
		}
		return b
	}
	_, elsewhere, _ := strings.Cut(g.credentials["a key for elsewhere"], ": ")
	local := "Bearer " + g.want(201, "POST", "/api/v1/api-keys", g.admin, map[string]any{"allowed_networks": []string{"127.0.0.0/8"}}).str("key")
	for _, c := range []struct {
		peer, forwarded, key string
		allowed              bool
	}{
		{"203.0.113.7", "", elsewhere, true},
		{"198.51.100.1", "203.0.113.7,198.51.100.1", elsewhere, true},
		{"198.51.100.1", "203.0.113.7, 192.0.2.1", elsewhere, false},
		{"192.0.2.1", "203.0.113.7", elsewhere, false},
		{"", "203.0.113.7", elsewhere, false},
		{"127.0.0.1", "192.0.2.1", local, false},
		{"", "", local, false},
		{"192.0.2.1", "127.0.0.1", local, false},
	} {
		header := string(message("\x03", string(message("\x01", "authorization", "\x02", c.key)), "\x03", string(message("\x01", "x-forwarded-for", "\x02", c.forwarded))))
		request := message("\x02", string(message("\x02", "GET", "\x04", "/users", "\x05", "h"))+header)
		peer := message("\x01", string(message("\x01", string(message("\x02", c.peer)))))
		_, answer := askExtAuthz(t, g.process, string(message("\x01", string(message("\x01", string(peer), "\x04", string(request))))), "X-Any", "")
		if allowed := !strings.Contains(answer, "x-reason"); allowed != c.allowed || !allowed && !strings.Contains(answer, "network_not_allowed") {
			t.Errorf("from %q for %q the answer is %q", c.peer, c.forwarded, answer)
		}
	}
}
