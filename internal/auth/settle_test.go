package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/store"
)

// impatient is a store whose caller is gone as soon as an application or a session was read. It
// counts what is recorded, by outcome.
type impatient struct {
	auth.Store
	leave    func()
	recorded map[string]int
}

func (s *impatient) Application(ctx context.Context, id string) (auth.StoredApplication, error) {
	a, err := s.Store.Application(ctx, id)
	s.leave()
	return a, err
}

func (s *impatient) Session(ctx context.Context, id string) (auth.StoredSession, error) {
	row, err := s.Store.Session(ctx, id)
	s.leave()
	return row, err
}

func (s *impatient) Write(ctx context.Context, f func(context.Context, auth.Tx) error) error {
	return s.Store.Write(ctx, func(ctx context.Context, tx auth.Tx) error { return f(ctx, recorder{tx, s.recorded}) })
}

type recorder struct {
	auth.Tx
	recorded map[string]int
}

func (r recorder) Record(ctx context.Context, e audit.Event) error {
	r.recorded[e.Action+" "+e.Outcome]++
	return r.Tx.Record(ctx, e)
}

// TestExchangesAndRefreshesOutlastTheirCallers presents right and wrong secrets, and leaves as soon as
// they can be compared. Each leaves its row, and right and wrong exchanges cost their address the same.
func TestExchangesAndRefreshesOutlastTheirCallers(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	vault, err := credential.NewVault([]byte(rand.Text() + rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	s := &impatient{Store: db, leave: func() {}, recorded: map[string]int{}}
	counter, config := ratelimit.NewMemory(nil), auth.DefaultConfig()
	a, err := auth.New(t.Context(), config, auth.Ports{
		Store: s, LastUses: db, Vault: vault, Passwords: credential.NewPasswords(1, 4), Peers: auth.Alone(counter),
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	app, secret, user := newExchange(t, a)
	as := func(c *auth.Caller) context.Context {
		ctx, leave := context.WithCancel(auth.WithCaller(t.Context(), c))
		s.leave = leave
		return ctx
	}
	exchange := func(secret string) (refused int) {
		c := &auth.Caller{}
		if err := a.Limits.Spend(t.Context(), c, ratelimit.Policy{}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Tokens.Create(as(c), user, auth.AppCredentials{AppID: app, AppSecret: secret}); err == nil {
			t.Error("a caller who is gone is given a pair")
		}
		w, err := counter.Peek(t.Context(), config.Limits.ExchangeRefused, c.AddressID())
		if err != nil {
			t.Fatal(err)
		}
		return w.Policy.Limit - w.Remaining
	}
	if n := exchange(credential.Mint(credential.AppSecret)); n != 1 {
		t.Errorf("a wrong exchange counts %d", n)
	}
	if n := exchange(secret); n != 2 {
		t.Errorf("a right exchange after it counts %d, as a wrong one would not", n-1)
	}
	s.leave = func() {}
	c := &auth.Caller{}
	pair, err := a.Tokens.Create(auth.WithCaller(t.Context(), c), user, auth.AppCredentials{AppID: app, AppSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.RefreshTokens.Refresh(as(c), pair.RefreshToken); err != nil {
		t.Errorf("a refresh ends with its caller: %v", err)
	}
	var refusal *problem.Error
	if _, err := a.RefreshTokens.Refresh(as(c), pair.RefreshToken); !errors.As(err, &refusal) || refusal.Reason != "refresh_token_used" {
		t.Errorf("a spent token whose caller is gone is answered %v", err)
	}
	for what, want := range map[string]int{
		"token.mint invalid_app_credentials": 1, "token.mint canceled": 1, "token.mint ok": 1,
		"session.refresh ok": 1, "session.refresh refresh_token_used": 1,
	} {
		if s.recorded[what] != want {
			t.Errorf("%d rows %q, want %d of all %v", s.recorded[what], what, want, s.recorded)
		}
	}
}

// newExchange creates an application and a user.
func newExchange(t *testing.T, a *auth.Auth) (app, secret, user string) {
	t.Helper()
	password := "Q" + rand.Text()
	if _, err := a.Developers.Create(t.Context(), "dev@example.com", password); err != nil {
		t.Fatal(err)
	}
	pair, err := a.Logins.Login(auth.WithCaller(t.Context(), &auth.Caller{}), auth.LoginInput{Email: "dev@example.com", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	c := &auth.Caller{}
	ctx := auth.WithCaller(t.Context(), c)
	a.Authenticator.Bearer(ctx, c, pair.AccessToken)
	made, err := a.Applications.Create(ctx, "App")
	if err != nil {
		t.Fatal(err)
	}
	u, err := a.Users.Create(ctx, auth.UserPatch{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Application.AppID, made.Secret, u.ID
}
