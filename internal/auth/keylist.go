package auth

import "time"

// KeyList is what ListKeys takes; nil is the default.
type KeyList struct {
	State  *string
	Limit  *int    // default 100
	Cursor *string // from an earlier page
}

// The states by which keys are listed. A key is in several of them.
const (
	KeyActive   = "active"   // neither disabled nor expired
	KeyRotating = "rotating" // active, and its older secret still works
	KeyExpiring = "expiring" // active, and expires within expiringWithin
	KeyUnused   = "unused"   // active, and not used for unusedFor, or never
	KeyDisabled = "disabled"
	KeyExpired  = "expired" // and not disabled
)

const (
	expiringWithin = 14 * 24 * time.Hour
	unusedFor      = 90 * 24 * time.Hour
)

// KeyQuery selects keys, newest first: Limit of them at most, and only those after the
// place unless it is nil.
type KeyQuery struct {
	State       string // "": any
	Now         time.Time
	ExpireBy    time.Time // of those that are expiring
	UnusedSince time.Time // of those that are unused
	After       *Place
	Limit       int
}

// keyQuery returns the query for keys in a state at the instant.
func keyQuery(state string, now time.Time, after *Place, limit int) KeyQuery {
	return KeyQuery{state, now, now.Add(expiringWithin), now.Add(-unusedFor), after, limit}
}
