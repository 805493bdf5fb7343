package credential

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/golang-jwt/jwt/v5"
)

// The algorithms of JWT signatures (RFC 7518, RFC 8037). An HS256 key verifies
// what it signs; the public halves of the others are published in a JWKS.
const (
	HS256 = "HS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

const (
	keyVersion   = 1
	secretLen    = 32 // an HMAC secret, a P-256 scalar and an Ed25519 seed alike
	maxKeyID     = 64
	mintedKeyID  = 22
	keyHeaderLen = 3 // version, algorithm, length of the ID
)

var algorithms = []string{HS256, ES256, EdDSA} // marshalled as an index: append only

var errMalformedKey = errors.New("credential: malformed signing key")

// SigningKey signs and verifies JWTs with its one algorithm. It is immutable
// and safe for concurrent use. It prints as its ID and algorithm only.
type SigningKey struct {
	ID        string // the kid
	Algorithm string

	method  jwt.SigningMethod
	secret  []byte
	private any
	public  any
	header  string // what every token of this key begins with, in base64url
}

// NewSigningKey returns a random key with a random ID.
func NewSigningKey(algorithm string) (*SigningKey, error) {
	var secret []byte
	switch algorithm {
	case HS256, EdDSA:
		secret = make([]byte, secretLen)
		rand.Read(secret)
	case ES256:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("credential: generate signing key: %w", err)
		}
		if secret, err = private.Bytes(); err != nil {
			return nil, fmt.Errorf("credential: generate signing key: %w", err)
		}
	}
	return newSigningKey(random36(mintedKeyID), algorithm, secret)
}

func newSigningKey(id, algorithm string, secret []byte) (*SigningKey, error) {
	k := &SigningKey{ID: id, Algorithm: algorithm, secret: secret}
	switch algorithm {
	case HS256:
		k.method, k.private, k.public = jwt.SigningMethodHS256, secret, secret
	case ES256:
		private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
		if err != nil {
			return nil, errMalformedKey
		}
		k.method, k.private, k.public = jwt.SigningMethodES256, private, &private.PublicKey
	case EdDSA:
		private := ed25519.NewKeyFromSeed(secret)
		k.method, k.private, k.public = jwt.SigningMethodEdDSA, private, private.Public()
	default:
		return nil, fmt.Errorf("credential: no signing algorithm %q; use %s, %s or %s", algorithm, HS256, ES256, EdDSA)
	}
	k.header = base64.RawURLEncoding.EncodeToString(
		[]byte(`{"alg":"` + algorithm + `","kid":"` + id + `","typ":"JWT"}`))
	return k, nil
}

// MarshalBinary returns the whole key, including its secret. Seal it before
// storing it.
func (k *SigningKey) MarshalBinary() ([]byte, error) {
	for i, algorithm := range algorithms {
		if algorithm == k.Algorithm && len(k.secret) == secretLen {
			b := append([]byte{keyVersion, byte(i), byte(len(k.ID))}, k.ID...)
			return append(b, k.secret...), nil
		}
	}
	return nil, errMalformedKey
}

// ParseSigningKey is the inverse of [SigningKey.MarshalBinary].
func ParseSigningKey(b []byte) (*SigningKey, error) {
	if len(b) < keyHeaderLen || b[0] != keyVersion || int(b[1]) >= len(algorithms) {
		return nil, errMalformedKey
	}
	id := b[keyHeaderLen:]
	if n := int(b[2]); n == 0 || n > maxKeyID || len(id) != n+secretLen {
		return nil, errMalformedKey
	}
	id, secret := id[:b[2]], id[b[2]:]
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return nil, errMalformedKey
		}
	}
	return newSigningKey(string(id), algorithms[b[1]], append([]byte(nil), secret...))
}

// Format keeps the secret out of every log.
func (k SigningKey) Format(f fmt.State, _ rune) {
	io.WriteString(f, "signing key "+k.ID+" ("+k.Algorithm+")")
}
