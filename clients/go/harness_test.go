package openwearables_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// world is the test binary's only server, with its first developer.
var world struct {
	*testServer
	dev *openwearables.Client
}

func TestMain(m *testing.M) {
	if role := os.Getenv(processRole); role != "" {
		os.Exit(runProcess(role))
	}
	flag.Parse()
	if !needsServer() {
		os.Exit(m.Run())
	}
	if testFlag("fuzz") == "" {
		_ = flag.Set("test.parallel", "16") // they wait more than they work
	}
	os.Exit(run(m))
}

func testFlag(name string) string { return flag.Lookup("test." + name).Value.String() }

// needsServer reports whether tests or benchmarks will run. Listing and fuzzing need
// no server.
func needsServer() bool {
	return testFlag("fuzzworker") != "true" && testFlag("list") == "" && (testFlag("run") != "^$" || testFlag("bench") != "")
}

func run(m *testing.M) (code int) {
	failed := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "openwearables-go")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	s, err := startServer(dir)
	if err != nil {
		return failed(err)
	}
	defer func() {
		if err := s.stop(); err != nil {
			code = failed(err)
		}
	}()
	world.testServer = s
	if world.dev, err = openwearables.Login(context.Background(), s.url, s.email, s.password); err != nil {
		return failed(err)
	}
	return m.Run()
}

// person is a user of the server with a session of its own.
type person struct {
	id   string
	pair openwearables.TokenPair
}

func newPerson(t testing.TB) person {
	t.Helper()
	id := "u-" + rand.Text()
	u, err := world.dev.Users.Create(context.Background(), &owv1.CreateUserRequest{ExternalUserId: &id})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := world.dev.Tokens.Create(context.Background(), u.GetId())
	if err != nil {
		t.Fatal(err)
	}
	return person{u.GetId(), pair}
}

// newKey creates an API key.
func newKey(t testing.TB) (id, secret string) {
	t.Helper()
	k, err := world.dev.Keys.Create(context.Background(), &owv1.CreateKeyRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return k.Key.GetId(), k.Secret.Reveal()
}

// newProxy starts a fault proxy in front of the server and returns its URL.
func newProxy(t testing.TB) (*faultproxy.Proxy, string) {
	t.Helper()
	p := faultproxy.New(world.url)
	h := httptest.NewUnstartedServer(p)
	h.Config.SetKeepAlivesEnabled(false)
	h.Start()
	t.Cleanup(func() {
		p.Close()
		h.CloseClientConnections()
		h.Close()
	})
	return p, h.URL
}

// The ages of a stored session.
const (
	fresh    = "fresh"
	expiring = "expiring" // valid, and due for renewal
	expired  = "expired"
)

// storedRecord returns the stored form of a session of the given age.
func storedRecord(t testing.TB, base string, p openwearables.TokenPair, age string) []byte {
	t.Helper()
	ttl := p.ExpiresIn
	gone := map[string]time.Duration{fresh: 0, expiring: ttl - 40*time.Second, expired: ttl + time.Minute}[age]
	saved := time.Now().Add(-gone)
	raw, err := json.Marshal(map[string]any{
		"version": 1, "base_url": base, "id": "seed" + rand.Text(),
		"access_token": p.Access.Reveal(), "refresh_token": p.Refresh.Reveal(), "retry_key": rand.Text(),
		"ttl": int(ttl / time.Second), "expires_at": saved.Add(ttl).UnixMilli(), "saved_at": saved.UnixMilli(), "skew": 0,
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// seeded returns a memory store that holds a session of the given age.
func seeded(t testing.TB, base string, p openwearables.TokenPair, age string) openwearables.Store {
	t.Helper()
	s := openwearables.MemoryStore()
	if _, err := s.Save(t.Context(), storedRecord(t, base, p, age), nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func newClient(t testing.TB, base string, opts ...openwearables.Option) *openwearables.Client {
	t.Helper()
	c, err := openwearables.New(base, opts...)
	if err = errors.Join(err, readServerSource()); err != nil {
		t.Fatal(err)
	}
	return c
}

// events counts the events of clients. Safe for concurrent use.
type events struct {
	mu    sync.Mutex
	seen  []openwearables.Event
	count map[openwearables.EventType]int
}

func (e *events) option() openwearables.Option {
	return openwearables.WithEvents(func(event openwearables.Event) {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.count == nil {
			e.count = map[openwearables.EventType]int{}
		}
		e.seen = append(e.seen, event)
		e.count[event.Type]++
	})
}

func (e *events) of(kind openwearables.EventType) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.count[kind]
}

func (e *events) all() []openwearables.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]openwearables.Event(nil), e.seen...)
}

// eventually fails the test unless f returns true within 10 s.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// faultyStore is a store that fails as set. Safe for concurrent use.
type faultyStore struct {
	openwearables.Store
	mu    sync.Mutex
	fault string
}

var errDisk = errors.New("the disk is on fire")

func (s *faultyStore) set(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

func (s *faultyStore) fails(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.fault {
	case what + "_fails":
		return errDisk
	case what + "_throws":
		panic("thrown by the store")
	}
	return nil
}

func (s *faultyStore) Load(ctx context.Context) ([]byte, error) {
	if err := s.fails("load"); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx)
}

func (s *faultyStore) Save(ctx context.Context, record, expected []byte) (bool, error) {
	if err := s.fails("save"); err != nil {
		return false, err
	}
	return s.Store.Save(ctx, record, expected)
}

func (s *faultyStore) Clear(ctx context.Context, expected []byte) (bool, error) {
	if err := s.fails("clear"); err != nil {
		return false, err
	}
	return s.Store.Clear(ctx, expected)
}

// Lock implements openwearables.Locker if the store does.
func (s *faultyStore) Lock(ctx context.Context) (func(), error) {
	if l, ok := s.Store.(openwearables.Locker); ok {
		return l.Lock(ctx)
	}
	return func() {}, nil
}

// direct returns a client that sends an access token to the server itself, without
// a session.
func direct(t testing.TB, access string) *openwearables.Client {
	t.Helper()
	return newClient(t, world.url, openwearables.WithAPIKey(access), openwearables.WithHTTPClient(http.DefaultClient))
}
