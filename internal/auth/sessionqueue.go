package auth

import (
	"context"
	"hash/maphash"

	"github.com/openwearables/openwearables/internal/problem"
)

// sessionQueue lets one after the other in among those who would wait for the same row,
// before they take a connection to wait with: else a burst on one session would
// keep all others from the database. It is a courtesy; the row's lock decides.
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

// wait returns when it is id's turn, with what ends the turn. It fails only where
// the caller goes away.
func (q *sessionQueue) wait(ctx context.Context, id string) (end func(), err error) {
	stripe := q.stripes[maphash.String(q.seed, id)%uint64(len(q.stripes))]
	select {
	case stripe <- struct{}{}:
		return func() { <-stripe }, nil
	case <-ctx.Done():
		return nil, problem.UnavailableError(ctx.Err())
	}
}
