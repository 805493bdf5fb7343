package auth

import "time"

// The states of a signing key. It is published before it signs and verifies
// after it has stopped signing, so that a rotation refuses no token.
const (
	SigningNext     = "next"
	SigningActive   = "active"
	SigningRetiring = "retiring"
)

// StoredSigningKey is a signing key, sealed.
type StoredSigningKey struct {
	ID        string
	State     string
	Algorithm string
	Sealed    []byte
	CreatedAt time.Time
	RetiredAt *time.Time // when it stopped signing
}
