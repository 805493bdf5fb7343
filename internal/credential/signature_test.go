package credential

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// This file holds signatures that a careless verifier accepts, each under the
// header and payload of a good token.

// signatureCase is a token without its signature, and the raw signature.
type signatureCase struct {
	k         *SigningKey
	signed    string
	signature []byte
}

func newSignatureCase(t *testing.T, algorithm string) signatureCase {
	t.Helper()
	k := newKey(t, algorithm)
	token := sign(t, k, testClaims())
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil {
		t.Fatal(err)
	}
	return signatureCase{k, token[:end], signature}
}

// refusesAll demands that every signature is refused, that none is the original,
// and that the original is accepted.
func (c signatureCase) refusesAll(t *testing.T, forged map[string][]byte, atLeast int) {
	t.Helper()
	ks := KeySet{c.k.ID: c.k}
	with := func(signature []byte) string {
		return c.signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	for name, signature := range forged {
		if bytes.Equal(signature, c.signature) {
			t.Errorf("%s is the original", name)
		}
		refuses(t, ks, name, with(signature))
	}
	accepts(t, ks, "the original", with(c.signature))
	if len(forged) < atLeast {
		t.Errorf("only %d signatures", len(forged))
	}
}

// fixed32 returns the number modulo 2^256 in 32 bytes.
func fixed32(n *big.Int) []byte {
	modulus := new(big.Int).Lsh(big.NewInt(1), 256)
	return new(big.Int).Mod(n, modulus).FillBytes(make([]byte, 32))
}

func der(t *testing.T, r, s *big.Int) []byte {
	t.Helper()
	b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An ES256 signature is r and s in 32 bytes each (RFC 7518, 3.4), and nothing
// else.
func TestES256SignaturesHaveOneForm(t *testing.T) {
	c := newSignatureCase(t, ES256)
	r, s := new(big.Int).SetBytes(c.signature[:32]), new(big.Int).SetBytes(c.signature[32:])
	curve := elliptic.P256().Params()
	n, p, one := curve.N, curve.P, big.NewInt(1)
	encoded := der(t, r, s)
	forged := map[string][]byte{
		"DER":                          encoded,
		"DER, trailing byte":           append(slices.Clone(encoded), 0),
		"DER, long form of the length": slices.Concat([]byte{0x30, 0x81}, encoded[1:]),
		"DER, indefinite length":       slices.Concat([]byte{0x30, 0x80}, encoded[2:], []byte{0, 0}),
		"DER in a bit string":          slices.Concat([]byte{0x03, byte(len(encoded) + 1), 0}, encoded),
		"DER of n-s":                   der(t, r, new(big.Int).Sub(n, s)),
		"DER of zeros":                 der(t, new(big.Int), new(big.Int)),
		"DER of -s":                    der(t, r, new(big.Int).Neg(s)),
		"hexadecimal":                  []byte(hex.EncodeToString(c.signature)),
		"base64 twice":                 []byte(base64.RawURLEncoding.EncodeToString(c.signature)),
		"r alone":                      c.signature[:32],
		"s alone":                      c.signature[32:],
		"63 bytes":                     c.signature[:63],
		"63 bytes, from the end":       c.signature[1:],
		"a trailing zero":              append(slices.Clone(c.signature), 0),
		"a leading zero":               append([]byte{0}, c.signature...),
		"33 bytes each":                slices.Concat([]byte{0}, c.signature[:32], []byte{0}, c.signature[32:]),
		"48 bytes each":                slices.Concat(make([]byte, 16), c.signature[:32], make([]byte, 16), c.signature[32:]),
		"66 bytes each":                slices.Concat(make([]byte, 34), c.signature[:32], make([]byte, 34), c.signature[32:]),
		"r and s swapped":              slices.Concat(c.signature[32:], c.signature[:32]),
		"little-endian":                slices.Concat(reversed(c.signature[:32]), reversed(c.signature[32:])),
		"a point's tag":                append([]byte{4}, c.signature...),
		"doubled":                      slices.Concat(c.signature, c.signature),
	}
	for name, pair := range map[string][2]*big.Int{
		"r of 0": {new(big.Int), s}, "s of 0": {r, new(big.Int)}, "r and s of 0": {new(big.Int), new(big.Int)},
		"r of 1": {one, s}, "s of 1": {r, one}, "r and s of 1": {one, one}, "r of 0, s of 1": {new(big.Int), one}, "r of 1, s of 0": {one, new(big.Int)},
		"r of n": {n, s}, "s of n": {r, n}, "r and s of n": {n, n}, "r of n, s of 0": {n, new(big.Int)}, "r of 0, s of n": {new(big.Int), n},
		"r of n-1": {new(big.Int).Sub(n, one), s}, "s of n-1": {r, new(big.Int).Sub(n, one)}, "r of n+1": {new(big.Int).Add(n, one), s}, "s of n+1": {r, new(big.Int).Add(n, one)},
		"r of p": {p, s}, "s of p": {r, p}, "r of p-n": {new(big.Int).Sub(p, n), s}, "r of p+1": {new(big.Int).Add(p, one), s},
		"r of 2^256-1": {big.NewInt(-1), s}, "s of 2^256-1": {r, big.NewInt(-1)}, "r and s of 2^256-1": {big.NewInt(-1), big.NewInt(-1)},
		"s above n/2": {r, new(big.Int).Sub(n, s)}, "-s": {r, new(big.Int).Neg(s)}, "-r": {new(big.Int).Neg(r), s}, "n-r": {new(big.Int).Sub(n, r), s}, "n-r and n-s": {new(big.Int).Sub(n, r), new(big.Int).Sub(n, s)},
		"r+n": {new(big.Int).Add(r, n), s}, "s+n": {r, new(big.Int).Add(s, n)}, "r and s of r": {r, r}, "r and s of s": {s, s},
		"r+1": {new(big.Int).Add(r, one), s}, "s+1": {r, new(big.Int).Add(s, one)}, "r of G": {curve.Gx, s}, "r and s of G": {curve.Gx, curve.Gx}, "n/2 for s": {r, new(big.Int).Rsh(n, 1)},
	} {
		forged[name] = slices.Concat(fixed32(pair[0]), fixed32(pair[1]))
	}
	c.es256Messages(t, forged)
	c.refusesAll(t, forged, 70)
}

// es256Messages adds signatures of the right key over other messages, and of
// other keys over the right one.
func (c signatureCase) es256Messages(t *testing.T, forged map[string][]byte) {
	t.Helper()
	head, body, _ := strings.Cut(c.signed, ".")
	hashed := sha256.Sum256([]byte(c.signed))
	twice := sha256.Sum256(hashed[:])
	long := sha512.Sum512([]byte(c.signed))
	short := sha512.Sum512_256([]byte(c.signed))
	empty := sha256.Sum256(nil)
	private := c.k.private.(*ecdsa.PrivateKey)
	sign := func(name string, key *ecdsa.PrivateKey, digest []byte) {
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			t.Fatal(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		raw := slices.Concat(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size)))
		if size == 32 {
			toLowS(raw)
		}
		forged[name] = raw
	}
	for name, digest := range map[string][]byte{
		"of nothing": empty[:], "of the digest": twice[:], "of SHA-512": long[:], "of SHA-512/256": short[:], "of zeros": make([]byte, 32),
		"of the text": []byte(c.signed[:32]), "of the header": sum(head), "of the payload": sum(body), "of both without a dot": sum(head + body),
		"of a trailing dot": sum(c.signed + "."), "of the payload first": sum(body + "." + head), "of lower case": sum(strings.ToLower(c.signed)),
	} {
		sign(name, private, digest)
	}
	for name, curve := range map[string]elliptic.Curve{"of another key": elliptic.P256(), "of P-384": elliptic.P384(), "of P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sign(name, key, hashed[:])
	}
}

func sum(text string) []byte {
	digest := sha256.Sum256([]byte(text))
	return digest[:]
}

func reversed(b []byte) []byte {
	b = slices.Clone(b)
	slices.Reverse(b)
	return b
}

// smallOrder are the encodings of the points of order 1, 2, 4 and 8 on
// edwards25519, canonical or not (RFC 8032, 5.1.3).
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// An EdDSA signature is R and an S below the order of the group (RFC 8032,
// 5.1.7), so that it has one form.
func TestEdDSASignaturesHaveOneForm(t *testing.T) {
	c := newSignatureCase(t, EdDSA)
	// The order of the group: 2^252 + 27742317777372353535851937790883648493.
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.Add(order, new(big.Int).Lsh(big.NewInt(1), 252))
	r, s := c.signature[:32], new(big.Int).SetBytes(reversed(c.signature[32:]))
	withS := func(s *big.Int) []byte { return slices.Concat(r, reversed(fixed32(s))) }
	forged := map[string][]byte{
		"S of 0": withS(new(big.Int)), "S of 1": withS(big.NewInt(1)), "S of L": withS(order), "S of L-1": withS(new(big.Int).Sub(order, big.NewInt(1))),
		"S of L+1": withS(new(big.Int).Add(order, big.NewInt(1))), "L-S": withS(new(big.Int).Sub(order, s)), "-S": withS(new(big.Int).Neg(s)),
		"S+1": withS(new(big.Int).Add(s, big.NewInt(1))), "S of 2^256-1": withS(big.NewInt(-1)), "S in big-endian": slices.Concat(r, reversed(c.signature[32:])),
		"R and S swapped": slices.Concat(c.signature[32:], r), "R alone": r, "S alone": c.signature[32:], "63 bytes": c.signature[:63],
		"65 bytes": append(slices.Clone(c.signature), 0), "a leading zero": append([]byte{0}, c.signature...), "114 bytes": append(slices.Clone(c.signature), make([]byte, 50)...),
		"hexadecimal": []byte(hex.EncodeToString(c.signature)), "doubled": slices.Concat(c.signature, c.signature), "zeros": make([]byte, 64),
		"R negated": append(flipped(r, 31, 0x80), c.signature[32:]...), "R in big-endian": slices.Concat(reversed(r), c.signature[32:]),
		"S with its highest bit": slices.Concat(r, flipped(c.signature[32:], 31, 0x80)), "S with bit 254": slices.Concat(r, flipped(c.signature[32:], 31, 0x40)), "S with bit 253": slices.Concat(r, flipped(c.signature[32:], 31, 0x20)),
		"the public key for R": slices.Concat(c.k.public.(ed25519.PublicKey), c.signature[32:]),
	}
	for i := int64(1); i <= 15; i++ { // all that fit into 32 bytes
		forged["S+"+big.NewInt(i).String()+"L"] = withS(new(big.Int).Add(s, new(big.Int).Mul(order, big.NewInt(i))))
	}
	for _, encoded := range smallOrder {
		point, err := hex.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		forged["R of small order "+encoded] = slices.Concat(point, c.signature[32:])
		forged["S of 0, R of small order "+encoded] = slices.Concat(point, make([]byte, 32))
	}
	c.edDSAMessages(t, forged)
	c.refusesAll(t, forged, 70)
}

// flipped returns b with the bits of byte i inverted.
func flipped(b []byte, i int, bits byte) []byte {
	b = slices.Clone(b)
	b[i] ^= bits
	return b
}

// edDSAMessages adds signatures of the right key over other messages or in other
// modes (RFC 8032, 5.1), and those of another key.
func (c signatureCase) edDSAMessages(t *testing.T, forged map[string][]byte) {
	t.Helper()
	private := c.k.private.(ed25519.PrivateKey)
	head, body, _ := strings.Cut(c.signed, ".")
	digest := sha512.Sum512([]byte(c.signed))
	for name, message := range map[string]string{
		"of nothing": "", "of the header": head, "of the payload": body, "of both without a dot": head + body, "of a trailing dot": c.signed + ".", "of the digest": string(digest[:]),
	} {
		forged[name] = ed25519.Sign(private, []byte(message))
	}
	for name, mode := range map[string]struct {
		message []byte
		options *ed25519.Options
	}{
		"Ed25519ph": {digest[:], &ed25519.Options{Hash: crypto.SHA512}}, "Ed25519ctx": {[]byte(c.signed), &ed25519.Options{Context: "JWT"}},
		"Ed25519ph with a context": {digest[:], &ed25519.Options{Hash: crypto.SHA512, Context: "JWT"}},
	} {
		signature, err := private.Sign(rand.Reader, mode.message, mode.options)
		if err != nil {
			t.Fatal(err)
		}
		forged[name] = signature
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged["of another key"] = ed25519.Sign(other, []byte(c.signed))
}

// An HS256 signature is the whole HMAC-SHA256 under the whole secret (RFC 7518,
// 3.2).
func TestHS256SignaturesHaveOneForm(t *testing.T) {
	c := newSignatureCase(t, HS256)
	head, body, _ := strings.Cut(c.signed, ".")
	secret := c.k.secret
	mac := func(h func() hash.Hash, key []byte, message string) []byte {
		m := hmac.New(h, key)
		m.Write([]byte(message))
		return m.Sum(nil)
	}
	forged := map[string][]byte{
		"no byte": {}, "half": c.signature[:16], "31 bytes": c.signature[:31], "its end": c.signature[1:], "33 bytes": append(slices.Clone(c.signature), 0),
		"a leading zero": append([]byte{0}, c.signature...), "reversed": reversed(c.signature), "hexadecimal": []byte(hex.EncodeToString(c.signature)),
		"base64 twice": []byte(base64.RawURLEncoding.EncodeToString(c.signature)), "doubled": slices.Concat(c.signature, c.signature), "the secret": secret,
		"HS384": mac(sha512.New384, secret, c.signed), "HS384, cut": mac(sha512.New384, secret, c.signed)[:32], "HS512": mac(sha512.New, secret, c.signed), "HS512, cut": mac(sha512.New, secret, c.signed)[:32],
		"SHA-256": sum(c.signed), "SHA-256 with the secret first": sum(string(secret) + c.signed), "SHA-256 with the secret last": sum(c.signed + string(secret)),
		"key and message swapped": mac(sha256.New, []byte(c.signed), string(secret)), "of the MAC": mac(sha256.New, secret, string(c.signature)),
		"an empty secret": mac(sha256.New, nil, c.signed), "zeros for the secret": mac(sha256.New, make([]byte, 32), c.signed), "the secret in hexadecimal": mac(sha256.New, []byte(hex.EncodeToString(secret)), c.signed),
		"the secret in base64": mac(sha256.New, []byte(base64.StdEncoding.EncodeToString(secret)), c.signed), "half of the secret": mac(sha256.New, secret[:16], c.signed), "a secret and a line end": mac(sha256.New, append(slices.Clone(secret), '\n'), c.signed),
		"the digest of the secret": mac(sha256.New, sum(string(secret)), c.signed), "the kid for a secret": mac(sha256.New, []byte(c.k.ID), c.signed), "the header for a secret": mac(sha256.New, []byte(head), c.signed),
		"of nothing": mac(sha256.New, secret, ""), "of the header": mac(sha256.New, secret, head), "of the payload": mac(sha256.New, secret, body), "of both without a dot": mac(sha256.New, secret, head+body),
		"of a trailing dot": mac(sha256.New, secret, c.signed+"."), "of the digest": mac(sha256.New, secret, string(sum(c.signed))), "of lower case": mac(sha256.New, secret, strings.ToLower(c.signed)),
	}
	for bit := range 256 {
		forged["bit "+big.NewInt(int64(bit)).String()] = flipped(c.signature, bit/8, 1<<(bit%8))
	}
	c.refusesAll(t, forged, 36+256)
}

// A stored key has one form: a scalar is below the order of the group, an id is
// what this package makes.
func TestStoredKeysHaveOneForm(t *testing.T) {
	n := elliptic.P256().Params().N
	key := func(algorithm byte, id string, secret []byte) []byte {
		return slices.Concat([]byte{keyVersion, algorithm, byte(len(id))}, []byte(id), secret)
	}
	one := big.NewInt(1)
	for name, scalar := range map[string]*big.Int{
		"0": new(big.Int), "n": n, "n+1": new(big.Int).Add(n, one), "p": elliptic.P256().Params().P, "2^256-1": big.NewInt(-1),
	} {
		if k, err := ParseSigningKey(key(1, "kid", fixed32(scalar))); err == nil {
			t.Errorf("a scalar of %s is read as %v", name, k)
		}
	}
	for name, scalar := range map[string]*big.Int{"1": one, "n-1": new(big.Int).Sub(n, one)} {
		k, err := ParseSigningKey(key(1, "kid", fixed32(scalar)))
		if err != nil {
			t.Fatalf("a scalar of %s: %v", name, err)
		}
		accepts(t, KeySet{k.ID: k}, "a scalar of "+name, sign(t, k, testClaims()))
	}
	for _, id := range []string{"", "Kid", "k d", "kid\n", "kid\x00", "../kid", "kíd", `k"d`, "k_d", "k-d", strings.Repeat("k", maxKeyID+1), strings.Repeat("k", 255)} {
		if k, err := ParseSigningKey(key(0, id, make([]byte, secretLen))); err == nil {
			t.Errorf("an id of %q is read as %v", id, k)
		}
	}
	for _, size := range []int{0, 1, 16, 31, 33, 48, 64} {
		for algorithm := range byte(3) {
			if k, err := ParseSigningKey(key(algorithm, "kid", bytes.Repeat([]byte{1}, size))); err == nil {
				t.Errorf("a secret of %d bytes is read as %v", size, k)
			}
		}
	}
}
