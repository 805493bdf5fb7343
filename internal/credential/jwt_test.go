package credential

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestSignVerifyRoundTrip(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		ks := KeySet{k.ID: k}
		plain := testClaims()
		plain.Scope, plain.AppID, plain.Actor = "", "", ""
		quoted := testClaims()
		quoted.Subject, quoted.Actor = "a \"subject\" \\ <é>\u2028", "\t\x01"
		for _, want := range []Claims{testClaims(), plain, quoted} {
			got, err := verify(ks, sign(t, k, want))
			if err != nil || got != want {
				t.Errorf("Verify = %+v, %v\nwant %+v", got, err, want)
			}
		}
	})
}

func TestTokenIsPinned(t *testing.T) {
	k, err := newSigningKey("kid0", HS256, bytes.Repeat([]byte{7}, secretLen))
	if err != nil {
		t.Fatal(err)
	}
	c := testClaims()
	parts := strings.Split(sign(t, k, c), ".")
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	if want := `{"alg":"HS256","kid":"kid0","typ":"JWT"}`; string(header) != want {
		t.Errorf("header %s, want %s", header, want)
	}
	want := `{"iss":"https://api.example.com","aud":"openwearables:user","sub":"550e8400-e29b-41d4-a716-446655440000",` +
		`"sid":"0195f1b2-0000-7000-8000-000000000001","jti":"0195f1b2-0000-7000-8000-000000000002",` +
		`"iat":1772000000,"nbf":1772000000,"exp":1772003600,"scope":"sdk","app_id":"admin:0195f1b2","act":{"sub":"0195f1b2"}}`
	if string(payload) != want {
		t.Errorf("payload %s\nwant    %s", payload, want)
	}
	c.Scope, c.AppID, c.Actor, c.NotBefore = "", "", "", time.Time{}
	members := slices.Sorted(maps.Keys(decodeJSON(t, strings.Split(sign(t, k, c), ".")[1])))
	if got, want := strings.Join(members, " "), "aud exp iat iss jti nbf sid sub"; got != want {
		t.Errorf("a developer's token has %s, want %s", got, want)
	}
}

func TestTokensAreReadByOthers(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		token, err := jwt.Parse(sign(t, k, testClaims()), func(*jwt.Token) (any, error) { return k.public, nil },
			jwt.WithValidMethods([]string{k.Algorithm}), jwt.WithIssuer(testIssuer), jwt.WithAudience(testAudience),
			jwt.WithExpirationRequired(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return testNow }))
		if err != nil || token.Header["kid"] != k.ID {
			t.Fatalf("golang-jwt reads %v, %v", token, err)
		}
	})
}

func TestSignRefusesWhatVerifyWould(t *testing.T) {
	k := newKey(t, HS256)
	for name, spoil := range map[string]func(*Claims){
		"no issuer":             func(c *Claims) { c.Issuer = "" },
		"no audience":           func(c *Claims) { c.Audience = "" },
		"no subject":            func(c *Claims) { c.Subject = "" },
		"no session":            func(c *Claims) { c.SessionID = "" },
		"no id":                 func(c *Claims) { c.ID = "" },
		"no times":              func(c *Claims) { c.IssuedAt, c.NotBefore, c.ExpiresAt = time.Time{}, time.Time{}, time.Time{} },
		"ends as it begins":     func(c *Claims) { c.ExpiresAt = c.IssuedAt.Add(999 * time.Millisecond) },
		"ends before nbf":       func(c *Claims) { c.NotBefore = c.ExpiresAt },
		"ends in the year 9999": func(c *Claims) { c.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"invalid UTF-8":         func(c *Claims) { c.Subject = "\xff" },
		"too long":              func(c *Claims) { c.Subject = strings.Repeat("x", 4000) },
	} {
		c := testClaims()
		spoil(&c)
		if token, err := k.Sign(c); err == nil || token != "" {
			t.Errorf("%s: signed", name)
		}
	}
	if _, err := new(SigningKey).Sign(testClaims()); err == nil {
		t.Error("the zero key signs")
	}
}

func TestSigningKeyRoundTrip(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		b, err := k.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSigningKey(b)
		if err != nil || again.ID != k.ID || again.Algorithm != k.Algorithm {
			t.Fatalf("ParseSigningKey = %v, %v", again, err)
		}
		clear(b) // the key must not live in the caller's buffer
		accepts(t, KeySet{k.ID: k}, "signed by the key read back", sign(t, again, testClaims()))
		accepts(t, KeySet{k.ID: again}, "verified by the key read back", sign(t, k, testClaims()))
	})
}

func TestSigningKeysAreDistinct(t *testing.T) {
	a, b := newKey(t, HS256), newKey(t, HS256)
	if a.ID == b.ID || bytes.Equal(a.secret, b.secret) {
		t.Error("two new keys share an ID or a secret")
	}
	for _, algorithm := range []string{"", "none", "hs256", "RS256", "HS512"} {
		if k, err := NewSigningKey(algorithm); err == nil || k != nil {
			t.Errorf("a key for %q", algorithm)
		}
	}
}

