package credential

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// This file is what a forger has who also holds the signing key: any header and
// any payload, rightly signed.

const (
	testIssuer   = "https://api.example.com"
	testAudience = "openwearables:user"
)

var testNow = time.Unix(1_772_000_000, 0)

func testClaims() Claims {
	return Claims{
		Issuer: testIssuer, Audience: testAudience,
		Subject:   "550e8400-e29b-41d4-a716-446655440000",
		SessionID: "0195f1b2-0000-7000-8000-000000000001",
		ID:        "0195f1b2-0000-7000-8000-000000000002",
		IssuedAt:  testNow.UTC(), NotBefore: testNow.UTC(), ExpiresAt: testNow.Add(time.Hour).UTC(),
		Scope: "sdk", AppID: "admin:0195f1b2", Actor: "0195f1b2",
	}
}

func newKey(t testing.TB, algorithm string) *SigningKey {
	t.Helper()
	k, err := NewSigningKey(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, k *SigningKey, c Claims) string {
	t.Helper()
	token, err := k.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func eachAlgorithm(t *testing.T, test func(t *testing.T, k *SigningKey)) {
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) { test(t, newKey(t, algorithm)) })
	}
}

func encodePart(s string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(s))
}

// signParts signs two parts that are already encoded.
func signParts(t testing.TB, k *SigningKey, head, body string) string {
	t.Helper()
	signature, err := k.method.Sign(head+"."+body, k.private)
	if err != nil {
		t.Fatal(err)
	}
	if k.Algorithm == ES256 {
		toLowS(signature)
	}
	return head + "." + body + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func signJSON(t testing.TB, k *SigningKey, header, payload string) string {
	t.Helper()
	return signParts(t, k, encodePart(header), encodePart(payload))
}

func headerOf(k *SigningKey) string {
	return fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, k.Algorithm, k.ID)
}

// payloadWith is a good payload as JSON, with some members replaced by other
// JSON text or, where that is empty, left out.
func payloadWith(members map[string]string) string {
	all := map[string]string{
		"iss": `"` + testIssuer + `"`, "aud": `"` + testAudience + `"`, "sub": `"a subject"`, "sid": `"a session"`, "jti": `"an id"`,
		"iat": fmt.Sprint(testNow.Unix()), "nbf": fmt.Sprint(testNow.Unix()), "exp": fmt.Sprint(testNow.Unix() + 3600),
	}
	maps.Copy(all, members)
	var parts []string
	for _, name := range []string{"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "scope", "app_id", "act", "other"} {
		if value := all[name]; value != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, value))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func verify(ks KeySet, token string) (Claims, error) {
	return ks.Verify(token, isIssuer(testIssuer), []string{"openwearables:developer", testAudience}, testNow)
}

// refuses demands the bare ErrInvalidToken, which says nothing of the token.
func refuses(t *testing.T, ks KeySet, name, token string) {
	t.Helper()
	if c, err := verify(ks, token); err != ErrInvalidToken || c != (Claims{}) {
		t.Errorf("%s: Verify = %+v, %v", name, c, err)
	}
}

func accepts(t *testing.T, ks KeySet, name, token string) {
	t.Helper()
	if _, err := verify(ks, token); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func decodeJSON(t *testing.T, part string) map[string]any {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	var m map[string]any
	if err = errors.Join(err, json.Unmarshal(b, &m)); err != nil {
		t.Fatal(err)
	}
	return m
}

// isIssuer returns a function that holds for the one issuer.
func isIssuer(only string) func(string) bool {
	return func(issuer string) bool { return issuer == only }
}
