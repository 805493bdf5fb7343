package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/openwearables/openwearables/internal/problem"
)

// tokenTime is for how long a token is used of which the upstream does not say when it
// ends. It has one for an hour.
const tokenTime = 50 * time.Minute

// retryLogin is how long after a login the next one may be, whatever became of it.
// Checking a password takes the upstream a third of a second.
const retryLogin = 5 * time.Second

const loginPath = "/api/v1/auth/login"

// developer logs the service's developer in, when a token is first needed and from
// then on before it ends. Safe for concurrent use.
type developer struct {
	email, password string
	send            func(*http.Request) (*http.Response, error)
	log             *slog.Logger
	now             func() time.Time // of this machine
	logins          singleflight.Group

	mu      sync.Mutex
	token   string
	until   time.Time // the token is renewed then
	failure error     // of the last login
	at      time.Time // of the last login
}

// get returns a token. It logs in if there is none, or if it is refused, which the
// upstream has refused. Its error is a *problem.Error of kind Unavailable.
func (d *developer) get(ctx context.Context, refused string) (string, error) {
	if token, err, ok := d.kept(refused); ok {
		return token, err
	}
	login := d.logins.DoChan("", func() (_ any, err error) {
		defer problem.CatchPanic(&err)
		if token, err, ok := d.kept(refused); ok { // of a login that has just ended
			return token, err
		}
		return d.logIn(context.WithoutCancel(ctx))
	})
	select {
	case done := <-login:
		if done.Err != nil {
			return "", done.Err
		}
		return done.Val.(string), nil
	case <-ctx.Done():
		return "", problem.UnavailableError(fmt.Errorf("logging in to the upstream: %w", ctx.Err()))
	}
}

// kept returns the outcome of the last login and true if there should be no other now.
func (d *developer) kept(refused string) (token string, err error, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	recent := !d.at.IsZero() && now.Sub(d.at) < retryLogin
	switch {
	case d.failure != nil && recent:
		return "", d.failure, true
	case d.token == "" || !now.Before(d.until):
		return "", nil, false
	case d.token == refused && !recent:
		return "", nil, false
	}
	return d.token, nil, true
}

// logIn logs in and keeps the outcome.
func (d *developer) logIn(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	token, life, err := d.ask(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.token, d.failure, d.at = token, nil, d.now()
	d.until = d.at.Add(life)
	if err != nil {
		d.failure = problem.UnavailableError(fmt.Errorf("logging in to the upstream: %w", err))
		d.log.ErrorContext(ctx, "the upstream does not log this server in", "error", err)
		return "", d.failure
	}
	return token, nil
}

// ask exchanges the password for a token, and returns how long to use it.
func (d *developer) ask(ctx context.Context) (token string, life time.Duration, err error) {
	form := url.Values{"username": {d.email}, "password": {d.password}, "grant_type": {"password"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, loginPath, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Content-Type", formType)
	answer, err := d.send(r)
	if err != nil {
		return "", 0, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return "", 0, err
	}
	if answer.StatusCode != http.StatusOK {
		return "", 0, refusal(answer.StatusCode, data)
	}
	var pair struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := json.Unmarshal(data, &pair); err != nil || !isToken(pair.AccessToken) || pair.AccessToken == "" {
		return "", 0, errors.New("its answer holds no access_token")
	}
	life = tokenTime
	if said := time.Duration(pair.ExpiresIn) * time.Second; said > 0 {
		life = min(tokenTime, said*5/6)
	}
	return pair.AccessToken, life, nil
}
