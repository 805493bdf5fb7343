package openwearables

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"connectrpc.com/connect"
)

// renewal is one renewal of a session, which any number of callers wait for.
type renewal struct {
	*engine
	refused string // the access token that the server refused, or ""

	done    chan struct{} // closed when session and err are set
	session *session
	err     *Error

	generation uint64
	events     []Event
	discarded  []string // refresh tokens to revoke when the waiters are gone
}

// run does a renewal to its end. It belongs to no caller: neither a caller's
// cancellation nor a value of its context, which could hold headers, reaches it.
func (r *renewal) run() {
	ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
	defer cancel()
	r.generation = r.core.state.Load().generation
	r.session, r.err = r.renew(ctx)
	if r.err != nil && r.err != errSuperseded {
		if s := r.core.state.Load().session; s != nil && !s.carries(r.refused) && r.clock.mono() < s.hard {
			r.session, r.err = s, nil
		}
	}
	r.core.mu.Lock()
	r.core.renewal = nil
	r.core.mu.Unlock()
	close(r.done)
	r.core.listeners.emit(r.events...)
	r.revokeAll(r.discarded)
}

// revokeAll ends sessions that nobody holds any more; at worst they age out.
func (e *engine) revokeAll(tokens []string) {
	for _, token := range tokens {
		ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
		_ = e.rpc.revoke(ctx, token)
		cancel()
	}
}

// renew takes the lock, adopts what another process has done, and renews if that
// is still needed.
func (r *renewal) renew(ctx context.Context) (*session, *Error) {
	before := r.core.state.Load().session
	if noted := r.core.failuresOf(refreshOf(before)); !noted.cooling(refreshOf(before), r.clock.mono()) {
		defer r.store.lock(ctx)()
	}
	s, err := r.load(ctx)
	if err != nil {
		r.emit(Event{Type: EventStorageError, Err: err})
		return nil, err
	}
	now := r.clock.mono()
	if s != nil && !s.carries(r.refused) && (now < s.soft || s != before && now < s.hard) {
		return s, nil
	}
	noted := r.core.failuresOf(refreshOf(s))
	if noted.cooling(refreshOf(s), now) {
		return nil, noted.err
	}
	switch {
	case s == nil:
		return r.signIn(ctx)
	case noted.dead != nil || s.Refresh == "":
		return r.end(ctx, s, noted.deadOr(noRefreshToken))
	default:
		return r.refresh(ctx, s, attemptsFor(noted.count))
	}
}

var noRefreshToken = &Error{
	Kind: KindUnauthenticated, Code: connect.CodeUnauthenticated, Reason: "no_refresh_token",
	Message: "the access token has expired and came without a refresh token",
}

// refresh makes the attempts. All of them are the same operation to the server,
// which answers a repeated one alike.
func (r *renewal) refresh(ctx context.Context, s *session, attempts int) (*session, *Error) {
	for n := 1; ; n++ {
		if r.superseded() {
			return nil, errSuperseded
		}
		asked := r.clock.mono()
		pair, date, err := r.rpc.refresh(ctx, &s.record)
		v := judge(err)
		again := n < attempts
		switch v {
		case refreshed:
			return r.replace(ctx, s, newSession(r.base, s.ID, pair, r.clock, asked, date))
		case raced:
			return r.race(ctx, s, err)
		case dead:
			return r.end(ctx, s, err)
		case doubtful:
			if r.core.noteDoubt(s.Refresh, r.clock.mono()) {
				return r.end(ctx, s, err)
			}
			again = n < 2 && attempts > 1
		case misconfigured:
			again = false
		}
		if again {
			again = r.pause(ctx, n, err)
		}
		r.emit(Event{Type: EventRefreshFailed, WillRetry: again, Err: err})
		if !again {
			r.core.noteFailure(s.Refresh, err, r.clock.mono())
			return nil, err
		}
		// Another process may have been luckier.
		current, stored := r.load(ctx)
		switch {
		case stored != nil || current == s:
		case current == nil:
			return nil, r.noSession()
		case !current.carries(r.refused) && r.clock.mono() < current.hard:
			return current, nil
		default:
			s = current
		}
	}
}

