package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// maxLaneWaiting is how many calls may wait in a lane.
const maxLaneWaiting = 1024

var (
	errNoTurn   = errors.New("store: the turn of this caller did not come")
	errLaneFull = errors.New("store: too many calls of this kind are waiting")
)

// lane lets few calls run at once and the others wait for a turn. Turns go round
// by caller: a free place goes to the caller who runs the fewest calls, and of
// these to the one whose last turn is the longest ago. So one caller's many
// calls hold up another one's by a turn at most. Those who had none yet come first, in
// the order in which they came. Safe for concurrent use.
type lane struct {
	places   int           // calls that run at once
	patience time.Duration // how long a call waits

	mu      sync.Mutex
	running int
	waiting int
	turns   uint64
	arrived uint64                 // callers so far
	callers map[string]*laneCaller // who run or wait
}

type laneCaller struct {
	running int
	turn    uint64      // the latest; 0: none
	arrival uint64      // its place among those who came
	waiting []*laneCall // in the order in which they came
}

// laneCall is a call that waits. Its channel gets nil when the turn comes, or
// errLaneFull when the call has to go.
type laneCall struct{ answer chan error }

func newLane(places int, patience time.Duration) *lane {
	return &lane{places: max(1, places), patience: patience, callers: make(map[string]*laneCaller)}
}

// length returns how many calls wait.
func (l *lane) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}

// run runs f in a turn of the caller of ctx. The wait counts as time of its
// request.
func (l *lane) run(ctx context.Context, f func() error) error {
	begun, budget := time.Now(), budgetFrom(ctx)
	leave, err := l.enter(ctx, l.patience-budget.used())
	budget.use(time.Since(begun))
	if err != nil {
		return fmt.Errorf("%w: %w", errNoTurn, err)
	}
	defer leave()
	return f()
}

// enter waits for a turn of the caller of ctx. It returns the function that ends
// the turn, or an error if none came in time.
func (l *lane) enter(ctx context.Context, patience time.Duration) (leave func(), err error) {
	id := auth.CallerFrom(ctx).Identity()
	call, err := l.queue(id)
	if err != nil {
		return nil, err
	}
	leave = func() { l.leave(id) }
	end := time.NewTimer(patience)
	defer end.Stop()
	select {
	case err = <-call.answer:
	case <-ctx.Done():
		err = l.abandon(id, call, ctx.Err())
	case <-end.C:
		err = l.abandon(id, call, context.DeadlineExceeded)
	}
	if err != nil {
		return nil, err
	}
	return leave, nil
}

// queue adds a call of the caller. If all that may wait do, the last call of the
// caller with the most has to go.
func (l *lane) queue(id string) (*laneCall, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.callers[id]
	if c == nil {
		l.arrived++
		c = &laneCaller{arrival: l.arrived}
		l.callers[id] = c
	}
	if l.waiting == maxLaneWaiting {
		if err := l.displace(c); err != nil {
			l.forget(id)
			return nil, err
		}
	}
	call := &laneCall{make(chan error, 1)}
	c.waiting = append(c.waiting, call)
	l.waiting++
	l.grant()
	return call, nil
}

// displace removes a waiting call of a caller that has more of them than c.
func (l *lane) displace(c *laneCaller) error {
	most := c
	for _, other := range l.callers {
		if len(other.waiting) > len(most.waiting) {
			most = other
		}
	}
	last := len(most.waiting) - 1
	if last <= len(c.waiting) {
		return errLaneFull
	}
	most.waiting[last].answer <- errLaneFull
	most.waiting = most.waiting[:last]
	l.waiting--
	return nil
}

// grant gives the free places to calls that wait.
func (l *lane) grant() {
	for l.running < l.places && l.waiting > 0 {
		var next *laneCaller
		for _, c := range l.callers {
			if len(c.waiting) == 0 {
				continue
			}
			if next == nil || c.before(next) {
				next = c
			}
		}
		l.turns++
		next.turn = l.turns
		next.waiting[0].answer <- nil
		next.waiting = next.waiting[1:]
		next.running++
		l.running++
		l.waiting--
	}
}

// before reports whether a free place goes to c rather than to the other.
func (c *laneCaller) before(other *laneCaller) bool {
	return cmp.Or(cmp.Compare(c.running, other.running), cmp.Compare(c.turn, other.turn), cmp.Compare(c.arrival, other.arrival)) < 0
}

// leave ends a turn of the caller.
func (l *lane) leave(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.callers[id].running--
	l.running--
	l.forget(id)
	l.grant()
}

// abandon takes the call out of the queue and returns why, or what it was
// answered in the meantime.
func (l *lane) abandon(id string, call *laneCall, why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case err := <-call.answer:
		return err
	default:
	}
	c := l.callers[id]
	at := slices.Index(c.waiting, call)
	c.waiting = slices.Delete(c.waiting, at, at+1)
	l.waiting--
	l.forget(id)
	return why
}

// forget forgets a caller who neither runs nor waits.
func (l *lane) forget(id string) {
	if c := l.callers[id]; c.running == 0 && len(c.waiting) == 0 {
		delete(l.callers, id)
	}
}
