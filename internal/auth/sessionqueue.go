package auth

import (
	"context"
	"hash/maphash"

	"github.com/openwearables/openwearables/internal/problem"
)

// sessionQueue admits one caller at a time to a session, before it takes a
// database connection to wait for the row with. Otherwise a burst on one
// session would hold every connection. It saves connections only: the lock on
// the row decides.
type sessionQueue struct {
	seed    maphash.Seed
	stripes [256]chan struct{}
}

func newSessionQueue() *sessionQueue {
	q := &sessionQueue{seed: maphash.MakeSeed()}
	for i := range q.stripes {
		q.stripes[i] = make(chan struct{}, 1)
	}
	return q
}

// wait returns when it is the caller's turn, with the function that ends the
// turn. It fails only if the context ends.
func (q *sessionQueue) wait(ctx context.Context, id string) (end func(), err error) {
	stripe := q.stripes[maphash.String(q.seed, id)%uint64(len(q.stripes))]
	select {
	case stripe <- struct{}{}:
		return func() { <-stripe }, nil
	case <-ctx.Done():
		return nil, problem.UnavailableError(ctx.Err())
	}
}