// pause waits before another attempt, for as long as the server asks, and
// reports whether there is time for one.
func (r *renewal) pause(ctx context.Context, n int, err *Error) bool {
	d := backoff(n)
	if err.RetryAfter > 0 {
		d = min(err.RetryAfter, maxCooldown)
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d+time.Second {
		return false
	}
	return wait(ctx, d) == nil
}

// replace stores the new session in place of the old one and makes it current.
// From here on the work is finished even if the renewal's time is over.
func (r *renewal) replace(ctx context.Context, old, s *session) (*session, *Error) {
	s.forRefusal = r.refused != ""
	if r.superseded() {
		r.discard(s)
		return nil, errSuperseded
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	saved, err := r.store.Save(ctx, s.raw, old.stored())
	switch {
	case err != nil:
		r.emit(Event{Type: EventStorageError, Err: storageError(err)})
		s.unsaved, s.held = true, old.stored()
		s.soft = min(s.soft, r.clock.mono()+saveRetry)
	case !saved:
		return r.adoptStored(ctx, s)
	}
	if !r.core.publish(r.generation, s, nil) {
		_, _ = r.store.Clear(ctx, s.raw) // whoever came in between has cleared or replaced it
		r.discard(s)
		return nil, errSuperseded
	}
	if old == nil || old.ID != s.ID {
		r.emit(Event{Type: EventSignedIn})
	} else {
		r.emit(Event{Type: EventTokenRefreshed})
	}
	return s, nil
}

// adoptStored adopts what another process stored while s was fetched. Where that is
// another session, or none, s is not needed any more.
func (r *renewal) adoptStored(ctx context.Context, s *session) (*session, *Error) {
	current, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	if current == nil || current.ID != s.ID {
		r.discard(s)
	}
	if current == nil {
		return nil, r.noSession()
	}
	return current, nil
}

// race waits for whoever spent the token first to store what they got.
func (r *renewal) race(ctx context.Context, s *session, cause *Error) (*session, *Error) {
	for end := time.Now().Add(raceWait); ; {
		current, err := r.load(ctx)
		switch {
		case err == nil && current == nil:
			return nil, r.noSession()
		case err == nil && current != s:
			return current, nil
		case time.Now().After(end) || wait(ctx, racePoll) != nil:
			return r.end(ctx, s, cause)
		}
	}
}

// end closes a session that the server has ended, unless the store holds another
// one by now or the provider knows of one.
func (r *renewal) end(ctx context.Context, s *session, cause *Error) (*session, *Error) {
	current, err := r.load(ctx)
	switch {
	case err != nil:
		return nil, err
	case current == nil:
		return nil, r.noSession()
	case current != s:
		return current, nil
	}
	r.core.noteDead(s.Refresh, cause)
	if r.provider != nil {
		fresh, err := r.askProvider(ctx, cause.Reason)
		switch {
		case err == nil:
			return r.replace(ctx, s, fresh)
		case !errors.Is(err, ErrSignInRequired):
			r.core.noteFailure(s.Refresh, err, r.clock.mono())
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	cleared, failed := r.store.Clear(ctx, s.stored())
	if failed != nil {
		r.emit(Event{Type: EventStorageError, Err: storageError(failed)})
	} else if !cleared {
		if current, err := r.load(ctx); err == nil && current != nil && current != s {
			return current, nil
		}
	}
	ended := sessionExpired(cause)
	if !r.core.publish(r.generation, nil, &ending{s.ID, ended}) {
		return nil, errSuperseded
	}
	r.emit(Event{Type: EventSessionExpired, Reason: cause.Reason})
	return nil, ended
}

// load brings the process up to what the store holds and returns it. A session
// that the store refused to take stays until somebody else's is there.
func (r *renewal) load(ctx context.Context) (*session, *Error) {
	raw, err := r.store.Load(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	st := r.core.state.Load()
	current := st.session
	switch {
	case current != nil && bytes.Equal(raw, current.raw):
		return current, nil
	case current != nil && current.unsaved && bytes.Equal(raw, current.held):
		return r.saveAgain(ctx, current), nil
	case raw == nil:
		if current != nil && r.core.publish(r.generation, nil, nil) {
			r.emit(Event{Type: EventSignedOut, Other: true})
		}
		return nil, nil
	}
	s, err := openSession(r.base, raw, r.clock)
	if err != nil {
		return nil, storageError(err)
	}
	if st.ended != nil && st.ended.id == s.ID {
		_, _ = r.store.Clear(ctx, raw) // it would not go before
		return nil, nil
	}
	if !r.core.publish(r.generation, s, nil) {
		return nil, errSuperseded
	}
	switch {
	case current == nil || current.ID != s.ID:
		r.emit(Event{Type: EventSignedIn, Other: true})
	case current.Access != s.Access:
		r.emit(Event{Type: EventTokenRefreshed, Other: true})
	}
	return s, nil
}

// saveAgain stores a session that the store refused before.
func (r *renewal) saveAgain(ctx context.Context, s *session) *session {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	next := *s
	if saved, err := r.store.Save(ctx, s.raw, s.held); err == nil && saved {
		next.unsaved, next.held = false, nil
		next.soft = next.hard - margin(time.Duration(next.TTL)*time.Second, 0)
	} else if now := r.clock.mono(); now < s.hard-margin(time.Duration(s.TTL)*time.Second, 0) {
		next.soft = now + saveRetry
	}
	if !r.core.publish(r.generation, &next, nil) {
		return s
	}
	return &next
}

// noSession is what a caller gets where no session is.
func (r *renewal) noSession() *Error {
	if r.superseded() {
		return errSuperseded
	}
	if ended := r.core.state.Load().ended; ended != nil {
		return ended.err
	}
	return signedOut()
}

func (r *renewal) superseded() bool { return r.core.state.Load().generation != r.generation }

func (r *renewal) discard(s *session) { r.discarded = append(r.discarded, s.Refresh) }

func (r *renewal) emit(e Event) {
	// A refresh that goes on says so at once, the rest when the renewal is over.
	if e.Type == EventRefreshFailed && e.WillRetry {
		r.core.listeners.emit(append(slices.Clone(r.events), e)...)
		r.events = r.events[:0]
		return
	}
	r.events = append(r.events, e)
}
