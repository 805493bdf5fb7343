package auth

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Key is an API key as its account sees it: never with its secret.
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
	ExpiresAt         *time.Time
	PreviousExpiresAt *time.Time // when the older secret ends, while it lives
}

// StoredKey is a key beside the keyed hashes of its secrets.
type StoredKey struct {
	Key
	Hash         credential.Hash
	PreviousHash *credential.Hash // set while PreviousExpiresAt is
	RotatedAt    *time.Time
}

// NewKey is a key and its secret, which is shown this once.
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
}

// KeyPatch is what UpdateKey changes. Nil leaves a member as it is; a nil
// inside clears it, which only ExpiresAt can be.
type KeyPatch struct {
	Name      **string
	Scopes    **[]string
	Enabled   **bool
	ExpiresAt **string
}

// MaxOverlap is how long a rotated secret may live on, in seconds.
const MaxOverlap = 2592000

// check holds the rules of a key's members and puts its scopes in order.
func (k *Key) check(v *problem.Check) error {
	v.Text("name", k.Name, 1, problem.MaxName)
	if len(k.Scopes) == 0 {
		v.Fail("scopes", "must hold at least one scope")
	}
	for i, scope := range k.Scopes {
		if !slices.Contains(Scopes, scope) || slices.Contains(k.Scopes[:i], scope) {
			v.Fail("scopes", "must be distinct and among "+listed(Scopes))
			break
		}
	}
	k.Scopes = slices.DeleteFunc(slices.Clone(Scopes), func(scope string) bool {
		return !slices.Contains(k.Scopes, scope)
	})
	return v.Err()
}

// apply checks the patch and carries it out on k.
func (in KeyPatch) apply(k *Key, now time.Time) error {
	var v problem.Check
	assign(&v, "name", &k.Name, in.Name)
	assign(&v, "scopes", &k.Scopes, in.Scopes)
	assign(&v, "enabled", &k.Enabled, in.Enabled)
	if in.ExpiresAt != nil {
		k.ExpiresAt = v.Future("expires_at", *in.ExpiresAt, now)
	}
	return k.check(&v)
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

func listed(set []string) string { return strings.Join(slices.Clone(set), ", ") }
