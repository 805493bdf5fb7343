package credential

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"regexp"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// The credentials of an Open Wearables backend go on working here after an import.
// They have no checksum: random hexadecimal digits follow a prefix.
const (
	importedKey       = "sk-"
	importedRefresh   = "rt-"
	importedDigits    = 32
	importedAppDigits = 64 // of the secret of an application
)

// importedForm matches the secrets among them, wherever they stand.
var importedForm = regexp.MustCompile(`(?:sk|rt)-[0-9a-f]{32}|secret_[0-9a-f]{64}`)

// IsImportedKey reports whether s has the form of an API key of an Open Wearables
// backend.
func IsImportedKey(s string) bool { return hasDigits(s, importedKey, importedDigits) }

// IsImportedRefresh is IsImportedKey for refresh tokens.
func IsImportedRefresh(s string) bool { return hasDigits(s, importedRefresh, importedDigits) }

// IsImportedAppID is IsImportedKey for the ids of applications.
func IsImportedAppID(s string) bool { return hasDigits(s, string(AppID), importedDigits) }

// IsImportedAppSecret is IsImportedKey for the secrets of applications.
func IsImportedAppSecret(s string) bool { return hasDigits(s, string(AppSecret), importedAppDigits) }

// shownDigits is how many digits of an imported key are public.
const shownDigits = 7

// ShownOfImportedKey returns what is public of a key, or of its beginning; of what is
// none the prefix alone.
func ShownOfImportedKey(s string) string {
	if n := len(importedKey) + shownDigits; len(s) >= n && hasDigits(s[:n], importedKey, shownDigits) {
		return s[:n]
	}
	return importedKey
}

func hasDigits(s, prefix string, n int) bool {
	if len(s) != len(prefix)+n || !strings.HasPrefix(s, prefix) {
		return false
	}
	for i := len(prefix); i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// ImportDigest returns SHA-256 of a secret in hexadecimal digits, which is what a
// backend from 0.8 on keeps of its keys. An import knows no more of a secret.
func ImportDigest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// HashKey returns the keyed hash under which a presented credential is known, without
// allocating: [Vault.Hash] of the credential or, of a key of an Open Wearables backend,
// of its ImportDigest.
func (v *Vault) HashKey(presented string) Hash {
	if !IsImportedKey(presented) {
		return v.Hash(presented)
	}
	s := v.pepper.begin()
	n := copy(s.in[:], presented)
	sum := sha256.Sum256(s.in[:n])
	n = hex.Encode(s.in[:], sum[:])
	s.mac.Write(s.in[:n])
	return v.pepper.end(s)
}

// IDOf returns the one id of the kind p, a public one, that stands for the hash.
func IDOf(p Prefix, h Hash) string {
	n := p.payloadLen()
	digits := new(big.Int).SetBytes(h[:]).Text(36)
	digits = strings.Repeat("0", n) + digits
	return seal36(p, digits[len(digits)-n:])
}

// bcrypt hashes at most so many bytes of a password, and its costs are in this range.
const (
	bcryptBytes   = 72
	bcryptMaxCost = 14
)

// IsBcrypt reports whether a stored hash of a password is one of bcrypt.
func IsBcrypt(encoded string) bool { return strings.HasPrefix(encoded, "$2") }

// IsCutByBcrypt reports whether bcrypt takes a password for one whose end it has not seen.
func IsCutByBcrypt(password string) bool { return len(password) >= bcryptBytes }

// CheckBcrypt returns nil or [ErrMalformedHash] for a hash that [Passwords.Verify] does
// not take as one of bcrypt.
func CheckBcrypt(encoded string) error {
	cost, err := bcrypt.Cost([]byte(encoded))
	if err != nil || cost > bcryptMaxCost || len(encoded) != 60 {
		return ErrMalformedHash
	}
	return nil
}

// compareBcrypt reports whether the beginning of the password, as it was typed, is the
// one that was hashed.
func compareBcrypt(encoded, password string) (bool, error) {
	err := bcrypt.CompareHashAndPassword([]byte(encoded), []byte(password[:min(len(password), bcryptBytes)]))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil, err
}
