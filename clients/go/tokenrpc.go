package openwearables

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// tokenRPC makes the calls that issue and revoke tokens. They use a bare transport:
// no interceptor, no generic retry, and only the credential in their message.
type tokenRPC struct {
	base      string
	caller    *caller
	refreshed *connect.Client[owv1.RefreshTokenRequest, owv1.RefreshTokenResponse]
	revoked   *connect.Client[owv1.RevokeTokenRequest, owv1.RevokeTokenResponse]
	loggedIn  *connect.Client[owv1.LoginRequest, owv1.LoginResponse]
	setUp     *connect.Client[owv1.CreateFirstDeveloperRequest, owv1.CreateFirstDeveloperResponse]
	paired    *connect.Client[owv1.RedeemPairingCodeRequest, owv1.RedeemPairingCodeResponse]
	exchanged *connect.Client[owv1.CreateUserTokenRequest, owv1.CreateUserTokenResponse]
}

func newTokenRPC(h *origin, base string, caller *caller) *tokenRPC {
	opts := h.options()
	return &tokenRPC{
		base:      base,
		caller:    caller,
		refreshed: connect.NewClient[owv1.RefreshTokenRequest, owv1.RefreshTokenResponse](h, base+owv1connect.SessionServiceRefreshTokenProcedure, opts),
		revoked:   connect.NewClient[owv1.RevokeTokenRequest, owv1.RevokeTokenResponse](h, base+owv1connect.SessionServiceRevokeTokenProcedure, opts),
		loggedIn:  connect.NewClient[owv1.LoginRequest, owv1.LoginResponse](h, base+owv1connect.SessionServiceLoginProcedure, opts),
		setUp: connect.NewClient[owv1.CreateFirstDeveloperRequest, owv1.CreateFirstDeveloperResponse](
			h, base+owv1connect.SetupServiceCreateFirstDeveloperProcedure, opts,
		),
		paired: connect.NewClient[owv1.RedeemPairingCodeRequest, owv1.RedeemPairingCodeResponse](
			h, base+owv1connect.TokenServiceRedeemPairingCodeProcedure, opts,
		),
		exchanged: connect.NewClient[owv1.CreateUserTokenRequest, owv1.CreateUserTokenResponse](h, base+owv1connect.TokenServiceCreateUserTokenProcedure, opts),
	}
}

// unary makes one call, with the Idempotency-Key unless it is "".
func unary[Req, Res any](ctx context.Context, t *tokenRPC, c *connect.Client[Req, Res], message *Req, key string) (*connect.Response[Res], *Error) {
	if err := checkRequest(message); err != nil {
		return nil, toError(err)
	}
	req := connect.NewRequest(message)
	if err := addHeaders(ctx, req.Header()); err != nil {
		return nil, toError(err)
	}
	req.Header()["User-Agent"] = t.caller.userAgent
	if key != "" {
		req.Header()["Idempotency-Key"] = []string{key}
	}
	res, err := c.CallUnary(ctx, req)
	if err != nil {
		failed := toError(err)
		readInfo(ctx, failed.header())
		return nil, failed
	}
	readInfo(ctx, res.Header())
	t.reached()
	return res, nil
}

// refresh makes one attempt. It returns the new pair and the time on the server's
// clock.
func (t *tokenRPC) refresh(ctx context.Context, r *record) (TokenPair, time.Time, *Error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	res, err := unary(ctx, t, t.refreshed, &owv1.RefreshTokenRequest{RefreshToken: &r.Refresh}, r.RetryKey)
	if err != nil {
		return TokenPair{}, time.Time{}, err
	}
	p, err := pairOf(res.Msg.GetTokens())
	return p, serverTime(res.Header()), err
}

// revoke ends the session of a refresh token, with at most one retry, and none if the
// server asks to wait.
func (t *tokenRPC) revoke(ctx context.Context, token string) *Error {
	if token == "" {
		return nil
	}
	var err *Error
	ctx = t.caller.counting(ctx)
	for i := range 2 {
		if i > 0 && wait(ctx, backoff(i)) != nil {
			break
		}
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		_, err = unary(attempt, t, t.revoked, &owv1.RevokeTokenRequest{RefreshToken: &token}, "")
		cancel()
		if err == nil || !retryable(err) || err.RetryAfter > 0 {
			break
		}
	}
	return err
}

