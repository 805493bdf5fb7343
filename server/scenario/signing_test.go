package scenario_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

func signedWith(algorithm string) func(*server.Config) {
	return func(c *server.Config) { c.Auth.SigningAlgorithm = algorithm }
}

// publicKey is a key of a JWKS, with every member of RFC 7517 to 8037.
type publicKey struct {
	Kty, Crv, X, Y, Use, Alg, Kid string
	D, K, P, Q                    string // private members, which must be absent
}

// jwks returns the published keys by their kid.
func (n *node) jwks(t *testing.T) map[string]publicKey {
	t.Helper()
	res, raw := n.send(t, newRequest(t, "GET", n.url+"/.well-known/jwks.json", nil))
	if cc := res.Header.Get("Cache-Control"); res.StatusCode != 200 || cc != "public, max-age=300" {
		t.Errorf("the JWKS is %d, %q", res.StatusCode, cc)
	}
	var set struct{ Keys []publicKey }
	if err := json.Unmarshal(raw, &set); err != nil || set.Keys == nil {
		t.Fatalf("the JWKS is %s", raw)
	}
	keys := map[string]publicKey{}
	for _, k := range set.Keys {
		if k.D+k.K+k.P+k.Q != "" || k.Use != "sig" || k.Kid == "" {
			t.Errorf("a published key is %+v", k)
		}
		keys[k.Kid] = k
	}
	return keys
}

// verifies reports whether a key of the set signed the token. It uses only the set and the RFCs.
func verifies(t *testing.T, keys map[string]publicKey, token string) bool {
	t.Helper()
	head := tokenPart(t, token, 0)
	kid, _ := head["kid"].(string)
	k, ok := keys[kid]
	if !ok || head["alg"] != k.Alg {
		return false
	}
	number := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	parts := strings.Split(token, ".")
	signed, signature := []byte(parts[0]+"."+parts[1]), number(parts[2])
	switch k.Kty + k.Crv + k.Alg {
	case "ECP-256ES256":
		digest := sha256.Sum256(signed)
		point := slices.Concat([]byte{4}, number(k.X), number(k.Y)) // SEC 1, uncompressed
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			t.Fatal(err)
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return len(signature) == 64 && ecdsa.Verify(public, digest[:], r, s)
	case "OKPEd25519EdDSA":
		return ed25519.Verify(ed25519.PublicKey(number(k.X)), signed, signature)
	}
	t.Errorf("a published key has an unexpected type: %+v", k)
	return false
}

// TestJWKSPublishesPublicKeysOnly checks that the published keys suffice to verify tokens, and that
// a key is published before it signs.
func TestJWKSPublishesPublicKeysOnly(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{credential.ES256, credential.EdDSA} {
		n := start(t, unlimited, signedWith(algorithm))
		d := n.drivers()[0]
		before := n.jwks(t)
		old, refresh := n.login(t, d)
		user := n.newUser(t, d, old)
		app, secret := n.newApp(t, d, old)
		sdk, _ := n.exchange(t, d, user, app, secret)
		if tokenPart(t, old, 0)["alg"] != algorithm || !verifies(t, before, old) || !verifies(t, before, sdk) {
			t.Errorf("%s: the published keys do not verify tokens", algorithm)
		}
		forged := old[:strings.LastIndexByte(old, '.')] + sdk[strings.LastIndexByte(sdk, '.'):]
		if verifies(t, before, forged) {
			t.Error("the test's verifier accepts a forged signature")
		}
		if err := n.server.Auth().Signing.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
		fresh := d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "").str("access_token")
		if tokenPart(t, fresh, 0)["kid"] == tokenPart(t, old, 0)["kid"] || !verifies(t, before, fresh) {
			t.Errorf("%s: after a rotation, the new key does not sign or was not published before", algorithm)
		}
		if after := n.jwks(t); !verifies(t, after, old) || !verifies(t, after, fresh) || len(after) != len(before)+1 {
			t.Errorf("%s: after a rotation %d keys are published, there were %d", algorithm, len(after), len(before))
		}
		d.call(t, "GetMe", nil, bearer(old)).want(t, 200, "")
		d.call(t, "GetMe", nil, bearer(fresh)).want(t, 200, "")
	}
	n := start(t)
	if keys := n.jwks(t); len(keys) != 0 {
		t.Errorf("under HS256 %v is published", keys)
	}
}

