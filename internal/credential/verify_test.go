package credential

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestATokenNeverChoosesItsAlgorithm(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		other := newKey(t, k.Algorithm)
		ks := KeySet{k.ID: k, other.ID: other}
		for _, algorithm := range algorithms {
			if algorithm != k.Algorithm {
				of := newKey(t, algorithm)
				ks[of.ID] = of
			}
		}
		token := sign(t, k, testClaims())
		parts := strings.Split(token, ".")
		accepts(t, ks, "the original", token)

		for _, none := range []string{"none", "None", "NONE", "nOnE", "", "hs256", "Hs256", "es256", "eddsa", "HS384", "RS256", "PS256"} {
			head := encodePart(fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, none, k.ID))
			refuses(t, ks, none+", no signature", head+"."+parts[1]+".")
			refuses(t, ks, none+", two parts", head+"."+parts[1])
			refuses(t, ks, none+", the signature", head+"."+parts[1]+"."+parts[2])
			refuses(t, ks, none+", signed", signParts(t, k, head, parts[1]))
		}
		refuses(t, ks, "no signature", parts[0]+"."+parts[1]+".")
		refuses(t, ks, "another token's signature", parts[0]+"."+parts[1]+"."+strings.Split(sign(t, other, testClaims()), ".")[2])
		refuses(t, ks, "another key's token under this kid", signJSON(t, other, headerOf(k), payloadWith(nil)))

		for name, secret := range publicForms(t, k) {
			mac := &SigningKey{Algorithm: HS256, method: jwt.SigningMethodHS256, private: secret}
			for _, alg := range []string{HS256, k.Algorithm} {
				head := encodePart(fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"JWT"}`, alg, k.ID))
				refuses(t, ks, alg+" MACed with "+name, signParts(t, mac, head, parts[1]))
			}
		}
		for _, id := range []string{other.ID} {
			refuses(t, ks, "this key's token under another kid", signJSON(t, k, strings.Replace(headerOf(k), k.ID, id, 1), payloadWith(nil)))
		}
		for _, of := range ks {
			if of.Algorithm != k.Algorithm {
				refuses(t, ks, of.Algorithm+" under this kid", signJSON(t, of, strings.Replace(headerOf(of), of.ID, k.ID, 1), payloadWith(nil)))
			}
		}
		accepts(t, ks, "the original, after all that", token)
	})
}

// publicForms are the byte strings that a forger may take for an HMAC secret.
func publicForms(t *testing.T, k *SigningKey) map[string][]byte {
	t.Helper()
	forms := map[string][]byte{"an empty key": {}, "a zero byte": {0}, "the kid": []byte(k.ID), "the JWKS": KeySet{k.ID: k}.JWKS()}
	public := k.public
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		forms["the point"], forms["x and y"] = point, point[1:]
	case ed25519.PublicKey:
		forms["the public key"] = p
	default:
		stranger, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		public = &stranger.PublicKey
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	forms["DER"] = der
	forms["PEM"] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	forms["PEM without its last line end"] = bytes.TrimSpace(forms["PEM"])
	return forms
}

func TestHeadersNeverBringKeys(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		ks := KeySet{k.ID: k}
		inline := newKey(t, ES256)
		jwks := string(KeySet{inline.ID: inline}.JWKS())
		own := strings.TrimSuffix(strings.TrimPrefix(jwks, `{"keys":[`), `]}`)
		for name, member := range map[string]string{
			"jwk":      `"jwk":` + own,
			"jku":      `"jku":"http://127.0.0.1:1/jwks.json"`,
			"x5u":      `"x5u":"http://127.0.0.1:1/cert.pem"`,
			"x5c":      `"x5c":["MIIB"]`,
			"x5t":      `"x5t":"AAAA"`,
			"x5t#S256": `"x5t#S256":"AAAA"`,
		} {
			header := strings.TrimSuffix(headerOf(k), "}") + "," + member + "}"
			refuses(t, ks, name, signJSON(t, k, header, payloadWith(nil)))
			refuses(t, ks, name+", signed by what it brings",
				signJSON(t, inline, strings.Replace(header, k.Algorithm, ES256, 1), payloadWith(nil)))
		}
		for _, kid := range []string{
			`"../../dev/null"`, `"/dev/null"`, `"' OR 1=1"`, `"|sleep 10"`, `"` + strings.Repeat("k", 8<<10) + `"`, `""`, `" "`,
			`1`, `null`, `true`, `["` + k.ID + `"]`, `{"kid":"` + k.ID + `"}`, `"` + k.ID + ` "`, `"` + k.ID + `\u0000"`, `"` + strings.ToUpper(k.ID) + `"`,
		} {
			header := fmt.Sprintf(`{"alg":%q,"kid":%s,"typ":"JWT"}`, k.Algorithm, kid)
			refuses(t, ks, "kid "+kid[:min(len(kid), 40)], signJSON(t, k, header, payloadWith(nil)))
		}
	})
}

func TestHeadersHaveThreeMembers(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		ks := KeySet{k.ID: k}
		for _, member := range []string{
			`"crit":["exp"]`, `"crit":["b64"],"b64":false`, `"b64":false`, `"b64":true`, `"crit":[]`, `"crit":null`,
			`"zip":"DEF"`, `"enc":"A128GCM"`, `"cty":"JWT"`, `"exp":1`, `"":""`, `"Alg":"none"`,
			`"alg":"` + k.Algorithm + `"`, `"kid":"` + k.ID + `"`, `"typ":"JWT"`,
		} {
			open := strings.TrimSuffix(headerOf(k), "}")
			refuses(t, ks, member, signJSON(t, k, open+","+member+"}", payloadWith(nil)))
			refuses(t, ks, member+" first", signJSON(t, k, "{"+member+","+open[1:]+"}", payloadWith(nil)))
		}
		for _, typ := range []string{`"jwt"`, `"Jwt"`, `"at+jwt"`, `"application/jwt"`, `"JWT "`, `""`, `null`, `1`} {
			refuses(t, ks, "typ "+typ, signJSON(t, k, fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":%s}`, k.Algorithm, k.ID, typ), payloadWith(nil)))
		}
		for _, header := range []string{
			fmt.Sprintf(`{"alg":%q,"kid":%q}`, k.Algorithm, k.ID),
			fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, k.Algorithm),
			fmt.Sprintf(`{"kid":%q,"typ":"JWT"}`, k.ID),
			headerOf(k) + headerOf(k), headerOf(k) + "x", "[" + headerOf(k) + "]", `"` + k.ID + `"`, "null", "{}", "", strings.TrimSuffix(headerOf(k), "}"),
			"\xef\xbb\xbf" + headerOf(k), strings.Replace(headerOf(k), "JWT", "J\xffWT", 1),
		} {
			refuses(t, ks, "header "+header, signJSON(t, k, header, payloadWith(nil)))
		}
		accepts(t, ks, "members in another order",
			signJSON(t, k, fmt.Sprintf(`{"typ":"JWT","alg":%q,"kid":%q}`, k.Algorithm, k.ID), payloadWith(nil)))
	})
}

