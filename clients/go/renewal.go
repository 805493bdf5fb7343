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

	paused chan struct{} // closed when the pause begins; guarded by core.mu, with pause
	pause  *pause        // that the server asked for last, or nil

	generation uint64
	events     []Event
	discarded  []revocation // what to revoke when the waiters are gone
	vacant     []byte       // what the store holds while it has no session of this place
}

// run executes the renewal. It belongs to no caller: it inherits neither the
// cancellation of a caller's context nor its values, which may contain headers.
func (r *renewal) run() {
	r.generation = r.core.settledGeneration()
	ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
	defer cancel()
	ctx = r.rpc.caller.counting(ctx)
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
	r.rpc.revokeAll(r.discarded)
}

// renew takes the lock, loads what another process may have stored, and refreshes
// the session if that is still needed.
func (r *renewal) renew(ctx context.Context) (*session, *Error) {
	before := r.core.state.Load().session
	if noted := r.core.failuresOf(refreshOf(before)); noted.cooling(refreshOf(before), r.clock.mono()) == nil {
		defer r.store.lock(ctx)()
	}
	s, err := r.load(ctx)
	if err != nil {
		r.emit(Event{Type: EventStorageError, Err: err})
		r.postpone()
		return nil, err
	}
	now := r.clock.mono()
	if s != nil && !s.carries(r.refused) && (now < s.soft || !s.is(before) && now < s.hard) {
		return s, nil
	}
	noted := r.core.failuresOf(refreshOf(s))
	if err := noted.cooling(refreshOf(s), now); err != nil {
		return nil, err
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

// postpone puts off the renewal of a session that is due and can still be used, so that a
// store that cannot be read is not asked by every call.
func (r *renewal) postpone() {
	s, now := r.core.state.Load().session, r.clock.mono()
	if s == nil || now < s.soft || now >= s.hard {
		return
	}
	next := *s
	next.soft = min(now+saveRetry, s.hard)
	r.core.publish(r.generation, &next, nil)
}

var noRefreshToken = &Error{
	Kind: KindUnauthenticated, Code: connect.CodeUnauthenticated, Reason: ReasonNoRefreshToken,
	Message: "the access token has expired and came without a refresh token",
}

// refresh makes up to attempts attempts. They share one Idempotency-Key, so the
// server rotates the token once and repeats its response.
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
			return r.replace(ctx, s, newSession(r.place.of(&s.record), s.ID, pair, r.clock, asked, date))
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
			again = r.sleep(ctx, n, err)
		}
		r.emit(Event{Type: EventRefreshFailed, WillRetry: again, Err: err})
		if !again {
			return nil, r.core.noteFailure(s.Refresh, err, r.clock.mono())
		}
		// Another process may have succeeded.
		current, stored := r.load(ctx)
		switch {
		case stored != nil:
		case current == nil:
			return nil, r.noSession()
		case !current.is(s) && !current.carries(r.refused) && r.clock.mono() < current.hard:
			return current, nil
		default:
			s = current
		}
	}
}

