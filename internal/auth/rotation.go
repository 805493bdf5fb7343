package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
)

// Rotation replaces the current refresh token of a session by its successor.
type Rotation struct {
	SessionID  string
	Generation int64            // that the session must still have
	By         *credential.Hash // the retry key that came with the token
	Idle       time.Duration    // after which the session ends if it is not used again
	IP, Client string           // who the tokens go to
	Event      audit.Event      // is recorded, with the time of the rotation
}

// Rotated is what became of a rotation.
type Rotated struct {
	At        time.Time
	ExpiresAt time.Time // of the session
}
