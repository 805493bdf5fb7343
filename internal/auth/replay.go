package auth

import (
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// ReplayRecord is the kept answer of a call with an Idempotency-Key. It is sealed
// under the vault's key and the caller's Idempotency-Key together. Of the
// latter only a keyed hash is stored, so that the row and the vault's key alone
// open nothing.
type ReplayRecord struct {
	ID        credential.Hash // of operation, caller and key
	Request   credential.Hash
	Sealed    []byte
	ExpiresAt time.Time
}
