package credential

import (
	"bytes"
	"crypto/elliptic"
	"math/big"
)

// If an ECDSA signature (r, s) is valid, so is (r, n-s). Only the lower value
// of s is made and accepted, so that a token has one text.

var (
	p256Order     = elliptic.P256().Params().N
	p256HalfOrder = new(big.Int).Rsh(p256Order, 1).FillBytes(make([]byte, 32))
)

// isLowS takes a signature of P-256 in the form of RFC 7518 (3.4).
func isLowS(signature []byte) bool {
	return bytes.Compare(signature[32:], p256HalfOrder) <= 0
}

// toLowS replaces s by n-s, in place, if that is lower.
func toLowS(signature []byte) {
	if !isLowS(signature) {
		s := new(big.Int).SetBytes(signature[32:])
		s.Sub(p256Order, s).FillBytes(signature[32:])
	}
}