// TestRotationRefusesNobody checks that no request is refused while signing keys rotate under load.
func TestRotationRefusesNobody(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, signedWith(credential.EdDSA))
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	user := n.newUser(t, ds[0], admin)
	app, secret := n.newApp(t, ds[0], admin)
	kids := map[any]bool{}
	stop := make(chan struct{})
	done := make(chan struct{})
	var served atomic.Int64
	go func() {
		defer close(done)
		concurrently(6, func(i int) {
			d := ds[i%3]
			pair := d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret})
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, a := range []answer{
					d.call(t, "GetUser", args{"id": user}, bearer(pair.str("access_token"))),
					d.call(t, "GetMe", nil, bearer(admin)),
				} {
					if served.Add(1); a.Status != 200 {
						t.Errorf("while keys rotate a request is %d %s", a.Status, a.Reason)
					}
				}
				if pair = d.call(t, "RefreshToken", args{"refresh_token": pair.str("refresh_token")}); pair.Status != 200 {
					t.Errorf("while keys rotate a refresh is %d %s", pair.Status, pair.Reason)
					return
				}
			}
		})
	}()
	for range 10 {
		if err := n.server.Auth().Signing.Rotate(t.Context()); err != nil {
			t.Error(err)
		}
		a := ds[0].call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}).want(t, 200, "")
		kids[tokenPart(t, a.str("access_token"), 0)["kid"]] = true
	}
	close(stop)
	<-done
	if len(kids) != 10 || served.Load() == 0 {
		t.Errorf("10 rotations showed %d keys to %d requests", len(kids), served.Load())
	}
}

