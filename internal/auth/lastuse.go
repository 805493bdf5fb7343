package auth

import (
	"sync/atomic"
	"time"
)

// lastUse holds when one credential was last used, in microseconds since 1970.
// Safe for concurrent use.
type lastUse struct{ at, written atomic.Int64 }

func (u *lastUse) touch(now time.Time) {
	if t := now.UnixMicro(); t > u.at.Load() {
		u.at.Store(t)
	}
}
