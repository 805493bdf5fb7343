package store

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// account is the domain over a store, with a developer who is logged in. Its limits
// refuse nobody.
type account struct {
	*auth.Auth
	developer context.Context
}

func newAccount(t testing.TB, s *Store) account {
	t.Helper()
	vault := must(credential.NewVault([]byte(rand.Text() + rand.Text())))(t)
	config := auth.DefaultConfig()
	for _, p := range []*ratelimit.Policy{&config.Limits.RefreshSession, &config.Limits.ExchangeApp, &config.Limits.ExchangeUser} {
		p.Limit = math.MaxInt32
	}
	a := must(auth.New(t.Context(), config, auth.Ports{
		Store: s, LastUses: s, Vault: vault, Passwords: credential.NewPasswords(1, 4), Peers: auth.Alone(ratelimit.NewMemory(nil)),
		Now: s.Now, Log: slog.New(slog.DiscardHandler),
	}))(t)
	email, password := rand.Text()+"@example.com", rand.Text()
	must(a.Developers.Create(t.Context(), email, password))(t)
	pair := must(a.Logins.Login(auth.WithCaller(t.Context(), &auth.Caller{}), auth.LoginInput{Email: email, Password: password}))(t)
	c := &auth.Caller{}
	ctx := auth.WithCaller(t.Context(), c)
	a.Authenticator.Bearer(ctx, c, pair.AccessToken)
	return account{a, ctx}
}

// appClient is an application of an account.
type appClient struct {
	account
	auth.AppCredentials
}

func (a account) newClient(t testing.TB) appClient {
	t.Helper()
	made := must(a.Applications.Create(a.developer, "App"))(t)
	return appClient{a, auth.AppCredentials{AppID: made.Application.AppID, AppSecret: made.Secret}}
}

// newUser creates a user and returns its id.
func (a account) newUser(t testing.TB) string {
	t.Helper()
	return must(a.Users.Create(a.developer, auth.UserPatch{}))(t).ID
}

// guest returns a context of a caller who presents nothing in a header.
func guest(ctx context.Context) context.Context {
	return WithBudget(auth.WithCaller(ctx, &auth.Caller{Client: "Go-http-client/2.0", RequestID: "req_1"}))
}

func (c appClient) exchange(ctx context.Context, user string) (auth.Grant, error) {
	return c.Tokens.Create(guest(ctx), user, c.AppCredentials)
}

func (a account) refresh(ctx context.Context, token string) (auth.Grant, error) {
	return a.RefreshTokens.Refresh(guest(ctx), token)
}

// Of what an application mints, or of what is minted for a user, nothing is alive
// once it was deleted, however many exchanges are under way.
func TestNothingOutlivesItsApplicationOrUser(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		a := newAccount(t, s)
		for round := range 6 {
			c, user := a.newClient(t), a.newUser(t)
			var all sync.WaitGroup
			var minted atomic.Int32
			var mu sync.Mutex
			var tokens []string
			for range 8 {
				all.Go(func() {
					for {
						grant, err := c.exchange(t.Context(), user)
						if err != nil {
							if _, refused := errors.AsType[*problem.Error](err); !refused {
								t.Error(err)
							}
							return
						}
						minted.Add(1)
						mu.Lock()
						tokens = append(tokens, grant.RefreshToken)
						mu.Unlock()
					}
				})
			}
			eventually(t, "minted", func() bool { return minted.Load() > 30 })
			if round%2 == 0 {
				wantError(t, a.Applications.Delete(a.developer, c.AppID), nil)
			} else {
				must(a.Users.Delete(a.developer, user))(t)
			}
			all.Wait()
			for _, token := range tokens[max(0, len(tokens)-30):] {
				if _, err := a.refresh(t.Context(), token); err == nil {
					t.Fatalf("round %d: a token outlives who minted it, or its user", round)
				}
			}
		}
		var alive int
		err := s.pools.readers.QueryRowContext(t.Context(),
			"SELECT count(*) FROM sessions WHERE user_id IS NOT NULL AND revoked_at IS NULL").Scan(&alive)
		if err != nil || alive > 0 {
			t.Errorf("%d sessions are alive, %v", alive, err)
		}
	})
}

// Of one user there are no more sessions than there may be, however many are minted at
// once.
func TestSessionsOfAUserAreBoundedExactly(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		a := newAccount(t, s)
		most := auth.DefaultQuotas().UserSessions
		c, user := a.newClient(t), a.newUser(t)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for range most / 8 {
					if _, err := c.exchange(t.Context(), user); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		wantEqual(t, count(t, s, "sessions WHERE user_id IS NOT NULL"), most)
	})
}