func TestTokensAreRefusedOutsideTheirTimes(t *testing.T) {
	k := newKey(t, HS256)
	ks := KeySet{k.ID: k}
	now := testNow.Unix()
	for _, c := range []struct {
		name    string
		members map[string]string
		want    error
	}{
		{"in force", nil, nil},
		{"a second left", map[string]string{"exp": fmt.Sprint(now + 1)}, nil},
		{"at exp", map[string]string{"iat": fmt.Sprint(now - 60), "nbf": fmt.Sprint(now - 60), "exp": fmt.Sprint(now)}, ErrTokenExpired},
		{"31 s after exp", map[string]string{"iat": fmt.Sprint(now - 60), "nbf": fmt.Sprint(now - 60), "exp": fmt.Sprint(now - 31)}, ErrTokenExpired},
		{"a year after exp", map[string]string{"iat": "1600000000", "nbf": "1600000000", "exp": "1600003600"}, ErrTokenExpired},
		{"nbf 30 s ahead", map[string]string{"nbf": fmt.Sprint(now + 30)}, nil},
		{"nbf 31 s ahead", map[string]string{"nbf": fmt.Sprint(now + 31)}, ErrInvalidToken},
		{"iat 30 s ahead", map[string]string{"iat": fmt.Sprint(now + 30)}, nil},
		{"iat 31 s ahead", map[string]string{"iat": fmt.Sprint(now + 31)}, ErrInvalidToken},
		{"iat 10 min ahead", map[string]string{"iat": fmt.Sprint(now + 600)}, ErrInvalidToken},
		{"exp is iat", map[string]string{"nbf": fmt.Sprint(now - 60), "exp": fmt.Sprint(now)}, ErrInvalidToken},
		{"exp before iat", map[string]string{"nbf": fmt.Sprint(now - 60), "exp": fmt.Sprint(now - 1)}, ErrInvalidToken},
		{"exp is nbf", map[string]string{"nbf": fmt.Sprint(now + 20), "exp": fmt.Sprint(now + 20)}, ErrInvalidToken},
		{"the year 9999", map[string]string{"exp": "253402300799"}, nil},
		{"the year 10000", map[string]string{"exp": "253402300800"}, ErrInvalidToken},
	} {
		_, err := verify(ks, signJSON(t, k, headerOf(k), payloadWith(c.members)))
		if err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, claim := range []string{"exp", "nbf", "iat"} {
		good := fmt.Sprint(now + 10)
		for _, value := range []string{
			"", "null", `"` + good + `"`, good + ".0", good + ".5", good + "e0", "1e300", "1E10", "-1", "0", "-0", "-" + good,
			"99999999999999999999", fmt.Sprint(math.MaxInt64), fmt.Sprint(math.MinInt64), "true", "[" + good + "]", "{}", "0" + good, "+" + good,
		} {
			refuses(t, ks, claim+" "+value, signJSON(t, k, headerOf(k), payloadWith(map[string]string{claim: value})))
		}
	}
}

// A token that is expired and wrong in any other way is invalid, not expired.
func TestOnlyAnOtherwiseValidTokenIsExpired(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		ks := KeySet{k.ID: k}
		over := map[string]string{"iat": "1600000000", "nbf": "1600000000", "exp": "1600003600"}
		with := func(name, value string) string {
			members := map[string]string{name: value}
			for k, v := range over {
				members[k] = v
			}
			return signJSON(t, k, headerOf(k), payloadWith(members))
		}
		token := signJSON(t, k, headerOf(k), payloadWith(over))
		if _, err := verify(ks, token); err != ErrTokenExpired {
			t.Fatalf("expired: %v", err)
		}
		refuses(t, ks, "expired, for another issuer", with("iss", `"another"`))
		refuses(t, ks, "expired, for another audience", with("aud", `"another"`))
		refuses(t, ks, "expired, no subject", with("sub", ""))
		refuses(t, ks, "expired, scope a number", with("scope", "1"))
		refuses(t, ks, "expired, another key's", signJSON(t, newKey(t, k.Algorithm), headerOf(k), payloadWith(over)))
		refuses(t, ks, "expired, altered", token[:len(token)-4]+"AAAA")
		refuses(t, ks, "expired, unknown key", signJSON(t, newKey(t, k.Algorithm), strings.Replace(headerOf(k), k.ID, "unknown", 1), payloadWith(over)))
	})
}

