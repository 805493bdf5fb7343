package auth

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Peers is what the processes that serve one store share beside it: the limits,
// and a version for each subject of credentials ("key:ID", "session:ID"), by which
// each learns that another has ended it. Safe for concurrent use.
type Peers interface {
	ratelimit.Counter
	// Spend is Take, and returns the version that the subject had in the same
	// instant. What was proved of a subject may be believed again only if the version
	// is equal to the one that came before the proof.
	Spend(ctx context.Context, p ratelimit.Policy, id, subject string) (ratelimit.Window, uint64, error)
	Versions
}

// Versions holds the version of each subject. Safe for concurrent use.
type Versions interface {
	// Bump gives the subjects versions that are equal to none before.
	Bump(ctx context.Context, subjects []string) error
	// Lease is how long after its proof a credential may be believed by equal
	// versions; where Bump fails, all are over when it has passed. 0 is for ever, of
	// Peers whose Bump never fails.
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

func (alone) Bump(context.Context, []string) error { return nil }
func (alone) Lease() time.Duration                 { return 0 }

// Unversioned is the Peers of processes that share no versions: each credential is
// proved by the store at each request.
func Unversioned(c ratelimit.Counter) Peers { return &unversioned{Counter: c} }

type unversioned struct {
	ratelimit.Counter
	last atomic.Uint64
}

func (u *unversioned) Spend(ctx context.Context, p ratelimit.Policy, id, _ string) (ratelimit.Window, uint64, error) {
	w, err := u.Take(ctx, p, id)
	return w, u.last.Add(1), err
}

func (*unversioned) Bump(context.Context, []string) error { return nil }
func (*unversioned) Lease() time.Duration                 { return 0 }
