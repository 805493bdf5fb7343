package openwearables_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// stuckStore is a store whose methods wait for free, whatever their context says, while
// stuck names them. It also saves and then fails, if told to.
type stuckStore struct {
	openwearables.Store
	stuck atomic.Value // string
	free  chan struct{}
	calls atomic.Int32
}

func newStuckStore(t *testing.T, inner openwearables.Store) *stuckStore {
	s := &stuckStore{Store: inner, free: make(chan struct{})}
	s.stuck.Store("")
	t.Cleanup(s.release)
	return s
}

func (s *stuckStore) release() {
	if s.stuck.Swap("released") != "released" {
		close(s.free)
	}
}

func (s *stuckStore) wait(method string) {
	if s.stuck.Load() == method {
		s.calls.Add(1)
		<-s.free
	}
}

func (s *stuckStore) Load(ctx context.Context) ([]byte, error) {
	s.wait("load")
	return s.Store.Load(ctx)
}

func (s *stuckStore) Save(ctx context.Context, record, expected []byte) (bool, error) {
	s.wait("save")
	ok, err := s.Store.Save(ctx, record, expected)
	if s.stuck.Load() == "save and fail" {
		return false, errors.New("the connection was lost")
	}
	return ok, err
}

func (s *stuckStore) Clear(ctx context.Context, expected []byte) (bool, error) {
	s.wait("clear")
	return s.Store.Clear(ctx, expected)
}

func (s *stuckStore) Lock(context.Context) (func(), error) {
	s.wait("lock")
	return func() { s.wait("unlock") }, nil
}

// within fails the test unless f returns within the limit.
func within(t *testing.T, limit time.Duration, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		t.Fatalf("not within %v", limit)
		return nil
	}
}

// token returns the error of a call that has a minute.
func token(t *testing.T, c *openwearables.Client) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err := c.Token(ctx)
		return err
	}
}

// A store that does not return ends no call later than the time for it, and the session
// goes on when it has returned.
func TestStuckStoreDoesNotBlockTheSession(t *testing.T) {
	for method, limit := range map[string]time.Duration{"load": 45, "save": 20, "lock": 30, "unlock": 20} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			store := newStuckStore(t, seeded(t, world.url, p.pair, expired))
			store.stuck.Store(method)
			c := newClient(t, world.url, openwearables.WithStore(store))
			err := within(t, limit*time.Second, token(t, c))
			if method == "load" && !openwearables.IsStorageUnavailable(err) || method != "load" && err != nil {
				t.Errorf("err = %v", err)
			}
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				_, _, _ = c.Token(ctx)
				cancel()
			}
			if n := store.calls.Load(); n > 1 {
				t.Errorf("%d calls of the store wait", n)
			}
			store.release()
			eventually(t, "the session goes on", func() bool { return token(t, c)() == nil })
		})
	}
}

// Signing in and out does not wait for a store that does not return.
func TestStuckStoreDoesNotBlockSignInAndSignOut(t *testing.T) {
	for _, method := range []string{"load", "save", "clear"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			p, other := newPerson(t), newPerson(t)
			inner := seeded(t, world.url, p.pair, fresh)
			store := newStuckStore(t, inner)
			c := newClient(t, world.url, openwearables.WithStore(store))
			check(t, token(t, c)())
			store.stuck.Store(method)
			if method == "save" {
				check(t, within(t, 10*time.Second, func() error { return c.SignIn(t.Context(), other.pair) }))
				check(t, token(t, c)())
			}
			if err := within(t, 10*time.Second, func() error { return c.SignOut(t.Context()) }); !openwearables.IsStorageUnavailable(err) {
				t.Errorf("err = %v", err)
			}
			store.release()
			eventually(t, "nobody is signed in", func() bool {
				raw, err := inner.Load(t.Context())
				return openwearables.IsUnauthenticated(token(t, c)()) && raw == nil && err == nil
			})
		})
	}
}

// Login does not wait for a store that does not return, and sends no password.
func TestStuckStoreDoesNotBlockLogin(t *testing.T) {
	store := newStuckStore(t, openwearables.MemoryStore())
	store.stuck.Store("load")
	login := func(ctx context.Context) func() error {
		return func() error {
			_, err := openwearables.Login(ctx, world.url, world.email, world.password, openwearables.WithStore(store), openwearables.WithTimeout(200*time.Millisecond))
			return err
		}
	}
	if err := within(t, 10*time.Second, login(t.Context())); !openwearables.IsStorageUnavailable(err) {
		t.Errorf("err = %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := within(t, 10*time.Second, login(canceled)); !openwearables.IsCanceled(err) {
		t.Errorf("canceled: %v", err)
	}
}

// A session that the store has saved, although it said that it failed, is renewed in the
// store.
func TestSessionThatWasSavedAfterAllIsRenewed(t *testing.T) {
	p, clock := newPerson(t), new(openwearables.Clock)
	store := newStuckStore(t, seeded(t, world.url, p.pair, expired))
	store.stuck.Store("save and fail")
	c := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithClock(clock))
	first, _, err := c.Token(t.Context())
	check(t, err)
	store.stuck.Store("")
	clock.Advance(2 * p.pair.ExpiresIn)
	access, _, err := c.Token(t.Context())
	check(t, err)
	if access.Reveal() == first.Reveal() {
		t.Error("the token that has expired is still in use")
	}
	if raw, err := store.Load(t.Context()); err != nil || !bytes.Contains(raw, []byte(access.Reveal())) {
		t.Errorf("the store does not hold the token in use: %v", err)
	}
	if _, err := c.Users.Get(t.Context(), p.id); err != nil {
		t.Error(err)
	}
}

// A provider that ignores its context fails when its time is over. It is called once at a
// time, and a session that it brings too late is revoked.
func TestStuckProviderDoesNotBlockTheSession(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	late, err := world.dev.Tokens.Create(t.Context(), p.id)
	check(t, err)
	var asked atomic.Int32
	free := make(chan struct{})
	clock := new(openwearables.Clock)
	c := newClient(t, world.url, openwearables.WithClock(clock), openwearables.WithTokenProvider(
		func(context.Context, openwearables.TokenRequest) (openwearables.TokenPair, error) {
			if asked.Add(1) == 1 {
				<-free
				return late, nil
			}
			return p.pair, nil
		}))
	err = within(t, 45*time.Second, token(t, c))
	var e *openwearables.Error
	if !errors.As(err, &e) || e.Reason != openwearables.ReasonProviderFailed || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v", err)
	}
	clock.Advance(time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := c.Token(ctx); !openwearables.IsTimeout(err) || asked.Load() != 1 {
		t.Errorf("while it is stuck: %v, asked %d times", err, asked.Load())
	}
	close(free)
	check(t, within(t, 10*time.Second, token(t, c)))
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
	eventually(t, "the late session revoked", func() bool {
		_, err := direct(t, late.Access.Reveal()).Users.Get(t.Context(), p.id)
		return err != nil
	})
}