func (t *tokenRPC) login(ctx context.Context, email, password string) (TokenPair, time.Time, *Error) {
	var res *connect.Response[owv1.LoginResponse]
	err := t.repeat(ctx, func(ctx context.Context, key string) (err *Error) {
		res, err = unary(ctx, t, t.loggedIn, &owv1.LoginRequest{Email: email, Password: password}, key)
		return err
	})
	if err != nil {
		return TokenPair{}, time.Time{}, err
	}
	p, err := pairOf(res.Msg.GetTokens())
	return p, serverTime(res.Header()), err
}

func (t *tokenRPC) setup(ctx context.Context, token, email, password string) (TokenPair, time.Time, *Error) {
	var res *connect.Response[owv1.CreateFirstDeveloperResponse]
	err := t.repeat(ctx, func(ctx context.Context, key string) (err *Error) {
		res, err = unary(ctx, t, t.setUp, &owv1.CreateFirstDeveloperRequest{Token: token, Email: email, Password: password}, key)
		return err
	})
	if err != nil {
		return TokenPair{}, time.Time{}, err
	}
	p, err := pairOf(res.Msg.GetTokens())
	return p, serverTime(res.Header()), err
}

// pair redeems a pairing code, and returns whose tokens they are too.
func (t *tokenRPC) pair(ctx context.Context, code string) (pair TokenPair, userID string, date time.Time, err *Error) {
	var res *connect.Response[owv1.RedeemPairingCodeResponse]
	err = t.repeat(ctx, func(ctx context.Context, key string) (err *Error) {
		res, err = unary(ctx, t, t.paired, &owv1.RedeemPairingCodeRequest{Code: code}, key)
		return err
	})
	if err != nil {
		return TokenPair{}, "", time.Time{}, err
	}
	if userID = res.Msg.GetUserId(); userID == "" {
		return TokenPair{}, "", time.Time{}, invalidResponse("the response does not say whose tokens they are")
	}
	pair, err = pairOf(res.Msg.GetTokens())
	return pair, userID, serverTime(res.Header()), err
}

func (t *tokenRPC) exchange(ctx context.Context, userID string, app AppCredential) (TokenPair, *Error) {
	var res *connect.Response[owv1.CreateUserTokenResponse]
	err := t.repeat(ctx, func(ctx context.Context, key string) (err *Error) {
		res, err = unary(ctx, t, t.exchanged, &owv1.CreateUserTokenRequest{
			UserId: userID, AppId: app.id, AppSecret: app.secret.Reveal(),
		}, key)
		return err
	})
	if err != nil {
		return TokenPair{}, err
	}
	return pairOf(res.Msg.GetTokens())
}

// repeat makes a minting call and retries it, with one Idempotency-Key for all
// attempts.
func (t *tokenRPC) repeat(ctx context.Context, call func(ctx context.Context, key string) *Error) *Error {
	key, invalid := retryKey(ctx)
	if invalid != nil {
		return toError(invalid)
	}
	ctx = t.caller.counting(ctx)
	for n := 1; ; n++ {
		err := call(ctx, key)
		if err == nil || n > t.caller.retries || !retryable(err) {
			return err
		}
		if waitBefore(ctx, n, err) != nil {
			if ctx.Err() != nil {
				err = contextError(ctx)
			}
			return err
		}
	}
}

// pairOf returns the pair of a response, or an error if it is not complete.
func pairOf(p *owv1.TokenPair) (TokenPair, *Error) {
	pair := TokenPair{
		Access: NewSecret(p.GetAccessToken()), Refresh: NewSecret(p.GetRefreshToken()),
		ExpiresIn: time.Duration(p.GetExpiresIn()) * time.Second,
	}
	if pair.check() != nil || pair.Refresh.IsZero() {
		return TokenPair{}, invalidResponse("the response has no usable token pair")
	}
	return pair, nil
}

// serverTime returns the time of the Date header, zero if there is none.
func serverTime(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
