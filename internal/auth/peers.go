package auth

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"
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

// leaseMargin is for clocks that do not run equally fast.
const leaseMargin = 100 * time.Millisecond

// forget makes sure, before it returns, that nothing that was proved of the
// subjects is believed any more, here or by any peer.
func (s *core) forget(ctx context.Context, subjects ...string) {
	for _, subject := range subjects {
		s.cache.forget(subject)
	}
	if len(subjects) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx) // the effect is there, whether the caller still is or not
	if err := s.peers.Renew(ctx, subjects); err != nil {
		s.log.WarnContext(ctx, "peers could not be told of an end, its answer waits until they ask the database", "error", err)
		time.Sleep(s.peers.Lease() + leaseMargin)
	}
	failpoint.Hit(failpoint.AfterForget)
}

func (s *core) forgetSessions(ctx context.Context, ids []string) {
	subjects := make([]string, len(ids))
	for i, id := range ids {
		subjects[i] = sessionSubject(id)
	}
	s.forget(ctx, subjects...)
}

func keySubject(id string) string     { return "key:" + id }
func sessionSubject(id string) string { return "session:" + id }
