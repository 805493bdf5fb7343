package credential

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Guest is who has a password hashed, as the lane tells callers apart.
type Guest struct {
	Network string // of the caller; one network holds few places at once. "" is not counted
	Known   bool   // whether the caller goes before strangers, who leave a part of the queue free
}

const (
	// maxWait is how long a caller waits for a place.
	maxWait = 10 * time.Second
	// knownInARow is how many known callers go before a stranger who waits.
	knownInARow = 3
)

// hashLimiter bounds how many callers hash at once, how many wait and for how
// long, and how many of both may come from one network: two more than hash at
// once. Known callers enter before strangers, of whom one enters after every
// third of them, and a quarter of the queue is for them alone. Among equals who
// came first enters first. Safe for concurrent use.
type hashLimiter struct {
	width, queue int

	mu        sync.Mutex
	inside    int
	known     []*waiter
	strangers []*waiter
	inARow    int           // known callers who entered from the queue since the last stranger
	places    map[Guest]int // that hash or wait
}

type waiter struct {
	guest    Guest
	admitted chan struct{} // closed once it is inside
}

func newHashLimiter(width, queue int) *hashLimiter {
	return &hashLimiter{width: max(width, 1), queue: max(queue, 0), places: make(map[Guest]int)}
}

// enter returns once the caller may hash; the caller must then call leave once.
// If there is no room for the caller, it fails with ErrBusy at once, and if no
// place came free in time, after maxWait. If the context ends first it fails with
// the error of the context.
func (l *hashLimiter) enter(ctx context.Context, g Guest) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := l.join(g)
	if err != nil {
		return nil, err
	}
	leave = func() { l.leave(g) }
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-w.admitted:
		return leave, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = ErrBusy
	}
	if !l.abandon(w) { // it was admitted meanwhile
		if ctx.Err() == nil {
			return leave, nil
		}
		leave()
	}
	return nil, err
}

// join gives the caller a place inside or else in the queue.
func (l *hashLimiter) join(g Guest) (*waiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &waiter{g, make(chan struct{})}
	switch {
	case g.Network != "" && l.places[g] >= l.width+2:
		return nil, ErrBusy
	case l.inside < l.width: // then nobody waits
		l.inside++
		close(w.admitted)
	case len(l.known)+len(l.strangers) >= l.queue || !g.Known && len(l.strangers) >= l.queue-l.queue/4:
		return nil, ErrBusy
	case g.Known:
		l.known = append(l.known, w)
	default:
		l.strangers = append(l.strangers, w)
	}
	l.places[g]++
	return w, nil
}

// leave gives a place inside to who waits for it.
func (l *hashLimiter) leave(g Guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free(g)
	l.inside--
	from := &l.known
	if len(l.known) == 0 || l.inARow >= knownInARow && len(l.strangers) > 0 {
		from, l.inARow = &l.strangers, -1
	}
	if len(*from) == 0 {
		return
	}
	close((*from)[0].admitted)
	*from = slices.Delete(*from, 0, 1)
	l.inside++
	l.inARow++
}

// abandon takes a caller out of the queue. It returns false if the caller is not in
// it, because it was admitted.
func (l *hashLimiter) abandon(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, queue := range []*[]*waiter{&l.known, &l.strangers} {
		if i := slices.Index(*queue, w); i >= 0 {
			*queue = slices.Delete(*queue, i, i+1)
			l.free(w.guest)
			return true
		}
	}
	return false
}

func (l *hashLimiter) free(g Guest) {
	if l.places[g]--; l.places[g] <= 0 {
		delete(l.places, g)
	}
}

// load returns how many callers hash and how many wait.
func (l *hashLimiter) load() (running, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inside, len(l.known) + len(l.strangers)
}
