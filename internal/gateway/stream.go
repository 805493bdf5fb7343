package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// maxOwnerStreams is how many streams of one credential are open at once.
const maxOwnerStreams = 4

// streams counts the open streams. Safe for concurrent use.
type streams struct {
	most   int
	mu     sync.Mutex
	total  int
	owners map[string]int // by credential
}

func newStreams(most int) *streams { return &streams{most: most, owners: make(map[string]int)} }

func (s *streams) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// begin counts a stream of the owner until it leaves.
func (s *streams) begin(owner string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.total >= s.most:
		return nil, errStreams("Too many streams are open")
	case s.owners[owner] >= maxOwnerStreams:
		return nil, errStreams("Too many streams of this credential are open: close some")
	}
	s.total++
	s.owners[owner]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.owners[owner]--; s.owners[owner] == 0 {
			delete(s.owners, owner)
		}
	}, nil
}

func errStreams(detail string) error {
	return &problem.Error{Kind: problem.Unavailable, Reason: "too_many_streams", Detail: detail, RetryAfter: 5}
}

// errEnded is the cause with which this server ends a stream.
var errEnded = errors.New("gateway: the stream was ended")

// checkEvery is how long a stream may outlive its credential.
const checkEvery = time.Second

// watch ends the stream once its caller may no longer open it, or this server drains.
// It returns when ctx ends.
func (g *Gateway) watch(ctx context.Context, m *Match, caller auth.Caller, end context.CancelCauseFunc) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.ended.Done():
			end(errEnded)
			return
		case <-tick.C:
		}
		if g.again(ctx, m, &caller) != nil {
			end(errEnded)
			return
		}
	}
}

// again returns nil if the caller may still open the stream.
func (g *Gateway) again(ctx context.Context, m *Match, caller *auth.Caller) (err error) {
	defer problem.CatchPanic(&err)
	ctx = g.ports.Begin(ctx)
	now, err := g.ports.Again(ctx, caller)
	if err != nil {
		return err
	}
	return m.Route.require(auth.WithCaller(ctx, &auth.Caller{Principal: now}), m)
}
