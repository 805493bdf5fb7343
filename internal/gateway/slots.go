package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// inFlight is how many requests of each class are forwarded at once. Streams are counted
// by themselves.
var inFlight = [Public + 1]int{JSON: 32, Action: 16, Import: 8, Ingest: 64, Public: 32}

// userUploads is how many uploads of one user are forwarded at once: a phone sends one
// after the other, as slowly as its line is.
const userUploads = 4

// shareOf returns how many requests of the class one caller has in flight, so that whoever
// sends or reads slowly leaves room for others: more for a backend, which calls for many.
func shareOf(c Class, p *auth.Principal) int {
	switch {
	case p != nil && p.Kind != auth.UserToken:
		return inFlight[c] / 2
	case c == Ingest:
		return userUploads
	default:
		return inFlight[c] / 4
	}
}

// slotTime is how long a request waits for others of its class.
const slotTime = time.Second

func errBusy() error {
	e := problem.UnavailableError(nil)
	e.Detail = "Too many requests to the product behind this server are in flight"
	return e
}

// slots are the places of the requests of one class. Safe for concurrent use.
type slots struct {
	all chan struct{}

	mu     sync.Mutex
	shares map[string]*share // of the callers that have or await a place
}

// share holds the places of one caller.
type share struct {
	taken    chan struct{}
	requests int // that have or await a place; guarded by slots.mu
}

func newSlots(most int) *slots {
	return &slots{all: make(chan struct{}, most), shares: make(map[string]*share)}
}

// take waits until a request of the caller, which may have so many, may be forwarded.
// The caller must leave.
func (s *slots) take(ctx context.Context, caller string, most int) (leave func(), err error) {
	own := s.join(caller, most)
	wait := time.NewTimer(slotTime)
	defer wait.Stop()
	if err := occupy(ctx, own.taken, wait); err != nil {
		s.part(caller, own)
		return nil, err
	}
	if err := occupy(ctx, s.all, wait); err != nil {
		<-own.taken
		s.part(caller, own)
		return nil, err
	}
	return func() {
		<-s.all
		<-own.taken
		s.part(caller, own)
	}, nil
}

func occupy(ctx context.Context, places chan<- struct{}, wait *time.Timer) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-wait.C:
		return errBusy()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slots) join(caller string, most int) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.shares[caller]
	if own == nil {
		own = &share{taken: make(chan struct{}, most)}
		s.shares[caller] = own
	}
	own.requests++
	return own
}

func (s *slots) part(caller string, own *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own.requests--; own.requests == 0 {
		delete(s.shares, caller)
	}
}
