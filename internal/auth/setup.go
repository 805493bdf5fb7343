package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// setupFor is how long a setup token works.
const setupFor = 24 * time.Hour

// maxSetupTokens is how many setup tokens there are at most; one more takes the place
// of the oldest.
const maxSetupTokens = 16

// SetupInput is what creates the first developer; "" is missing. UseCookie says where
// the refresh token goes, as at a login.
type SetupInput struct {
	Token, Email, Password string
	UseCookie              bool
}

// StoredSetupToken is a setup token that a process has printed, of which only a hash
// is kept.
type StoredSetupToken struct {
	Node      string // that printed it; its next one takes the place of this one
	Hash      credential.Hash
	CreatedAt time.Time
	ExpiresAt time.Time
}

// live reports whether the token counts at the instant.
func (t *StoredSetupToken) live(at time.Time) bool { return at.Before(t.ExpiresAt) }