// signingKey returns the node's current signing key, decrypted with the master secret.
func (n *node) signingKey(t *testing.T) (*credential.SigningKey, []byte) {
	t.Helper()
	vault, err := credential.NewVault(n.masterSecret(t))
	if err != nil {
		t.Fatal(err)
	}
	var id string
	var sealed []byte
	n.query(t, func(db *sql.DB) error {
		return db.QueryRow("SELECT id, sealed FROM signing_keys WHERE state = 'active'").Scan(&id, &sealed)
	})
	plain, err := vault.Open(sealed, []byte("signing-key:"+id), "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := credential.ParseSigningKey(plain)
	if err != nil {
		t.Fatal(err)
	}
	return key, plain[len(plain)-32:]
}

// forger makes HS256 tokens with the right secret and any content.
type forger struct {
	secret       []byte
	head, claims map[string]any
}

// sign returns a token with the header and the claims, signed with the node's key.
func (f forger) sign(t *testing.T, head, claims any) string {
	t.Helper()
	part := func(v any) string {
		if raw, ok := v.(string); ok {
			return base64.RawURLEncoding.EncodeToString([]byte(raw))
		}
		return base64.RawURLEncoding.EncodeToString(encode(t, v))
	}
	signed := part(head) + "." + part(claims)
	mac := hmac.New(sha256.New, f.secret)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// withHeader signs the original claims with some members of the header replaced; nil removes one.
func (f forger) withHeader(t *testing.T, members args) string {
	return f.sign(t, withMembers(f.head, members), f.claims)
}

// withClaims signs the original header with some claims replaced; nil removes one.
func (f forger) withClaims(t *testing.T, members args) string {
	return f.sign(t, f.head, dropNil(withMembers(f.claims, members)))
}

// dropNil removes nil members.
func dropNil(m args) args {
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	return m
}

// TestForgedTokensAreRefused checks that forged tokens are refused, although most are signed with
// the right key, and that the original stays valid. No header makes the node connect to a listener.
func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	var visits atomic.Int64
	lure := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer lure.Close()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	user, other := n.newUser(t, ds[0], admin), n.newUser(t, ds[0], admin)
	sdk := ds[0].call(t, "CreateUserToken", args{"user_id": user}, bearer(admin)).want(t, 200, "").str("access_token")
	_, secret := n.signingKey(t)
	f := forger{secret, tokenPart(t, sdk, 0), tokenPart(t, sdk, 1)}
	now := n.clock.now().Unix()
	parts := strings.Split(sdk, ".")
	unsigned := func(head args) string {
		return base64.RawURLEncoding.EncodeToString(encode(t, head)) + "." + parts[1] + "."
	}
	blank := forger{[]byte{}, f.head, f.claims}
	jwk := args{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte("x"))}
	raw := string(encode(t, f.claims))
	forged := map[string]string{
		"none": unsigned(args{"alg": "none", "typ": "JWT"}), "None": unsigned(withMembers(f.head, args{"alg": "None"})),
		"nOnE": unsigned(withMembers(f.head, args{"alg": "nOnE"})) + parts[2], "no signature": parts[0] + "." + parts[1] + ".",
		"another's signature": parts[0] + "." + parts[1] + "." + strings.Split(admin, ".")[2], "blank key": blank.withHeader(t, nil),
		"HS512": f.withHeader(t, args{"alg": "HS512"}), "hs256": f.withHeader(t, args{"alg": "hs256"}), "RS256": f.withHeader(t, args{"alg": "RS256"}),
		"ES256": f.withHeader(t, args{"alg": "ES256"}), "no alg": f.sign(t, args{"typ": "JWT", "kid": f.head["kid"]}, f.claims),
		"jwk": f.withHeader(t, args{"jwk": jwk}), "jku": f.withHeader(t, args{"jku": lure.URL}), "x5u": f.withHeader(t, args{"x5u": lure.URL}),
		"x5c": f.withHeader(t, args{"x5c": []string{"MIIB"}}), "kid url": f.withHeader(t, args{"kid": lure.URL}),
		"kid path": f.withHeader(t, args{"kid": "../../dev/null"}), "kid sql": f.withHeader(t, args{"kid": "' OR 1=1 --"}), "kid command": f.withHeader(t, args{"kid": "|sleep 10"}),
		"kid empty": f.withHeader(t, args{"kid": ""}), "kid number": f.withHeader(t, args{"kid": 1}), "kid long": f.withHeader(t, args{"kid": strings.Repeat("k", 5<<10)}),
		"no kid": f.sign(t, args{"alg": "HS256", "typ": "JWT"}, f.claims),
		"crit":   f.withHeader(t, args{"crit": []string{"exp"}}), "unknown crit": f.withHeader(t, args{"crit": []string{"x"}, "x": 1}), "b64": f.withHeader(t, args{"b64": false}),
		"no exp": f.withClaims(t, args{"exp": nil}), "exp text": f.withClaims(t, args{"exp": "soon"}), "exp 1e300": f.withClaims(t, args{"exp": 1e300}),
		"exp negative": f.withClaims(t, args{"exp": -1}), "nbf ahead": f.withClaims(t, args{"nbf": now + 600}), "iat ahead": f.withClaims(t, args{"iat": now + 600}),
		"no iat": f.withClaims(t, args{"iat": nil}),
		"iss":    f.withClaims(t, args{"iss": "evil"}), "no iss": f.withClaims(t, args{"iss": nil}), "aud": f.withClaims(t, args{"aud": "other"}),
		"no aud": f.withClaims(t, args{"aud": nil}), "aud list": f.withClaims(t, args{"aud": []string{"openwearables:user"}}), "developer's aud": f.withClaims(t, args{"aud": "openwearables:developer"}),
		"sub": f.withClaims(t, args{"sub": other}), "no sub": f.withClaims(t, args{"sub": nil}), "sub number": f.withClaims(t, args{"sub": 1}), "no jti": f.withClaims(t, args{"jti": nil}),
		"sid": f.withClaims(t, args{"sid": uuid.NewString()}), "no sid": f.withClaims(t, args{"sid": nil}), "developer's sid": f.withClaims(t, args{"sid": tokenPart(t, admin, 1)["sid"]}),
		"no scope": f.withClaims(t, args{"scope": nil}), "scope": f.withClaims(t, args{"scope": "admin"}),
		"typ": f.withHeader(t, args{"typ": "at+jwt"}), "no typ": f.sign(t, args{"alg": "HS256", "kid": f.head["kid"]}, f.claims),
		"padding": sdk + "=", "four parts": sdk + ".", "two parts": parts[0] + "." + parts[1], "space": parts[0] + ". " + parts[1] + "." + parts[2],
		"tail": sdk[:len(sdk)-1] + paddingVariant(sdk[len(sdk)-1]), "claim twice": f.sign(t, f.head, `{"sub":"`+other+`",`+raw[1:]), "header twice": f.sign(t, `{"alg":"HS256",`+string(encode(t, f.head))[1:], f.claims),
		"trailing": f.sign(t, f.head, raw+" {}"), "no object": f.sign(t, f.head, `[]`), "comment": f.sign(t, f.head, "//\n"+raw),
		"garbage": "a.b.c", "dots": strings.Repeat(".", 4000), "refresh": "rt_" + strings.Repeat("0", 63),
	}
	i := 0
	for what, token := range forged {
		i++
		a := ds[i%3].call(t, "GetUser", args{"id": user}, bearer(token))
		if a.Status != 401 || a.Reason != "invalid_token" || a.Detail != "Could not validate credentials" {
			t.Errorf("%s: %d %s", what, a.Status, a.Reason)
		}
	}
	for _, expired := range []args{{"iat": now - 3600, "nbf": now - 3600, "exp": now}, {"iat": 1, "nbf": 1, "exp": 2}} {
		ds[0].call(t, "GetUser", args{"id": user}, bearer(f.withClaims(t, expired))).want(t, 401, "token_expired")
	}
	for what, good := range map[string]string{
		"the original": sdk, "the forger's copy": f.withHeader(t, nil), "a clock ahead": f.withClaims(t, args{"iat": now + 20, "nbf": now + 20}),
		"an unknown claim": f.withClaims(t, args{"extra": args{"a": 1}}),
	} {
		if a := ds[0].call(t, "GetUser", args{"id": user}, bearer(good)); a.Status != 200 {
			t.Errorf("%s: %d %s", what, a.Status, a.Reason)
		}
	}
	if visits.Load() != 0 {
		t.Errorf("a header made the node call %d times", visits.Load())
	}
}

