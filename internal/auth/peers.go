package auth

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Peers is what the processes that serve one store share beside it: the limits,
// and a mark for each subject of credentials ("key:ID", "session:ID"), by which
// each learns that another has ended it. Safe for concurrent use.
type Peers interface {
	ratelimit.Counter
	// Spend is Take, and returns the mark that the subject had in the same
	// instant. What was proved of a subject may be believed again only if the mark
	// is equal to the one that came before the proof.
	Spend(ctx context.Context, p ratelimit.Policy, id, subject string) (ratelimit.Window, uint64, error)
	Versions
}

// Versions holds the mark of each subject. Safe for concurrent use.
type Versions interface {
	// Renew gives the subjects marks that are equal to none before.
	Renew(ctx context.Context, subjects []string) error
	// Lease is how long after its proof a credential may be believed by equal
	// marks; where Renew fails, all are over when it has passed. 0 is for ever, of
	// Peers whose Renew never fails.
	Lease() time.Duration
}

// Alone is the Peers of a process that is the only one: what it forgets is
// forgotten everywhere.
func Alone(c ratelimit.Counter) Peers { return alone{c} }

type alone struct{ ratelimit.Counter }

func (a alone) Spend(ctx context.Context, p ratelimit.Policy, id, _ string) (ratelimit.Window, uint64, error) {
	w, err := a.Take(ctx, p, id)
	return w, 0, err
}

func (alone) Renew(context.Context, []string) error { return nil }
func (alone) Lease() time.Duration                  { return 0 }

// Unmarked is the Peers of processes that share no marks: each credential is
// proved by the store at each request.
func Unmarked(c ratelimit.Counter) Peers { return &unmarked{Counter: c} }

type unmarked struct {
	ratelimit.Counter
	last atomic.Uint64
}

func (u *unmarked) Spend(ctx context.Context, p ratelimit.Policy, id, _ string) (ratelimit.Window, uint64, error) {
	w, err := u.Take(ctx, p, id)
	return w, u.last.Add(1), err
}

func (*unmarked) Renew(context.Context, []string) error { return nil }
func (*unmarked) Lease() time.Duration                  { return 0 }
