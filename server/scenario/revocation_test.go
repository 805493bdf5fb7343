package scenario_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// probe is a cheap request that a valid credential may not make, or makes with an invalid argument.
// Any status but 401 shows that the credential was accepted.
type probe struct {
	handler http.Handler
	path    string
}

func (p probe) status(token string) int {
	r := httptest.NewRequest("GET", p.path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Code
}

// revokeUnderLoad lets 8 clients use the token continuously while end revokes it. It fails the test
// if a request that starts after end has returned is not refused, or if one before end is. It
// returns how many requests were accepted, and how many were judged after the end.
func revokeUnderLoad(t *testing.T, p probe, token string, refused int, pause time.Duration, end func()) (before, after int64) {
	t.Helper()
	var began, ended atomic.Bool
	var accepted, counted atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		concurrently(8, func(int) {
			for late := 0; late < 2; {
				wasBegun, wasEnded := began.Load(), ended.Load()
				status := p.status(token)
				switch {
				case wasEnded:
					late++
					counted.Add(1)
					if status != refused {
						t.Errorf("a request that started after the answer is %d, want %d", status, refused)
					}
				case status != refused:
					accepted.Add(1)
				case !wasBegun && !began.Load():
					t.Errorf("a request before the revocation is %d", status)
				}
				time.Sleep(rand.N(500 * time.Microsecond)) // leaves processor time for end
			}
		})
	}()
	time.Sleep(pause)
	began.Store(true)
	end()
	ended.Store(true)
	<-done
	return accepted.Load(), counted.Load()
}

// revocationFixture is a node and what the revocations need.
type revocationFixture struct {
	t        *testing.T
	n        *node
	ds       []driver
	admin    string
	probe403 probe // for keys and users: 403 if accepted
	probe422 probe // for keys and developers: 422 if accepted
	round    int
}

// revocationCase is a kind of revocation. The function make returns a probe, a token that it
// accepts, and a function that revokes the token.
type revocationCase struct {
	what    string
	rounds  int
	refused int
	make    func() (probe, string, func())
}

// nextDriver returns each surface in turn.
func (w *revocationFixture) nextDriver() driver { w.round++; return w.ds[w.round%3] }

// call returns a function that makes the call, which must succeed.
func (w *revocationFixture) call(operation string, in args, token string) func() {
	return func() {
		o := []option{}
		if token != "" {
			o = append(o, bearer(token))
		}
		if a := w.nextDriver().call(w.t, operation, in, o...); a.Status >= 300 {
			w.t.Errorf("%s is %d %s", operation, a.Status, a.Reason)
		}
	}
}

