package store

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// clock returns the times of transactions: in UTC, in microseconds, and never
// before an earlier one, even if now goes back. Safe for concurrent use.
type clock struct {
	now  func() time.Time
	mu   sync.Mutex
	last time.Time
}

func (c *clock) tick() time.Time { return c.notBefore(c.now()) }

// latest returns the latest time that was returned.
func (c *clock) latest() time.Time { return c.notBefore(time.Time{}) }

// notBefore returns t, or the latest time that was returned if that is later.
func (c *clock) notBefore(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t = t.UTC().Truncate(time.Microsecond); t.After(c.last) {
		c.last = t
	}
	return c.last
}

const (
	// maxSkew is how far the clock of this machine may be from the database's.
	// What is stored is compared with the database's time whatever the machine's
	// says; but a clock that is that wrong is not kept, and may go anywhere.
	maxSkew = 20 * time.Second
	// warnSkew is how far it may be before a warning.
	warnSkew = 2 * time.Second
	// maxDoubt is how long a measurement may take to replace an earlier one, which
	// is wrong by half of that at most.
	maxDoubt = time.Second
)

// skewedClock tells the database's time by the clock of this machine, from which
// it takes by how much that is ahead. Safe for concurrent use.
type skewedClock struct {
	machine  func() time.Time
	ahead    atomic.Int64 // nanoseconds
	measured atomic.Bool
	warned   atomic.Bool
}

// now returns the database's time. It has no monotonic part, which would keep a
// clock that was set from being corrected.
func (c *skewedClock) now() time.Time {
	return c.machine().Round(0).Add(-time.Duration(c.ahead.Load()))
}

// measure takes the database's time, which was read after the machine's clock
// said sent.
func (c *skewedClock) measure(sent, database time.Time) {
	sent, received := sent.Round(0), c.machine().Round(0)
	took := received.Sub(sent)
	if c.measured.Load() && (took < 0 || took > maxDoubt) {
		return
	}
	c.ahead.Store(int64(sent.Add(took / 2).Sub(database)))
	c.measured.Store(true)
}

// check returns an error of kind Unavailable if the clock of this machine is off
// by more than maxSkew. It warns once if it is off by more than warnSkew.
func (c *skewedClock) check(log *slog.Logger) error {
	ahead := time.Duration(c.ahead.Load())
	if wrong := ahead.Abs() > warnSkew; wrong != c.warned.Swap(wrong) && wrong {
		log.Warn("the clocks of this machine and of the database differ: run a time service on both", "ahead", ahead.String())
	}
	if ahead.Abs() <= maxSkew {
		return nil
	}
	err := problem.UnavailableError(errSkewed)
	err.Detail = fmt.Sprintf("The clock of this node is %s ahead of the database's: run a time service on both", ahead.Round(time.Second))
	if ahead < 0 {
		err.Detail = fmt.Sprintf("The clock of this node is %s behind the database's: run a time service on both", -ahead.Round(time.Second))
	}
	return err
}
