package openwearables

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
)

// engine keeps the tokens of a session fresh for one client. Safe for concurrent
// use.
type engine struct {
	core     *core
	place    place
	store    guarded
	rpc      *tokenRPC
	provider TokenProvider
	asking   turn // of the provider
	clock    clock
}

// token returns a session whose access token can be sent. refused is the access
// token that the server has refused, "" if none: the session returned has another
// one. With a fresh token it costs one atomic load and one read of the clock.
func (e *engine) token(ctx context.Context, refused string) (*session, error) {
	if s := e.core.state.Load().session; s != nil && !s.carries(refused) && e.clock.mono() < s.soft {
		return s, nil
	}
	return e.await(ctx, refused)
}

// await is token without the fast path: it starts a renewal, and waits for it
// unless the current token is still valid.
func (e *engine) await(ctx context.Context, refused string) (*session, error) {
	if ctx.Value(userInitiatedContext{}) != nil {
		e.core.endCooldown(false)
	}
	for {
		st := e.core.state.Load()
		if s := st.session; s != nil && !s.carries(refused) && e.clock.mono() < s.hard {
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
		r := e.join(refused)
		if err := r.wait(ctx); err != nil {
			return nil, err
		}
		switch {
		case r.err == errSuperseded:
		case r.err != nil:
			return nil, r.err
		case r.session.fetched && !r.session.carries(refused):
			return r.session, nil // even if it is already due
		}
	}
}

// justRefused reports whether s was fetched less than refusalApart ago because its
// predecessor was refused, and is now refused itself. Another renewal would not
// help.
func (s *session) justRefused(refused string, now time.Duration) bool {
	return s != nil && s.carries(refused) && s.forRefusal && now-s.received < refusalApart
}

// errSuperseded is the result of a renewal during which somebody signed in or out.
var errSuperseded = &Error{Kind: KindCanceled, Code: connect.CodeCanceled, Message: "the session changed"}

// join returns the renewal under way, or starts one.
func (e *engine) join(refused string) *renewal {
	e.core.mu.Lock()
	defer e.core.mu.Unlock()
	if e.core.renewal == nil {
		e.core.renewal = &renewal{engine: e, refused: refused, done: make(chan struct{}), paused: make(chan struct{})}
		go e.core.renewal.run()
	}
	return e.core.renewal
}

// renewBehind starts a renewal that nobody waits for, unless one is under way or s
// is in its cooldown.
func (e *engine) renewBehind(s *session) {
	c := e.core
	c.mu.Lock()
	idle := c.renewal == nil && c.failures.cooling(s.Refresh, e.clock.mono()) == nil
	c.mu.Unlock()
	if idle {
		e.join("")
	}
}

// signIn starts a new generation with s and saves s, replacing any record in the
// store, also that of another user.
func (e *engine) signIn(ctx context.Context, s *session) {
	_, now := e.core.supersede(s, nil)
	e.core.settle(now, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		defer cancel()
		events := []Event{{Type: EventSignedIn}}
		held, err := e.overwrite(ctx, s.raw)
		if err != nil {
			kept := *s
			kept.unsaved, kept.held, kept.unread = true, held, errors.Is(err, errUnread)
			kept.soft = min(s.soft, e.clock.mono()+saveRetry)
			e.core.publish(now.generation, &kept, nil)
			events = append(events, Event{Type: EventStorageError, Err: storageError(err)})
		}
		e.core.listeners.emit(events...)
	})
}

// signOut starts a new generation without a session, clears the store and revokes
// the sessions of this process and of the store.
func (e *engine) signOut(ctx context.Context) error {
	before, now := e.core.supersede(nil, signedOut())
	var failed []error
	tokens := map[string]bool{refreshOf(before): true}
	e.core.settle(now, func() {
		stored, err := e.clearStore(ctx)
		if err != nil {
			failed = append(failed, storageError(err))
		}
		if errors.Is(err, errUnread) {
			e.core.publish(now.generation, nil, &ending{before.sessionID(), signedOut(), e.clock.wall().UnixMilli()})
		}
		if s, err := openSession(e.place, stored, e.clock); err == nil {
			tokens[s.Refresh] = true
			e.core.publish(now.generation, nil, &ending{id: s.ID, err: signedOut()})
		}
		e.core.listeners.emit(Event{Type: EventSignedOut})
	})
	for token := range tokens {
		if err := e.rpc.revoke(ctx, token); err != nil {
			unrevoked.add(e.place.base, token, err)
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// clearStore clears the store, even if ctx ends, and returns the record that it held.
func (e *engine) clearStore(ctx context.Context) (before []byte, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return e.overwrite(ctx, nil)
}

var (
	errContended = errors.New("others keep writing to it")
	errUnread    = errors.New("it cannot be read")
)

// overwrite replaces the record in the store by raw. If raw is nil it clears the store,
// unless the record is of another user or base URL. It returns the previous record, and
// an error that is errUnread if that is unknown.
func (e *engine) overwrite(ctx context.Context, raw []byte) (before []byte, err error) {
	for range 16 {
		if before, err = e.store.Load(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnread, err)
		}
		var done bool
		if raw == nil {
			if _, other := openSession(e.place, before, e.clock); other == errElsewhere {
				return nil, nil
			}
			done, err = e.store.Clear(ctx, before)
		} else {
			done, err = e.store.Save(ctx, raw, before)
		}
		if done || err != nil {
			return before, err
		}
	}
	return before, errContended
}
