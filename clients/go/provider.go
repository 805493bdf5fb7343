package openwearables

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
)

// ErrSignInRequired is what a TokenProvider wraps to say that the app's backend
// has nobody signed in: the session is over.
var ErrSignInRequired = errors.New("sign-in required")

// TokenRequest tells a TokenProvider why it is asked.
type TokenRequest struct {
	// Reason is signed_out when nobody is signed in, else the server's reason for
	// ending the session.
	Reason string
}

// TokenProvider fetches a token pair from the app's own backend. It is asked
// when nobody is signed in and when the server has ended the session, never by
// two goroutines at once. If it fails with an error that wraps
// ErrSignInRequired, the session is over; any other error keeps it.
type TokenProvider func(context.Context, TokenRequest) (TokenPair, error)

// signIn asks the provider where nobody is signed in, unless a person signed out.
func (r *renewal) signIn(ctx context.Context) (*session, *Error) {
	ended := r.core.state.Load().ended
	if r.provider == nil || ended != nil && ended.err.Kind != KindSessionExpired {
		return nil, r.noSession()
	}
	s, err := r.askProvider(ctx, ReasonSignedOut)
	if err != nil {
		if ended != nil && errors.Is(err, ErrSignInRequired) {
			err = ended.err
		}
		r.core.noteFailure("", err, r.clock.mono())
		return nil, err
	}
	return r.replace(ctx, nil, s)
}

// askProvider gets a session of its own from the provider.
func (r *renewal) askProvider(ctx context.Context, reason string) (s *session, err *Error) {
	failed := func(cause error) *Error {
		e := &Error{
			Kind: KindUnavailable, Code: connect.CodeUnavailable, Reason: ReasonProviderFailed,
			Message: "the token provider failed", cause: cause,
		}
		if errors.Is(cause, ErrSignInRequired) {
			e.Kind, e.Code, e.Reason, e.Message = KindUnauthenticated, connect.CodeUnauthenticated, ReasonSignedOut, "nobody is signed in"
		}
		return e
	}
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, failed(errors.New("the token provider panicked"))
		}
	}()
	asked := r.clock.mono()
	pair, cause := r.provider(ctx, TokenRequest{Reason: reason})
	if cause == nil {
		cause = pair.check()
	}
	if cause != nil {
		return nil, failed(cause)
	}
	return newSession(r.base, randomKey(), pair, r.clock, asked, time.Time{}), nil
}