func TestParseSigningKeyRefuses(t *testing.T) {
	b, err := newKey(t, ES256).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	alter := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(b)) }
	for name, b := range map[string][]byte{
		"another version":    alter(func(b []byte) []byte { b[0]++; return b }),
		"another algorithm":  alter(func(b []byte) []byte { b[1] = byte(len(algorithms)); return b }),
		"no ID":              alter(func(b []byte) []byte { b[2] = 0; return append(b[:3], b[3+mintedKeyID:]...) }),
		"an ID cut":          alter(func(b []byte) []byte { b[2]--; return b }),
		"an ID to be quoted": alter(func(b []byte) []byte { b[3] = '"'; return b }),
		"a longer secret":    append(bytes.Clone(b), 0),
		"a scalar of 0":      alter(func(b []byte) []byte { clear(b[len(b)-secretLen:]); return b }),
	} {
		if k, err := ParseSigningKey(b); err == nil || k != nil {
			t.Errorf("%s is read", name)
		}
	}
	for i := range b {
		if _, err := ParseSigningKey(b[:i]); err == nil {
			t.Errorf("the first %d bytes are read", i)
		}
	}
	if _, err := new(SigningKey).MarshalBinary(); err == nil {
		t.Error("the zero key is marshalled")
	}
}

func TestES256SignaturesHaveLowS(t *testing.T) {
	k := newKey(t, ES256)
	ks := KeySet{k.ID: k}
	for range 20 {
		token := sign(t, k, testClaims())
		accepts(t, ks, "as signed", token)
		end := strings.LastIndexByte(token, '.') + 1
		signature, _ := base64.RawURLEncoding.DecodeString(token[end:])
		s := new(big.Int).SetBytes(signature[32:])
		s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
		if k.method.Verify(token[:end-1], signature, k.public) != nil {
			t.Fatal("n-s is no valid signature: nothing is shown")
		}
		refuses(t, ks, "with n-s", token[:end]+base64.RawURLEncoding.EncodeToString(signature))
	}
}

func TestJWKSHoldsPublicKeysOnly(t *testing.T) {
	es, ed, hs := newKey(t, ES256), newKey(t, EdDSA), newKey(t, HS256)
	if got := string(KeySet{hs.ID: hs}.JWKS()); got != `{"keys":[]}` {
		t.Errorf("JWKS of HS256 = %s", got)
	}
	if got := string(KeySet(nil).JWKS()); got != `{"keys":[]}` {
		t.Errorf("JWKS of nothing = %s", got)
	}
	ks := KeySet{es.ID: es, ed.ID: ed, hs.ID: hs}
	text := ks.JWKS()
	for range 20 {
		if !bytes.Equal(text, ks.JWKS()) {
			t.Fatal("the order of the keys changes")
		}
	}
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("JWKS = %s, %v", text, err)
	}
	for _, key := range set.Keys {
		members := strings.Join(slices.Sorted(maps.Keys(key)), " ")
		x, _ := base64.RawURLEncoding.DecodeString(key["x"])
		var public any
		switch key["kid"] {
		case es.ID:
			if members != "alg crv kid kty use x y" || key["kty"] != "EC" || key["crv"] != "P-256" || key["alg"] != ES256 {
				t.Errorf("ES256 as %v", key)
			}
			y, _ := base64.RawURLEncoding.DecodeString(key["y"])
			point, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
			if err != nil {
				t.Fatal(err)
			}
			public = point
		case ed.ID:
			if members != "alg crv kid kty use x" || key["kty"] != "OKP" || key["crv"] != "Ed25519" || key["alg"] != EdDSA {
				t.Errorf("EdDSA as %v", key)
			}
			public = ed25519.PublicKey(x)
		}
		token := sign(t, ks[key["kid"]], testClaims())
		if _, err := jwt.Parse(token, func(*jwt.Token) (any, error) { return public, nil },
			jwt.WithTimeFunc(func() time.Time { return testNow })); err != nil {
			t.Errorf("%s: the published key does not verify: %v", key["alg"], err)
		}
		if key["use"] != "sig" {
			t.Errorf("use %q", key["use"])
		}
	}
}

func TestVerifyIsSafeForConcurrentUse(t *testing.T) {
	ks := KeySet{}
	var tokens []string
	for _, algorithm := range algorithms {
		k := newKey(t, algorithm)
		ks[k.ID] = k
		tokens = append(tokens, sign(t, k, testClaims()))
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 5 {
				if c, err := verify(ks, tokens[i%len(tokens)]); err != nil || c != testClaims() {
					t.Errorf("Verify = %+v, %v", c, err)
				}
				if _, err := verify(ks, tokens[i%len(tokens)]+"A"); err == nil {
					t.Error("a longer signature verifies")
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSign(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(algorithm, func(b *testing.B) {
			k, c := newKey(b, algorithm), testClaims()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Sign(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range algorithms {
		b.Run(algorithm, func(b *testing.B) {
			k := newKey(b, algorithm)
			ks, token := KeySet{k.ID: k}, sign(b, k, testClaims())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verify(ks, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerifyRefuses(b *testing.B) {
	k := newKey(b, HS256)
	ks, token := KeySet{k.ID: k}, sign(b, k, testClaims())
	for name, token := range map[string]string{
		"signature": token[:len(token)-2] + "AA",
		"1 MiB":     strings.Repeat(".", 1<<20),
		"no JWT":    Mint(LiveKey),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verify(ks, token); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
