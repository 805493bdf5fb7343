package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/audit"
)

// Minting opens a session of a user for an application.
type Minting struct {
	Session     StoredSession     // its times do not count: it begins when it is made
	Application StoredApplication // as it was when it admitted the caller; its secrets must still be these
	Until       *time.Time        // when the application admits the caller no longer; nil: never
	Most        int               // sessions of the user, ended ones included, with this one
	Idle        time.Duration     // after which the session ends if it is not used
	Absolute    time.Duration     // after which it ends in any case
	Event       audit.Event       // is recorded, with the time at which the session begins
}
