package main_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"
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
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(secret, message string) (status string, answer string) {
		t.Helper()
		frame := append([]byte{0, 0, 0, 0, byte(len(message))}, message...)
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+answersExtAuthz.FindStringSubmatch(p.stderr.String())[1]+
			"/envoy.service.auth.v3.Authorization/Check", bytes.NewReader(frame))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("X-Forward-Auth-Secret", secret)
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
