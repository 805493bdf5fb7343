package auth

import (
	"sync/atomic"
	"time"
)

// lastUse is the instant of one credential's last use, in microseconds.
type lastUse struct{ at, written atomic.Int64 }

func (u *lastUse) touch(now time.Time) {
	if t := now.UnixMicro(); t > u.at.Load() {
		u.at.Store(t)
	}
}
