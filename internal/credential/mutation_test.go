package credential

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// mutations are at least 60 texts that are not the token, each for a category of
// the Wycheproof JWS vectors: form, encoding, whitespace, padding, length,
// malleable tails, parts of other tokens.
func mutations(t testing.TB, k *SigningKey, token string) map[string]string {
	t.Helper()
	p := strings.Split(token, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	m := map[string]string{
		"nothing": "", "one dot": ".", "two dots": "..", "three dots": "...", "only the header": p[0],
		"two parts": join(p[0], p[1]), "no header": join("", p[1], p[2]), "no payload": join(p[0], "", p[2]), "no signature": join(p[0], p[1], ""),
		"four parts": token + "." + p[2], "a leading dot": "." + token, "a trailing dot": token + ".", "five parts": join(p[0], p[1], p[2], p[1], p[2]),
		"a dot doubled": join(p[0], "", p[1], p[2]), "an encrypted form": join(p[0], "", "", p[1], p[2]), "parts swapped": join(p[1], p[0], p[2]),
		"a scheme before it": "Bearer " + token, "twice": token + token, "twice, spaced": token + " " + token, "quoted": `"` + token + `"`,
		"JSON form":  `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`,
		"upper case": strings.ToUpper(token), "lower case": strings.ToLower(token), "percent-encoded dots": strings.ReplaceAll(token, ".", "%2E"),
		"full-width dots": strings.ReplaceAll(token, ".", "．"), "commas": strings.ReplaceAll(token, ".", ","), "a BOM": "\ufeff" + token,
		"a header as plain JSON":  join(headerOf(k), p[1], p[2]),
		"a payload as plain JSON": join(p[0], payloadWith(nil), p[2]),
		"4 KiB and a byte":        join(p[0], p[1], p[2]+strings.Repeat("A", maxToken)), "1 MiB of dots": strings.Repeat(".", 1<<20),
	}
	for i, part := range []string{"header", "payload", "signature"} {
		with := func(s string) string {
			q := [3]string{p[0], p[1], p[2]}
			q[i] = s
			return join(q[:]...)
		}
		for name, c := range map[string]string{"a space": " ", "a line end": "\n", "a return": "\r", "a CRLF": "\r\n", "a tab": "\t", "a NUL": "\x00", "a plus": "+", "a slash": "/", "a hyphen": "-", "padding": "=", "double padding": "==", "a letter": "A", "four letters": "AAAA", "a zero-width space": "\u200b", "a sharp s": "ß"} {
			m[name+" behind the "+part] = with(p[i] + c)
			m[name+" before the "+part] = with(c + p[i])
			m[name+" in the "+part] = with(p[i][:len(p[i])/2] + c + p[i][len(p[i])/2:])
		}
		m["the "+part+" cut at the end"] = with(p[i][:len(p[i])-1])
		m["the "+part+" cut at the beginning"] = with(p[i][1:])
		m["the "+part+" doubled"] = with(p[i] + p[i])
		m["the "+part+" encoded twice"] = with(encodePart(p[i]))
		m["the "+part+" in another alphabet"] = with(strings.NewReplacer("-", "+", "_", "/").Replace(p[i]) + "/")
		last := strings.IndexByte(base64Alphabet, p[i][len(p[i])-1])
		for step := 1; step < 64; step++ {
			tail := base64Alphabet[(last+step)%64]
			m[fmt.Sprintf("the tail of the %s %d on", part, step)] = with(p[i][:len(p[i])-1] + string(tail))
		}
		for bit := range 8 {
			raw, err := base64.RawURLEncoding.DecodeString(p[i])
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1 << bit
			m[fmt.Sprintf("bit %d of the %s", bit, part)] = with(base64.RawURLEncoding.EncodeToString(raw))
		}
	}
	size := len(p[2]) * 3 / 4
	for name, raw := range map[string][]byte{
		"zeros": make([]byte, size), "ones": bytes.Repeat([]byte{0xff}, size), "one byte": {0}, "half": make([]byte, size/2),
		"r and s of 1": append(append(make([]byte, 31), 1), append(make([]byte, 31), 1)...),
		"r and s of n": append(p256Order.FillBytes(make([]byte, 32)), p256Order.FillBytes(make([]byte, 32))...),
	} {
		m["a signature of "+name] = join(p[0], p[1], base64.RawURLEncoding.EncodeToString(raw))
	}
	return m
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestATokenHasOneFormOnly(t *testing.T) {
	eachAlgorithm(t, func(t *testing.T, k *SigningKey) {
		ks := KeySet{k.ID: k}
		token := sign(t, k, testClaims())
		all := mutations(t, k, token)
		n := 0
		for name, mutation := range all {
			if mutation != token {
				n++
				refuses(t, ks, name, mutation)
			}
		}
		if n < 60 {
			t.Errorf("only %d mutations", n)
		}
		accepts(t, ks, "the original", token)
	})
}

// Parts that are rightly signed as they stand must still be canonical base64url.
func TestSignedPartsMustBeCanonical(t *testing.T) {
	k := newKey(t, HS256)
	ks := KeySet{k.ID: k}
	head := encodePart(headerOf(k))
	for n := range 3 { // one of each length modulo 3
		body := encodePart(payloadWith(map[string]string{"jti": `"` + strings.Repeat("j", n+1) + `"`}))
		accepts(t, ks, "canonical", signParts(t, k, head, body))
		for name, altered := range map[string]string{
			"padded": body + strings.Repeat("=", (4-len(body)%4)%4), "a line end": body[:4] + "\n" + body[4:], "a return at the end": body + "\r",
			"a space": body + " ", "standard alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(body) + "+",
		} {
			if altered != body {
				refuses(t, ks, "payload "+name, signParts(t, k, head, altered))
			}
		}
		if len(body)%4 != 0 {
			last := strings.IndexByte(base64Alphabet, body[len(body)-1])
			refuses(t, ks, "payload with trailing bits", signParts(t, k, head, body[:len(body)-1]+string(base64Alphabet[last|1])))
		}
	}
	refuses(t, ks, "header with a line end", signParts(t, k, head[:8]+"\n"+head[8:], encodePart(payloadWith(nil))))
	long := encodePart(payloadWith(map[string]string{"other": `"` + strings.Repeat("x", maxToken) + `"`}))
	refuses(t, ks, "rightly signed, above 4 KiB", signParts(t, k, head, long))
}

// The keys are fixed because every fuzzing process makes its own; ES256 signs
// the same words in many ways, so a token is known by what is signed.
func FuzzVerify(f *testing.F) {
	ks := KeySet{}
	good := map[string]bool{}
	for _, algorithm := range algorithms {
		k, err := newSigningKey("fuzz"+strings.ToLower(algorithm), algorithm, bytes.Repeat([]byte{0x5a}, secretLen))
		if err != nil {
			f.Fatal(err)
		}
		ks[k.ID] = k
		token := sign(f, k, testClaims())
		good[token[:strings.LastIndexByte(token, '.')]] = true
		f.Add(token)
		for _, mutation := range mutations(f, k, token) {
			if len(mutation) <= maxToken {
				f.Add(mutation)
			}
		}
		f.Add(signJSON(f, k, `{"alg":"`+algorithm+`","kid":"`+k.ID+`","typ":"JWT","crit":["exp"]}`, payloadWith(nil)))
	}
	f.Fuzz(func(t *testing.T, token string) {
		c, err := verify(ks, token)
		switch {
		case err == nil && !good[token[:strings.LastIndexByte(token, '.')]]:
			t.Fatalf("%q is accepted", token)
		case err == nil && c != testClaims():
			t.Fatalf("%q says %+v", token, c)
		case err != nil && (err != ErrInvalidToken || c != (Claims{})):
			t.Fatalf("Verify = %+v, %v", c, err)
		}
	})
}
