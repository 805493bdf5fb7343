package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Peers is what the processes that serve one store share beside it: the buckets
// of limits, and the version of each subject. The version tells a process that
// another one has ended the subject. Safe for concurrent use.
type Peers interface {
	ratelimit.Counter
	// Spend charges as Take does, and returns the version that the subject had
	// in the same instant. A credential verified before may be admitted again
	// only if its version is equal to the one read before its verification.
	Spend(ctx context.Context, p ratelimit.Policy, id, subject string) (ratelimit.Window, uint64, error)
	// Charge takes steps in turn, in one exchange if that is possible, and returns what
	// they came to, each with the version of its subject. With untilRefused, it leaves out those that follow the first that is
	// refused. If it fails, it is unknown which steps were taken.
	Charge(ctx context.Context, untilRefused bool, steps ...ratelimit.Step) ([]ratelimit.Outcome, error)
	Versions
}

// Versions holds the version of each subject. Safe for concurrent use.
type Versions interface {
	// Bump gives each subject a version that is equal to no earlier one. It fails
	// unless every process on the store learns of that.
	Bump(ctx context.Context, subjects []string) error
	// Lease returns how long after its verification a credential may be
	// admitted because versions are equal. If Bump fails, every such credential
	// is out once the lease has passed. 0 means for ever, for Peers whose Bump
	// never fails.
	Lease() time.Duration
}

// Alone returns the Peers of the only process on a store. What it forgets is
// forgotten everywhere.
func Alone(c ratelimit.Counter) Peers { return alone{c} }

type alone struct{ ratelimit.Counter }

func (a alone) Spend(ctx context.Context, p ratelimit.Policy, id, _ string) (ratelimit.Window, uint64, error) {
	w, err := a.Take(ctx, p, id)
	return w, 0, err
}

func (a alone) Charge(ctx context.Context, untilRefused bool, steps ...ratelimit.Step) ([]ratelimit.Outcome, error) {
	return ratelimit.InTurn(ctx, a, untilRefused, steps)
}

func (alone) Bump(context.Context, []string) error { return nil }
func (alone) Lease() time.Duration                 { return 0 }