// operator returns a function that applies an operator's command to a developer.
func (w *revocationFixture) operator(f func(context.Context, string) error, email string) func() {
	return func() {
		if err := f(context.Background(), email); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *revocationFixture) userToken() (user, app, access, refresh string) {
	user = w.n.newUser(w.t, w.ds[0], w.admin)
	app, secret := w.n.newApp(w.t, w.ds[0], w.admin)
	access, refresh = w.n.exchange(w.t, w.ds[0], user, app, secret)
	return user, app, access, refresh
}

func (w *revocationFixture) developer(email string) string {
	return w.nextDriver().call(w.t, "Login", args{"email": email, "password": w.n.password}).want(w.t, 200, "").str("access_token")
}

func (w *revocationFixture) keyCases() []revocationCase {
	t, n, admin := w.t, w.n, w.admin
	return []revocationCase{
		{"a key is disabled", 24, 401, func() (probe, string, func()) {
			id, secret := n.newKey(t, w.ds[0], admin, nil)
			return w.probe403, secret, w.call("UpdateKey", args{"id": id, "enabled": false}, admin)
		}},
		{"a key is deleted", 24, 401, func() (probe, string, func()) {
			id, secret := n.newKey(t, w.ds[0], admin, nil)
			return w.probe403, secret, w.call("DeleteKey", args{"id": id}, admin)
		}},
		{"a key is rotated", 24, 401, func() (probe, string, func()) {
			id, secret := n.newKey(t, w.ds[0], admin, nil)
			return w.probe403, secret, func() {
				fresh := w.nextDriver().call(t, "RotateKey", args{"id": id}, bearer(admin)).str("key")
				if status := w.probe403.status(fresh); status != 403 {
					t.Errorf("the new secret is %d from its answer on", status)
				}
			}
		}},
		{"a key's older secret is rotated out", 16, 401, func() (probe, string, func()) {
			id, secret := n.newKey(t, w.ds[0], admin, nil)
			w.nextDriver().call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "")
			return w.probe403, secret, w.call("RotateKey", args{"id": id, "overlap_seconds": 600}, admin)
		}},
		{"a key's rotation is finished", 16, 401, func() (probe, string, func()) {
			id, secret := n.newKey(t, w.ds[0], admin, nil)
			w.nextDriver().call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "")
			return w.probe403, secret, w.call("FinishKeyRotation", args{"id": id}, admin)
		}},
		{"a key loses its scope", 16, 403, func() (probe, string, func()) {
			id, secret := n.newKey(t, w.ds[0], admin, nil)
			return w.probe422, secret, w.call("UpdateKey", args{"id": id, "scopes": []string{"workouts:read"}}, admin)
		}},
	}
}

func (w *revocationFixture) userTokenCases() []revocationCase {
	t, n, admin := w.t, w.n, w.admin
	return []revocationCase{
		{"a user's tokens are revoked", 24, 401, func() (probe, string, func()) {
			user, _, access, _ := w.userToken()
			return w.probe403, access, w.call("RevokeUserTokens", args{"user_id": user}, admin)
		}},
		{"a user is deleted", 24, 401, func() (probe, string, func()) {
			user, _, access, _ := w.userToken()
			return w.probe403, access, w.call("DeleteUser", args{"id": user}, admin)
		}},
		{"an application is deleted", 16, 401, func() (probe, string, func()) {
			_, app, access, _ := w.userToken()
			return w.probe403, access, w.call("DeleteApplication", args{"app_id": app}, admin)
		}},
		{"a token's key is deleted", 16, 401, func() (probe, string, func()) {
			id, secret := n.newKey(t, w.ds[0], admin, nil)
			user := n.newUser(t, w.ds[0], admin)
			access := w.nextDriver().call(t, "CreateUserToken", args{"user_id": user}, bearer(secret)).want(t, 200, "").str("access_token")
			return w.probe403, access, w.call("DeleteKey", args{"id": id}, admin)
		}},
		{"a user's refresh token is revoked", 16, 401, func() (probe, string, func()) {
			_, _, access, refresh := w.userToken()
			return w.probe403, access, w.call("RevokeToken", args{"refresh_token": refresh}, "")
		}},
		{"a refresh token is used twice", 16, 401, func() (probe, string, func()) {
			_, _, access, refresh := w.userToken()
			w.nextDriver().call(t, "RefreshToken", args{"refresh_token": refresh}, idempotent("one")).want(t, 200, "")
			return w.probe403, access, func() {
				if a := w.nextDriver().call(t, "RefreshToken", args{"refresh_token": refresh}, idempotent("two")); a.Reason != "refresh_token_reused" {
					t.Errorf("the second use is %d %s", a.Status, a.Reason)
				}
			}
		}},
	}
}

