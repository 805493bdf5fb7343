package openwearables

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
)

// ErrSignInRequired is wrapped by the error of a TokenProvider when nobody is signed
// in at the app's backend. It ends the session.
var ErrSignInRequired = errors.New("sign-in required")

// TokenRequest is the argument of a TokenProvider.
type TokenRequest struct {
	// UserID is that of WithUserID, "" without that option.
	UserID string
	// Reason is signed_out if nobody is signed in, else the server's reason for ending
	// the session.
	Reason string
}

// TokenProvider fetches a token pair from the app's own backend. It is called when
// nobody is signed in and when the server has ended the session, but not after
// SignOut, and from one goroutine at a time. An error that wraps ErrSignInRequired
// ends the session; any other error keeps it. It must return soon after its context has
// ended: until it does, it is not called again, and a pair that it returns then is revoked.
type TokenProvider func(context.Context, TokenRequest) (TokenPair, error)

// signIn gets a session from the provider, unless a person signed out.
func (r *renewal) signIn(ctx context.Context) (*session, *Error) {
	ended := r.core.state.Load().ended
	if r.provider == nil || ended != nil && ended.err.Kind != KindSessionExpired {
		return nil, r.noSession()
	}
	s, err := r.askProvider(ctx, ReasonSignedOut)
	switch {
	case err == nil:
		return r.replace(ctx, nil, s)
	case !errors.Is(err, ErrSignInRequired):
		return nil, r.core.noteFailure("", err, r.clock.mono())
	case ended != nil:
		return nil, ended.err
	default:
		return nil, err
	}
}

// askProvider calls the provider and returns a new session of its pair. A panic of
// the provider becomes an error.
func (r *renewal) askProvider(ctx context.Context, reason string) (*session, *Error) {
	asked := r.clock.mono()
	pair, cause := inTurn(ctx, r.asking, func() (pair TokenPair, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = errors.New("it panicked")
			}
		}()
		return r.provider(ctx, TokenRequest{UserID: r.place.user, Reason: reason})
	}, func(late TokenPair) {
		r.rpc.revokeAll([]revocation{{base: r.place.base, token: late.Refresh.Reveal()}})
	})
	if cause == nil {
		cause = pair.check()
	}
	if cause != nil {
		return nil, providerFailed(cause)
	}
	return newSession(r.place, randomKey(), pair, r.clock, asked, time.Time{}), nil
}

// providerFailed returns the error of a provider that returned cause: with the message of
// the cause and, if that is an *Error, with how long it says to wait.
func providerFailed(cause error) *Error {
	if errors.Is(cause, ErrSignInRequired) {
		e := signedOut()
		e.cause = cause
		return e
	}
	e := &Error{
		Kind: KindUnavailable, Code: connect.CodeUnavailable, Reason: ReasonProviderFailed,
		Message: clean("the token provider failed: "+cause.Error(), maxText), cause: cause,
	}
	if inner := (*Error)(nil); errors.As(cause, &inner) {
		e.RetryAfter = inner.RetryAfter
	}
	return e
}
