package openwearables

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// core is one session as the whole process knows it: all clients of the same
// store and base URL share one, so that they renew once.
type core struct {
	state     atomic.Pointer[state]
	listeners listeners

	mu       sync.Mutex
	renewal  *renewal // the one under way, or nil
	failures failures
}

// state is replaced whole. The generation changes with each sign-in and
// sign-out; what began in an earlier one must not be published.
type state struct {
	generation uint64
	session    *session // nil: none, or not loaded yet
	ended      *ending  // why there is none, if this process knows
}

// ending is how a session ended. A record of it that the store would not give up
// is not taken up again.
type ending struct {
	id  string
	err *Error
}

// failures is what the renewals since the last success have met.
type failures struct {
	token string // the refresh token that they were about
	count int
	err   *Error        // what all callers get until the cooldown is over
	until time.Duration // monotonic

	doubtedAt time.Duration // monotonic: when the first doubtful verdict came
	doubted   bool
	dead      *Error // the server's word that the token will never work
}

type coreKey struct {
	store any
	base  string
}

var cores = struct {
	mu sync.Mutex
	m  map[coreKey]weak.Pointer[core]
}{m: map[coreKey]weak.Pointer[core]{}}

// coreOf returns the process's one core of a store and a base URL, which lives as
// long as any client uses it.
func coreOf(key coreKey) *core {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	if c := cores.m[key].Value(); c != nil {
		return c
	}
	c := new(core)
	c.state.Store(new(state))
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

// publish makes s the session, unless the generation has changed.
func (c *core) publish(generation uint64, s *session, ended *ending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load().generation != generation {
		return false
	}
	c.state.Store(&state{generation: generation, session: s, ended: ended})
	return true
}

// supersede starts a new generation with s, or with nobody for the reason why,
// and returns the session before.
func (c *core) supersede(s *session, why *Error) (before *session, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.state.Load()
	next := &state{generation: old.generation + 1, session: s}
	if why != nil {
		next.ended = &ending{old.session.sessionID(), why}
	}
	c.state.Store(next)
	c.failures = failures{}
	return old.session, old.generation + 1
}

// noteFailure notes a failed renewal of a refresh token and starts the cooldown.
func (c *core) noteFailure(token string, err *Error, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.resetUnlessAbout(token)
	c.failures.count++
	c.failures.err = err
	c.failures.until = now + cooldownFor(c.failures.count, err)
}

// noteDoubt notes a doubtful verdict, and reports whether an equal one came before,
// long enough ago.
func (c *core) noteDoubt(token string, now time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.resetUnlessAbout(token)
	if !c.failures.doubted {
		c.failures.doubted, c.failures.doubtedAt = true, now
	}
	return now-c.failures.doubtedAt >= doubtApart
}

// noteDead keeps the server's word, so that the token is not sent again.
func (c *core) noteDead(token string, cause *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.resetUnlessAbout(token)
	c.failures.dead = cause
}

// failuresOf returns a copy of what is noted about a token.
func (c *core) failuresOf(token string) failures {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures.token != token {
		return failures{token: token}
	}
	return c.failures
}

func (f *failures) cooling(token string, now time.Duration) bool {
	return f.err != nil && f.token == token && now < f.until
}

// resetUnlessAbout forgets what was noted about another token.
func (f *failures) resetUnlessAbout(token string) {
	if f.token != token {
		*f = failures{token: token}
	}
}

// deadOr is why the token cannot be renewed.
func (f *failures) deadOr(otherwise *Error) *Error {
	if f.dead != nil {
		return f.dead
	}
	return otherwise
}
