package auth

import (
	"fmt"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// The states of a signing key. It is published before it signs and still
// verifies after it has stopped signing, so that a rotation refuses no token.
const (
	SigningNext     = "next"
	SigningActive   = "active"
	SigningRetiring = "retiring"
)

var signingStates = []string{SigningActive, SigningNext, SigningRetiring}

// SigningKey is what developers may know of a signing key.
type SigningKey struct {
	ID        string
	Algorithm string
	State     string
	CreatedAt time.Time
	EndsAt    *time.Time // when its tokens are refused; nil unless it is retiring
}

// StoredSigningKey is a signing key whose bytes are sealed.
type StoredSigningKey struct {
	ID        string
	State     string
	Algorithm string
	Sealed    []byte
	CreatedAt time.Time
	RetiredAt *time.Time // when it stopped signing
}

// endsAt returns when the key has stopped signing for so long that every token it
// signed has expired; nil if it has not stopped.
func (k *StoredSigningKey) endsAt(accessTTL time.Duration) *time.Time {
	const leeway = time.Minute
	if k.State != SigningRetiring {
		return nil
	}
	end := k.RetiredAt.Add(max(accessTTL, 24*time.Hour) + leeway)
	return &end
}

// ended reports whether endsAt is over.
func (k *StoredSigningKey) ended(now time.Time, accessTTL time.Duration) bool {
	end := k.endsAt(accessTTL)
	return end != nil && now.After(*end)
}

// errNoSigningKey names the keys that there are.
func errNoSigningKey(id string, keys []StoredSigningKey) error {
	present := make([]string, len(keys))
	for i, k := range keys {
		present[i] = k.ID + " (" + k.State + ")"
	}
	return &problem.Error{
		Kind: problem.NotFound, Reason: "not_found",
		Detail: fmt.Sprintf("There is no signing key %q; there are %s", id, strings.Join(present, ", ")),
	}
}

// sealSigningKey returns the key in the form in which it is stored.
func sealSigningKey(vault *credential.Vault, key *credential.SigningKey, state string, at time.Time) (StoredSigningKey, error) {
	k := StoredSigningKey{ID: key.ID, State: state, Algorithm: key.Algorithm, CreatedAt: at}
	plain, err := key.MarshalBinary()
	if err != nil {
		return k, err
	}
	k.Sealed, err = vault.Seal(plain, k.bind(), "")
	return k, err
}

// open returns the key that was sealed.
func (k *StoredSigningKey) open(vault *credential.Vault) (*credential.SigningKey, error) {
	plain, err := vault.Open(k.Sealed, k.bind(), "")
	if err != nil {
		return nil, err
	}
	return credential.ParseSigningKey(plain)
}

// bind ties the sealed bytes to their row.
func (k *StoredSigningKey) bind() []byte { return []byte("signing-key:" + k.ID) }