// Who needs that an application exists waits for none of its kind, nor for a change of
// it; who deletes it waits for them.
func TestPostgresKeepersShareAnApplication(t *testing.T) {
	t.Parallel()
	s := openStore(t, dsns["postgres"](t), Options{}).unhurried()
	a := newAccount(t, s)
	c := a.newClient(t)
	kept, free := make(chan struct{}, 2), make(chan struct{})
	done := make(chan error, 3)
	for range 2 {
		go func() {
			done <- s.try(func(ctx context.Context, tx auth.Tx) error {
				_, err := tx.KeepApplication(ctx, c.AppID)
				kept <- struct{}{}
				<-free
				return err
			})
		}()
	}
	receive(t, kept)
	receive(t, kept)
	must(a.Applications.Update(a.developer, c.AppID, auth.ChangeTo(ptr("renamed"))))(t)
	must(a.Applications.RotateSecret(a.developer, c.AppID, 0))(t)
	go func() { done <- a.Applications.Delete(a.developer, c.AppID) }()
	select {
	case err := <-done:
		t.Errorf("it was deleted meanwhile, %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(free)
	for range 3 {
		wantError(t, receive(t, done), nil)
	}
}

// refreshWith is refresh with an Idempotency-Key.
func (a account) refreshWith(ctx context.Context, token, key string) (auth.Grant, error) {
	c := &auth.Caller{IdempotencyKey: &key}
	return a.RefreshTokens.Refresh(WithBudget(auth.WithCaller(ctx, c)), token)
}

// Of many who show one refresh token at once, without a key one gets a successor and the
// session lives; with one key all get the same one; and with different keys the session
// ends.
func TestRefreshTokenHasOneSuccessor(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		a := newAccount(t, s)
		c := a.newClient(t)
		for name, key := range map[string]func(i int) string{
			"none": nil, "one": func(int) string { return "key" }, "many": func(i int) string { return strconv.Itoa(i) },
		} {
			for range 5 {
				token := must(c.exchange(t.Context(), a.newUser(t)))(t).RefreshToken
				var all sync.WaitGroup
				var mu sync.Mutex
				successors, granted := make(map[string]bool), 0
				for i := range 12 {
					all.Go(func() {
						var grant auth.Grant
						var err error
						if key == nil {
							grant, err = a.refresh(t.Context(), token)
						} else {
							grant, err = a.refreshWith(t.Context(), token, key(i))
						}
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							granted++
							successors[grant.RefreshToken] = true
						} else if e, ok := errors.AsType[*problem.Error](err); !ok || e.Kind != problem.Unauthenticated {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if want := map[string]int{"none": 1, "one": 12, "many": 1}[name]; granted != want || len(successors) != 1 {
					t.Fatalf("%s: %d got %d successors", name, granted, len(successors))
				}
				for successor := range successors {
					if _, err := a.refresh(t.Context(), successor); (err == nil) != (name != "many") {
						t.Errorf("%s: the successor is answered %v", name, err)
					}
				}
			}
		}
	})
}

// Once a revocation has returned, no refresh succeeds that begins later, or has begun
// and gets its answer from what was refreshed before.
func TestRevocationEndsARefreshUnderWay(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		a := newAccount(t, s)
		c := a.newClient(t)
		for range 20 {
			first := must(c.exchange(t.Context(), a.newUser(t)))(t).RefreshToken
			turns, last := make(chan struct{}, 1000), make(chan string)
			go func() {
				token := first
				for {
					grant, err := a.refresh(t.Context(), token)
					if err != nil {
						last <- token
						return
					}
					token = grant.RefreshToken
					select {
					case turns <- struct{}{}:
					default:
					}
				}
			}()
			for range 3 {
				receive(t, turns)
			}
			wantError(t, a.RefreshTokens.Revoke(guest(t.Context()), first), nil)
			if _, err := a.refresh(t.Context(), receive(t, last)); err == nil {
				t.Fatal("a token outlives the end of its session")
			}
		}
	})
}

// A read that begins after a write was acknowledged sees it, however many others share
// the statement.
func TestReadsSeeWhatWasAcknowledged(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		users := make([]auth.User, 8)
		for i := range users {
			users[i] = s.addUser(t)
		}
		var all sync.WaitGroup
		for i := range users {
			all.Go(func() {
				for n := range 60 {
					users[i].FirstName = ptr(strconv.Itoa(n))
					s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateUser(ctx, users[i]) })
					wantEqual(t, must(s.User(t.Context(), users[i].ID))(t), users[i])
				}
			})
		}
		all.Wait()
	})
}