func TestEveryClaimIsRequiredAndChecked(t *testing.T) {
	k := newKey(t, HS256)
	ks := KeySet{k.ID: k}
	for _, c := range []struct{ claim, value string }{
		{"iss", ""},
		{"iss", `null`},
		{"iss", `""`},
		{"iss", `"https://api.example.com/"`},
		{"iss", `"HTTPS://api.example.com"`},
		{"iss", `["https://api.example.com"]`},
		{"aud", ""},
		{"aud", `null`},
		{"aud", `""`},
		{"aud", `"openwearables"`},
		{"aud", `"openwearables:users"`},
		{"aud", `"Openwearables:user"`},
		{"aud", `["openwearables:user"]`},
		{"aud", `["openwearables:user","openwearables:developer"]`},
		{"aud", `{}`},
		{"sub", ""},
		{"sub", `null`},
		{"sub", `""`},
		{"sub", `1`},
		{"sub", `["a"]`},
		{"sid", ""},
		{"sid", `""`},
		{"sid", `7`},
		{"jti", ""},
		{"jti", `""`},
		{"jti", `7`},
		{"scope", `null`},
		{"scope", `""`},
		{"scope", `["sdk"]`},
		{"scope", `true`},
		{"app_id", `null`},
		{"app_id", `""`},
		{"app_id", `1`},
		{"act", `null`},
		{"act", `{}`},
		{"act", `"admin"`},
		{"act", `[]`},
		{"act", `{"sub":""}`},
		{"act", `{"sub":null}`},
		{"act", `{"sub":1}`},
		{"act", `{"sub":"a","sub":"b"}`},
		{"act", `{"sub":"a","act":{"sub":"b"}}`},
	} {
		refuses(t, ks, c.claim+" "+c.value, signJSON(t, k, headerOf(k), payloadWith(map[string]string{c.claim: c.value})))
	}
	token := sign(t, k, testClaims())
	for name, f := range map[string]func() (Claims, error){
		"another issuer": func() (Claims, error) {
			return ks.Verify(token, isIssuer(testIssuer+"x"), []string{testAudience}, testNow)
		},
		"no issuer": func() (Claims, error) { return ks.Verify(token, isIssuer(""), []string{testAudience}, testNow) },
		"another audience": func() (Claims, error) {
			return ks.Verify(token, isIssuer(testIssuer), []string{"openwearables:developer"}, testNow)
		},
		"no audience": func() (Claims, error) { return ks.Verify(token, isIssuer(testIssuer), nil, testNow) },
		"no keys": func() (Claims, error) {
			return KeySet(nil).Verify(token, isIssuer(testIssuer), []string{testAudience}, testNow)
		},
	} {
		if _, err := f(); err != ErrInvalidToken {
			t.Errorf("%s: %v", name, err)
		}
	}
	accepts(t, ks, "a claim of another name", signJSON(t, k, headerOf(k), payloadWith(map[string]string{"other": `{"a":[1,null]}`})))
}

