package event

import (
	"fmt"

	"github.com/openwearables/openwearables/internal/problem"
)

// Usage is what one user keeps: how many workouts, and about how many bytes they
// take in the database.
type Usage struct{ Workouts, Bytes int64 }

// With returns the usage after the new was written in place of the old.
func (u Usage) With(added, old Usage) Usage {
	return Usage{u.Workouts + added.Workouts - old.Workouts, u.Bytes + added.Bytes - old.Bytes}
}

// Quota bounds the usage of each user. 0 is no bound.
type Quota struct{ Workouts, Bytes int }

// DefaultQuota returns the documented quota. It lets a user record 54 workouts a
// day for ten years, such as 18 from each of three providers, which all count;
// the bytes are enough for 1.3 KiB each, twice as many as most take.
func DefaultQuota() Quota { return Quota{Workouts: 200_000, Bytes: 256 << 20} }

// Admit returns nil or the refusal of a write that takes a user from before to
// after. What adds nothing is admitted past the quota too, so that one that was
// lowered stops no correction.
func (q Quota) Admit(before, after Usage) error {
	switch {
	case q.Workouts > 0 && after.Workouts > int64(q.Workouts) && after.Workouts > before.Workouts:
		return problem.QuotaError(fmt.Sprintf("A user may keep %d workouts, and would have %d", q.Workouts, after.Workouts))
	case q.Bytes > 0 && after.Bytes > int64(q.Bytes) && after.Bytes > before.Bytes:
		return problem.QuotaError(fmt.Sprintf("The workouts of a user may take %d bytes, and would take %d", q.Bytes, after.Bytes))
	default:
		return nil
	}
}
