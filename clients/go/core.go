package openwearables

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// core holds the session of one store and place. All clients of the process with
// that store and place share it, so that they renew once. Safe for
// concurrent use.
type core struct {
	state     atomic.Pointer[state]
	listeners listeners
	writing   sync.Mutex // held by the sign-in or sign-out that writes to the store

	mu       sync.Mutex
	renewal  *renewal // the one under way, or nil
	failures failures
}

// state is immutable and replaced as a whole. Each sign-in and sign-out starts a
// new generation; the result of work begun in an earlier one is not published.
type state struct {
	generation uint64
	session    *session // nil: none, or not loaded yet
	ended      *ending  // why session is nil, if this process knows
	// settled is closed when the sign-in or sign-out of the generation is done with the
	// store; until then the store may hold the record of before.
	settled chan struct{}
}

func newState() *state {
	s := &state{settled: make(chan struct{})}
	close(s.settled)
	return s
}

// ending records why a session ended. If the store could not be cleared, the id
// keeps the engine from loading that session again.
type ending struct {
	id  string
	err *Error
	// unread is 0, or if the store could not even be read, when that was, in unix
	// milliseconds of this process's clock: a record that was saved by then is of that
	// session too.
	unread int64
}

// covers reports whether s is the session that ended.
func (e *ending) covers(s *session) bool {
	return e != nil && (e.id == s.ID || e.unread != 0 && s.SavedAt-s.Skew <= e.unread)
}

// failures records the failed renewals since the last success.
type failures struct {
	token string // the refresh token of these renewals
	count int
	err   *Error        // what all callers get during the cooldown
	since time.Duration // monotonic
	until time.Duration // monotonic: end of the cooldown
	asked bool          // the server asked for the cooldown

	doubtedAt time.Duration // monotonic: time of the first doubtful verdict
	doubted   bool
	dead      *Error // the refusal after which the token will never work
}

type coreKey struct {
	store any
	place place
}

var cores = struct {
	mu sync.Mutex
	m  map[coreKey]weak.Pointer[core]
}{m: map[coreKey]weak.Pointer[core]{}}

// coreOf returns the process's only core of a store and place. It lives as long
// as any client uses it.
func coreOf(key coreKey) *core {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	if c := cores.m[key].Value(); c != nil {
		return c
	}
	c := new(core)
	c.state.Store(newState())
	w := weak.Make(c)
	cores.m[key] = w
	runtime.AddCleanup(c, func(key coreKey) {
		cores.mu.Lock()
		defer cores.mu.Unlock()
		if cores.m[key] == w {
			delete(cores.m, key)
		}
	}, key)
	return c
}

// publish makes s the current session and reports true, unless the generation has
// changed.
func (c *core) publish(generation uint64, s *session, ended *ending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.state.Load()
	if now.generation != generation {
		return false
	}
	c.state.Store(&state{generation, s, ended, now.settled})
	return true
}

// settledGeneration returns the current generation when its sign-in or sign-out is done
// with the store.
func (c *core) settledGeneration() uint64 {
	for {
		st := c.state.Load()
		<-st.settled
		if c.state.Load().generation == st.generation {
			return st.generation
		}
	}
}

// supersede starts a new generation with the session s, or without a session for
// the reason why. It returns the previous session and the new state, which has to be
// settled.
func (c *core) supersede(s *session, why *Error) (before *session, now *state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.state.Load()
	now = &state{generation: old.generation + 1, session: s, settled: make(chan struct{})}
	if why != nil {
		now.ended = &ending{id: old.session.sessionID(), err: why}
	}
	c.state.Store(now)
	c.failures = failures{}
	return old.session, now
}

// settle calls write, which brings the store up to a sign-in or sign-out, unless a later
// one has taken its place and writes to the store itself. Only one write runs at a time,
// and no renewal begins before its end.
func (c *core) settle(now *state, write func()) {
	defer close(now.settled)
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.state.Load().generation == now.generation {
		write()
	}
}

// noteFailure records a failed renewal of a refresh token and starts the cooldown. It
// returns the error with how long to wait.
func (c *core) noteFailure(token string, err *Error, now time.Duration) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.resetUnlessAbout(token)
	c.failures.count++
	left := cooldownFor(c.failures.count, err)
	c.failures.err = err.after(max(left, err.RetryAfter))
	c.failures.since, c.failures.until, c.failures.asked = now, now+left, err.RetryAfter > 0
	return c.failures.err
}

// endCooldown ends a cooldown that the server has not asked for. With forget, the next
// renewal is as persistent as a first one.
func (c *core) endCooldown(forget bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := &c.failures; f.err != nil && !f.asked {
		f.err = nil
		if forget {
			f.count = 0
		}
	}
}

// noteDoubt records a doubtful verdict. It reports whether the first one of this
// token is at least doubtApart ago.
func (c *core) noteDoubt(token string, now time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.resetUnlessAbout(token)
	if !c.failures.doubted {
		c.failures.doubted, c.failures.doubtedAt = true, now
	}
	return now-c.failures.doubtedAt >= doubtApart
}

// noteDead records that the server refused a token for good, so that it is not
// sent again.
func (c *core) noteDead(token string, cause *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.resetUnlessAbout(token)
	c.failures.dead = cause
}

// failuresOf returns a copy of the failures of a token.
func (c *core) failuresOf(token string) failures {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures.token != token {
		return failures{token: token}
	}
	return c.failures
}

// cooling returns the error of a token's cooldown with what is left to wait, nil if the
// cooldown is over.
func (f *failures) cooling(token string, now time.Duration) *Error {
	if f.err == nil || f.token != token || now >= f.until {
		return nil
	}
	return f.err.after(f.err.RetryAfter - (now - f.since))
}

// resetUnlessAbout clears the failures of any other token.
func (f *failures) resetUnlessAbout(token string) {
	if f.token != token {
		*f = failures{token: token}
	}
}

// deadOr returns why the token is dead, or otherwise.
func (f *failures) deadOr(otherwise *Error) *Error {
	if f.dead != nil {
		return f.dead
	}
	return otherwise
}