// paddingVariant returns a base64url character that differs only in its last two bits, so that a
// lenient decoder returns the same bytes.
func paddingVariant(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

// TestAlgorithmConfusionIsRefused checks that a public key of ES256 or EdDSA is not accepted as an
// HMAC secret.
func TestAlgorithmConfusionIsRefused(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, signedWith(credential.EdDSA))
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	var set struct{ Keys []json.RawMessage }
	_, document := n.send(t, newRequest(t, "GET", n.url+"/.well-known/jwks.json", nil))
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	secrets := [][]byte{document, bytes.TrimSpace(document)}
	for _, k := range n.jwks(t) {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, x, []byte(k.X))
	}
	for _, k := range set.Keys {
		secrets = append(secrets, k)
	}
	for _, secret := range secrets {
		f := forger{secret, tokenPart(t, admin, 0), tokenPart(t, admin, 1)}
		for _, algorithm := range []string{"HS256", "EdDSA"} {
			d.call(t, "GetMe", nil, bearer(f.withHeader(t, args{"alg": algorithm}))).want(t, 401, "invalid_token")
		}
	}
	d.call(t, "GetMe", nil, bearer(admin)).want(t, 200, "")
	n.clock.advance(time.Hour)
	d.call(t, "GetMe", nil, bearer(admin)).want(t, 401, "token_expired")
}
