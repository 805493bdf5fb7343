package auth

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Key is an API key without its secret.
type Key struct {
	ID                string
	Name              string
	KeyPrefix         string // environment prefix and the first 4 characters of the newest secret
	Environment       string // "live" or "test", a label
	Scopes            []string
	Enabled           bool
	CreatedBy         string // developer id
	CreatedAt         time.Time
	LastUsedAt        *time.Time
	LastUsedIP        *string
	LastUsedClient    *string // User-Agent
	LastUsedOperation *string
	ExpiresAt         *time.Time
	PreviousExpiresAt *time.Time // when the older secret ends, while it lives
	AllowedNetworks   []string   // where it may be used from, in CIDR notation; none = everywhere
	PreviousUse
}

// Overlap returns the overlap with the older secret, nil if none lives.
func (k *Key) Overlap() *Overlap { return k.PreviousUse.of(k.PreviousExpiresAt) }

// CountPrevious adds uses of the older secret, if it is the one that they are of. It
// reports whether it is.
func (k *StoredKey) CountPrevious(of OlderSecret, u SecretUse) bool {
	return countPrevious(&k.PreviousUse, k.PreviousExpiresAt, of, u)
}

// StoredKey is a key with the keyed hashes of its secrets.
type StoredKey struct {
	Key
	Hash         credential.Hash
	PreviousHash *credential.Hash // set while PreviousExpiresAt is
	RotatedAt    *time.Time
}

// admits reports, in constant time, whether the secret is one of the key's at the
// instant.
func (k *StoredKey) admits(h credential.Hash, now time.Time) bool {
	newest := h.Equal(k.Hash)
	older := k.PreviousHash != nil && h.Equal(*k.PreviousHash) && now.Before(*k.PreviousExpiresAt)
	return newest || older
}

// mints reports whether the key may mint tokens at the instant, from somewhere.
func (k *StoredKey) mints(now time.Time) bool {
	return k.Enabled && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt)) && slices.Contains(k.Scopes, string(TokensWrite))
}

// NewKey is a key with its secret, which is shown only once.
type NewKey struct {
	Key    Key
	Secret string
}

// KeyInput is what CreateKey takes; nil is the default.
type KeyInput struct {
	Name        *string
	Environment *string
	Scopes      *[]string
	ExpiresAt   *string // RFC 3339
	// AllowedNetworks is left out of the request that an Idempotency-Key stands for
	// if it is nil, as by releases that do not know it.
	AllowedNetworks *[]string `json:",omitempty"`
}

// KeyPatch is what UpdateKey changes. Only ExpiresAt and AllowedNetworks can be
// cleared.
type KeyPatch struct {
	Name            Change[string]
	Scopes          Change[[]string]
	Enabled         Change[bool]
	ExpiresAt       Change[string] // RFC 3339
	AllowedNetworks Change[[]string]
}

// MaxOverlap is the longest time for which a rotated secret may live on, in
// seconds.
const MaxOverlap = 2592000

func checkScopes(v *problem.Check, scopes []string) {
	if len(scopes) == 0 {
		v.Fail("scopes", "must hold at least one scope")
	}
	for i, scope := range scopes {
		if !slices.Contains(Scopes, scope) || slices.Contains(scopes[:i], scope) {
			v.Fail("scopes", "must be distinct and among "+strings.Join(Scopes, ", "))
			break
		}
	}
}

// inOrder returns valid scopes in the order of Scopes.
func inOrder(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(Scopes), func(scope string) bool {
		return !slices.Contains(scopes, scope)
	})
}

// check checks the patch, trims the name and normalizes the networks. It returns when the key is to expire, or
// nil if the patch sets no instant.
func (in *KeyPatch) check(now time.Time) (expires *time.Time, err error) {
	var v problem.Check
	refuseNull(&v, "name", in.Name)
	refuseNull(&v, "scopes", in.Scopes)
	refuseNull(&v, "enabled", in.Enabled)
	expires = v.Future("expires_at", in.ExpiresAt.Value(), now)
	checkName(&v, "name", &in.Name)
	if scopes := in.Scopes.Value(); scopes != nil {
		checkScopes(&v, *scopes)
	}
	if networks := in.AllowedNetworks.Value(); networks != nil {
		in.AllowedNetworks = ChangeTo(new(checkNetworks(&v, *networks)))
	}
	return expires, v.Err()
}

// apply carries out a patch that check accepts, with what check returned.
func (in KeyPatch) apply(k *Key, expires *time.Time) {
	in.Name.replace(&k.Name)
	in.Enabled.replace(&k.Enabled)
	if scopes := in.Scopes.Value(); scopes != nil {
		k.Scopes = inOrder(*scopes)
	}
	if in.ExpiresAt.Present() {
		k.ExpiresAt = expires
	}
	if in.AllowedNetworks.Null() {
		k.AllowedNetworks = []string{}
	} else {
		in.AllowedNetworks.replace(&k.AllowedNetworks)
	}
}

func checkOverlap(seconds int) error {
	var v problem.Check
	v.Between("overlap_seconds", seconds, 0, MaxOverlap)
	return v.Err()
}

func keyError(err error) error {
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("API key")
	}
	return err
}
