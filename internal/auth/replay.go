package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// ReplayRecord is the kept answer of a call that minted a secret. It is sealed
// under a key from ours and the caller's Idempotency-Key, of which only a
// keyed hash is kept: the row and our key alone open nothing.
type ReplayRecord struct {
	ID        credential.Hash // of operation, caller and key
	Request   credential.Hash
	Sealed    []byte
	ExpiresAt time.Time
}