func (w *revocationFixture) developerCases() []revocationCase {
	t, n := w.t, w.n
	email := "second@example.com"
	n.addDeveloper(email, n.password)
	developers := n.server.Auth().Developers
	return []revocationCase{
		{"a developer logs out", 4, 401, func() (probe, string, func()) {
			access := w.developer(email)
			return w.probe422, access, w.call("Logout", nil, access)
		}},
		{"a developer's session is ended", 4, 401, func() (probe, string, func()) {
			access, other := w.developer(email), w.developer(email)
			return w.probe422, access, w.call("RevokeOtherSessions", nil, other)
		}},
		{"a developer is disabled", 4, 401, func() (probe, string, func()) {
			if err := developers.Enable(t.Context(), email); err != nil {
				t.Fatal(err)
			}
			return w.probe422, w.developer(email), w.operator(developers.Disable, email)
		}},
		{"a developer's password is set", 2, 401, func() (probe, string, func()) {
			if err := developers.Enable(t.Context(), email); err != nil {
				t.Fatal(err)
			}
			return w.probe422, w.developer(email), w.operator(func(ctx context.Context, email string) error {
				return developers.SetPassword(ctx, email, n.password)
			}, email)
		}},
		{"a developer is deleted", 3, 401, func() (probe, string, func()) {
			email := fmt.Sprintf("d%d@example.com", w.round)
			n.addDeveloper(email, n.password)
			return w.probe422, w.developer(email), w.operator(developers.Delete, email)
		}},
	}
}

// TestRevocationHasNoLag checks that after any revocation has answered, no request that starts
// later is accepted, however many are in progress.
func TestRevocationHasNoLag(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	w := &revocationFixture{
		t: t, n: n, ds: n.drivers(),
		probe403: probe{n.server.Handler(), "/api/v1/auth/me"},
		probe422: probe{n.server.Handler(), "/api/v1/users?limit=0"},
	}
	w.admin, _ = n.login(t, w.ds[0])
	for _, c := range slices.Concat(w.keyCases(), w.userTokenCases(), w.developerCases()) {
		var before, after int64
		for i := range c.rounds {
			p, token, end := c.make()
			pause := time.Duration(i%4) * 200 * time.Microsecond // 0: while the first requests authenticate
			b, a := revokeUnderLoad(t, p, token, c.refused, pause, end)
			before, after = before+b, after+a
		}
		if before == 0 || after == 0 {
			t.Errorf("%s: %d accepted before, %d judged after: nothing was tested", c.what, before, after)
		}
	}
}

// TestRevocationHasNoLagOverTheWire checks the same over real connections: a revocation by one
// client applies to all others at once.
func TestRevocationHasNoLagOverTheWire(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	for round := range 12 {
		id, secret := n.newKey(t, ds[0], admin, nil)
		var ended atomic.Bool
		go func() {
			time.Sleep(time.Duration(round%4) * time.Millisecond)
			if a := ds[round%3].call(t, "UpdateKey", args{"id": id, "enabled": false}, bearer(admin)); a.Status != 200 {
				t.Errorf("disabling is %d %s", a.Status, a.Reason)
			}
			ended.Store(true)
		}()
		concurrently(8, func(i int) {
			for late := 0; late < 2; {
				was := ended.Load()
				a := ds[i%3].call(t, "ListUsers", args{"limit": 1}, bearer(secret))
				if was {
					if late++; a.Status != 401 {
						t.Errorf("a request that started after the answer is %d", a.Status)
					}
				}
			}
		})
	}
}

// TestNewSecretAtOnce checks that the new secret is accepted as soon as the rotation has answered,
// and that during an overlap nobody is refused.
func TestNewSecretAtOnce(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	p := probe{n.server.Handler(), "/api/v1/auth/me"}
	id, secret := n.newKey(t, ds[0], admin, nil)
	var current atomic.Value
	current.Store(secret)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		concurrently(8, func(int) {
			for {
				select {
				case <-stop:
					return
				default:
				}
				secret := current.Load()
				status := p.status(secret.(string))
				// If current has not changed, at most one further rotation has taken effect.
				if status != 403 && current.Load() == secret {
					t.Errorf("the secret of the last answer is %d", status)
				}
				time.Sleep(rand.N(500 * time.Microsecond))
			}
		})
	}()
	for i := range 40 {
		fresh := ds[i%3].call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "").str("key")
		current.Store(fresh)
		time.Sleep(time.Millisecond)
	}
	close(stop)
	<-done
}
