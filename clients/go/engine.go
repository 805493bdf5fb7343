package openwearables

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"connectrpc.com/connect"
)

// core is one session as the whole process knows it: all clients of the same
// store and base URL share one, so that they renew once.
type core struct {
	state    atomic.Pointer[state]
	audience audience

	mu       sync.Mutex
	flight   *flight
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

// failures is what the flights since the last success have met.
type failures struct {
	token string // the refresh token that they were about
	count int
	err   *Error        // what all callers get until the cooldown is over
	until time.Duration // monotonic

	doubt   time.Duration // monotonic: when the first doubtful verdict came
	doubted bool
	dead    *Error // the server's word that the token will never work
}

// flight is one renewal that any number of callers wait for.
type flight struct {
	done    chan struct{}
	session *session
	err     *Error
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

// engine keeps a session's tokens fresh for one client.
type engine struct {
	core     *core
	base     string
	store    guarded
	rpc      *tokenRPC
	provider TokenProvider
	clock    clock
}

// token returns a session whose access token can be sent and is not refused, the
// one that the server refused ("" for none). It is one atomic load and one
// reading of the clock where nothing is to do.
func (e *engine) token(ctx context.Context, refused string) (*session, error) {
	if s := e.core.state.Load().session; s != nil && !s.is(refused) && e.clock.mono() < s.soft {
		return s, nil
	}
	return e.await(ctx, refused)
}

func (e *engine) await(ctx context.Context, refused string) (*session, error) {
	for {
		st := e.core.state.Load()
		if s := st.session; s != nil && !s.is(refused) && e.clock.mono() < s.hard {
			if e.clock.mono() >= s.soft {
				e.renewBehind(s)
			}
			return s, nil
		}
		if s := st.session; s.justRefused(refused, e.clock.mono()) {
			return nil, &Error{
				Kind: KindUnauthenticated, Code: connect.CodeUnauthenticated, Reason: "invalid_token",
				Message: "the server refuses tokens that it has just issued",
			}
		}
		f := e.join(refused)
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, toError(context.Cause(ctx))
		}
		switch {
		case f.err == errSuperseded:
		case f.err != nil:
			return nil, f.err
		case f.session.fetched && !f.session.is(refused):
			return f.session, nil // however short its life
		}
	}
}

// justRefused reports that s was fetched because the one before was refused, a
// moment ago, and is refused itself: another would fare no better.
func (s *session) justRefused(refused string, now time.Duration) bool {
	return s != nil && s.is(refused) && s.forRefusal && now-s.received < refusalApart
}

// errSuperseded is what a flight ends with when somebody signed in or out.
var errSuperseded = &Error{Kind: KindCanceled, Code: connect.CodeCanceled, Message: "the session changed"}

// join returns the flight under way, or starts one.
func (e *engine) join(refused string) *flight {
	e.core.mu.Lock()
	defer e.core.mu.Unlock()
	if e.core.flight == nil {
		e.core.flight = &flight{done: make(chan struct{})}
		go e.fly(e.core.flight, refused)
	}
	return e.core.flight
}

// renewBehind starts a flight that nobody waits for, unless there was one that
// failed a moment ago.
func (e *engine) renewBehind(s *session) {
	c := e.core
	c.mu.Lock()
	idle := c.flight == nil && !c.failures.cooling(s.Refresh, e.clock.mono())
	c.mu.Unlock()
	if idle {
		e.join("")
	}
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

func (f *failures) cooling(token string, now time.Duration) bool {
	return f.err != nil && f.token == token && now < f.until
}

// fail notes a failed flight about a refresh token and starts the cooldown.
func (c *core) fail(token string, err *Error, now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.about(token)
	c.failures.count++
	c.failures.err = err
	c.failures.until = now + cooldownFor(c.failures.count, err)
}

// about forgets what was noted about another token.
func (f *failures) about(token string) {
	if f.token != token {
		*f = failures{token: token}
	}
}

// doubt notes a doubtful verdict, and reports whether an equal one came before,
// long enough ago.
func (c *core) doubt(token string, now time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.about(token)
	if !c.failures.doubted {
		c.failures.doubted, c.failures.doubt = true, now
	}
	return now-c.failures.doubt >= doubtApart
}

// noted returns a copy of what is noted about a token.
func (c *core) noted(token string) failures {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures.token != token {
		return failures{token: token}
	}
	return c.failures
}
