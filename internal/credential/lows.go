package credential

import (
	"bytes"
	"crypto/elliptic"
	"math/big"
)

// Of an ECDSA signature (r, s) the pair (r, n-s) is valid too. Only the lower
// value of s is made and accepted, so that nobody can write a token anew.

var (
	p256Order     = elliptic.P256().Params().N
	p256HalfOrder = new(big.Int).Rsh(p256Order, 1).FillBytes(make([]byte, 32))
)

// isLowS takes a signature of P-256 as RFC 7518 (3.4) writes it.
func isLowS(signature []byte) bool {
	return bytes.Compare(signature[32:], p256HalfOrder) <= 0
}

// toLowS changes s in place where need be.
func toLowS(signature []byte) {
	if !isLowS(signature) {
		s := new(big.Int).SetBytes(signature[32:])
		s.Sub(p256Order, s).FillBytes(signature[32:])
	}
}