func TestPayloadsHaveOneForm(t *testing.T) {
	k := newKey(t, HS256)
	ks := KeySet{k.ID: k}
	good := payloadWith(nil)
	for _, payload := range []string{
		"", "null", "{}", "[]", "[" + good + "]", good + good, good + "x", good[:len(good)-1], good[:len(good)-1] + ",}",
		good[:len(good)-1] + `,"sub":"a subject"}`, `{"sub":"someone else",` + good[1:], good[:len(good)-1] + `,"exp":1}`,
		good[:len(good)-1] + `,"\u0073ub":"someone else"}`, good[:len(good)-1] + `,"other":{"a":1,"a":2}}`,
		strings.Replace(good, "a subject", "a \xff subject", 1), strings.Replace(good, "a subject", `a \ud800 subject`, 1),
		strings.Replace(good, `"sub"`, `"Sub"`, 1), strings.ReplaceAll(good, `"`, `'`),
		"\xef\xbb\xbf" + good, good + "\x00", good[:len(good)-1] + `,"deep":` + strings.Repeat("[", 2000) + "}",
	} {
		refuses(t, ks, payload[:min(len(payload), 60)], signJSON(t, k, headerOf(k), payload))
	}
}

func TestVerifyUsesItsOwnClock(t *testing.T) {
	k := newKey(t, EdDSA)
	token := sign(t, k, testClaims())
	at := func(d time.Duration) error {
		_, err := KeySet{k.ID: k}.Verify(token, isIssuer(testIssuer), []string{testAudience}, testNow.Add(d))
		return err
	}
	for _, c := range []struct {
		after time.Duration
		want  error
	}{
		{-31 * time.Second, ErrInvalidToken},
		{-30 * time.Second, nil},
		{0, nil},
		{time.Hour - time.Nanosecond, nil},
		{time.Hour, ErrTokenExpired},
		{100 * 365 * 24 * time.Hour, ErrTokenExpired},
	} {
		if err := at(c.after); err != c.want {
			t.Errorf("after %v: %v, want %v", c.after, err, c.want)
		}
	}
}

func TestKeyIDIsReadFromTheHeader(t *testing.T) {
	key := newKey(t, HS256)
	for name, c := range map[string]struct{ token, want string }{
		"a token":          {sign(t, key, testClaims()), key.ID},
		"a forged one":     {sign(t, key, testClaims()) + "A", key.ID},
		"no kid":           {signJSON(t, key, `{"alg":"HS256","typ":"JWT"}`, `{}`), ""},
		"kid of no string": {signJSON(t, key, `{"alg":"HS256","typ":"JWT","kid":7}`, `{}`), ""},
		"no token":         {"garbage", ""},
		"nothing":          {"", ""},
		"an endless one":   {sign(t, key, testClaims()) + strings.Repeat("A", maxToken), ""},
	} {
		if got := HeaderKeyID(c.token); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
