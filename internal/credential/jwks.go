package credential

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// jwk is a public key in the form of RFC 7517, RFC 7518 (6.2.1) and RFC 8037
// (2).
type jwk struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y,omitzero"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517, 5), in the
// order of their IDs. HS256 keys have no public half and are left out.
func (ks KeySet) JWKS() []byte {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, k := range ks {
		key := jwk{KeyID: k.ID, Use: "sig", Algorithm: k.Algorithm}
		switch public := k.public.(type) {
		case *ecdsa.PublicKey:
			point, err := public.Bytes() // 4, x, y
			if err != nil {
				continue
			}
			key.Type, key.Curve = "EC", "P-256"
			key.X = base64.RawURLEncoding.EncodeToString(point[1:33])
			key.Y = base64.RawURLEncoding.EncodeToString(point[33:])
		case ed25519.PublicKey:
			key.Type, key.Curve = "OKP", "Ed25519"
			key.X = base64.RawURLEncoding.EncodeToString(public)
		default:
			continue
		}
		set.Keys = append(set.Keys, key)
	}
	slices.SortFunc(set.Keys, func(a, b jwk) int { return strings.Compare(a.KeyID, b.KeyID) })
	b, err := json.Marshal(set)
	if err != nil {
		panic(err) // strings of ASCII only
	}
	return b
}