// replace saves the session s in place of old and makes it current. From here on
// the work is completed even if the renewal's time limit passes.
func (r *renewal) replace(ctx context.Context, old, s *session) (*session, *Error) {
	s.forRefusal = r.refused != ""
	if r.superseded() {
		r.discard(s)
		return nil, errSuperseded
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	expected := r.vacant
	if old != nil {
		expected = old.stored()
	}
	saved, err := r.store.Save(ctx, s.raw, expected)
	switch {
	case err != nil:
		r.emit(Event{Type: EventStorageError, Err: storageError(err)})
		s.unsaved, s.held = true, expected
		s.soft = min(s.soft, r.clock.mono()+saveRetry)
	case !saved:
		return r.adoptStored(ctx, s)
	}
	if !r.core.publish(r.generation, s, nil) {
		_, _ = r.store.Clear(ctx, s.raw) // unless the sign-in or sign-out has replaced it
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

// adoptStored returns the session that another process stored while s was fetched.
// If that is another sign-in, or none, s is discarded.
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

// race waits up to raceWait for the process that used the token first to store the
// new pair. If none appears, the session has ended.
func (r *renewal) race(ctx context.Context, s *session, cause *Error) (*session, *Error) {
	for end := time.Now().Add(raceWait); ; {
		current, err := r.load(ctx)
		switch {
		case err == nil && current == nil:
			return nil, r.noSession()
		case err == nil && !current.is(s):
			return current, nil
		case time.Now().After(end) || wait(ctx, racePoll) != nil:
			return r.end(ctx, s, cause)
		}
	}
}

// end ends a session that the server has ended, unless the store holds another one
// by now or the provider returns one.
func (r *renewal) end(ctx context.Context, s *session, cause *Error) (*session, *Error) {
	current, err := r.load(ctx)
	switch {
	case err != nil:
		return nil, err
	case current == nil:
		return nil, r.noSession()
	case !current.is(s):
		return current, nil
	}
	s = current // it may have been saved by now
	r.core.noteDead(s.Refresh, cause)
	if r.provider != nil {
		fresh, err := r.askProvider(ctx, cause.Reason)
		switch {
		case err == nil:
			return r.replace(ctx, s, fresh)
		case !errors.Is(err, ErrSignInRequired):
			return nil, r.core.noteFailure(s.Refresh, err, r.clock.mono())
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	cleared, failed := r.clear(ctx, s)
	if failed != nil {
		r.emit(Event{Type: EventStorageError, Err: storageError(failed)})
	} else if !cleared {
		if current, err := r.load(ctx); err == nil && current != nil && !current.is(s) {
			return current, nil
		}
	}
	ended := sessionExpired(cause)
	if !r.core.publish(r.generation, nil, &ending{id: s.ID, err: ended}) {
		return nil, errSuperseded
	}
	r.emit(Event{Type: EventSessionExpired, Reason: cause.Reason})
	return nil, ended
}

// clear removes the record of s from the store. If s was never saved, the store may hold
// the record of another user or base URL, which stays.
func (r *renewal) clear(ctx context.Context, s *session) (bool, error) {
	if _, err := openSession(r.place, s.stored(), r.clock); err == errElsewhere {
		return true, nil
	}
	return r.store.Clear(ctx, s.stored())
}

// load reads the store, makes its session current and returns it, or nil. A session
// that could not be saved stays current until another record appears in the store, which for
// a sign-in means one of another sign-in than it found. After
// a sign-in while the store could not be read, the first record that is read is the one
// that the sign-in replaces.
func (r *renewal) load(ctx context.Context) (*session, *Error) {
	raw, err := r.store.Load(ctx)
	if err != nil {
		return nil, storageError(err)
	}
	st := r.core.state.Load()
	current := st.session
	switch {
	case current != nil && bytes.Equal(raw, current.raw):
		return r.noteSaved(current), nil
	case current != nil && current.unsaved && current.replaces(raw):
		return r.saveAgain(ctx, current.over(raw)), nil
	}
	s, err := r.open(raw)
	switch {
	case err != nil:
		return nil, storageError(err)
	case s == nil:
		if current != nil && r.core.publish(r.generation, nil, nil) {
			r.emit(Event{Type: EventSignedOut, Other: true})
		}
		return nil, nil
	}
	if st.ended.covers(s) {
		if cleared, err := r.store.Clear(ctx, raw); cleared && err == nil { // it failed before
			r.vacant = nil
			if st.ended.id != s.ID { // so SignOut could not revoke it
				r.discard(s)
			}
		}
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

// open returns the session of a record, nil if there is no record or it belongs to
// another user or base URL. Such a record stays until a session is saved over it.
func (r *renewal) open(raw []byte) (*session, error) {
	r.vacant = raw
	if raw == nil {
		return nil, nil
	}
	s, err := openSession(r.place, raw, r.clock)
	if err == errElsewhere {
		return nil, nil
	}
	return s, err
}

// saveAgain saves a session that could not be saved before.
func (r *renewal) saveAgain(ctx context.Context, s *session) *session {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if saved, err := r.store.Save(ctx, s.raw, s.held); err == nil && saved {
		return r.noteSaved(s)
	}
	next := *s
	if now := r.clock.mono(); now < s.hard-margin(time.Duration(s.TTL)*time.Second, 0) {
		next.soft = now + saveRetry
	}
	if !r.core.publish(r.generation, &next, nil) {
		return s
	}
	return &next
}

// noteSaved makes s current as a session that the store holds. A store may have saved it
// although it failed or returned too late.
func (r *renewal) noteSaved(s *session) *session {
	if !s.unsaved {
		return s
	}
	next := *s
	next.unsaved, next.unread, next.held = false, false, nil
	next.soft = next.hard - margin(time.Duration(next.TTL)*time.Second, 0)
	if !r.core.publish(r.generation, &next, nil) {
		return s
	}
	return &next
}

// noSession returns the error for a caller when there is no session.
func (r *renewal) noSession() *Error {
	if r.superseded() {
		return errSuperseded
	}
	if ended := r.core.state.Load().ended; ended != nil {
		return ended.err
	}
	return signedOut()
}

// superseded reports whether somebody signed in or out since the renewal began.
func (r *renewal) superseded() bool { return r.core.state.Load().generation != r.generation }

// discard marks s to be revoked when the renewal is over.
func (r *renewal) discard(s *session) {
	r.discarded = append(r.discarded, revocation{base: r.place.base, token: s.Refresh})
}

// emit emits the failure of an attempt that will be repeated at once, and every
// other event when the renewal is over.
func (r *renewal) emit(e Event) {
	if e.Type == EventRefreshFailed && e.WillRetry {
		r.core.listeners.emit(append(slices.Clone(r.events), e)...)
		r.events = r.events[:0]
		return
	}
	r.events = append(r.events, e)
}
