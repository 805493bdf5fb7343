package auth

import (
	"crypto/rand"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Bounds of pairing codes.
const (
	pairedFor       = 7 * 24 * time.Hour
	MaxPairingCodes = 10_000 // unused, of one developer or key
	pairingLength   = 8
)

// pairingAlphabet has no two symbols that are easily taken for each other. It has 32, so
// that a code has 40 bits. At 300 guesses a minute in all, which is Limits.Pairings, a
// code that lives for 7 days is found with a probability of 300*60*24*7 / 2^40, about
// 1 in 360,000; any of 1,000 that are unused all the time, 1 in 360 a week.
const pairingAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// PairingCode lets an app on the phone of one user get the user's tokens, once. Code is a
// secret that is not stored.
type PairingCode struct {
	ID        string // UUID
	Code      string
	UserID    string
	ExpiresAt time.Time
	CreatedAt time.Time
}

// StoredPairingCode is a code that was not used. A user has one at most.
type StoredPairingCode struct {
	ID        string
	UserID    string
	Hash      credential.Hash
	AppID     string // of the tokens that it is traded for: who made it
	CreatedAt time.Time
	ExpiresAt time.Time
}

// newPairingCode returns a random code.
func newPairingCode() string {
	code := make([]byte, pairingLength)
	_, _ = rand.Read(code) // never fails
	for i, b := range code {
		code[i] = pairingAlphabet[int(b)%len(pairingAlphabet)] // 32 divides 256
	}
	return string(code)
}

// pairingHash returns the hash under which a code is stored.
func pairingHash(vault *credential.Vault, code string) credential.Hash {
	return vault.HashParts("pairing-code", code)
}

// IsPairingCode reports whether a code has a form in which it is found here, whatever
// symbols are in it.
func IsPairingCode(code string) bool {
	return code == bare(code) && utf8.RuneCountInString(code) == pairingLength
}

// bare returns a code without what does not count in it.
func bare(typed string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Dash, r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, typed)
}

// readPairingCode returns a code in the form in which it was made, from what a person
// typed.
func readPairingCode(v *problem.Check, typed string) string {
	if !v.Text("code", typed, 1, problem.MaxText) {
		return ""
	}
	code := bare(typed)
	if utf8.RuneCountInString(code) != pairingLength {
		v.Fail("code", "must have 8 letters and digits; spaces and dashes do not count")
	}
	return code
}

func errPairingCode() *problem.Error {
	return &problem.Error{Kind: problem.NotFound, Reason: "not_found", Detail: "Invalid or expired invitation code"}
}
