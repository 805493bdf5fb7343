package openwearables_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// stage is one run of a scenario.
type stage struct {
	*testing.T
	scenario
	proxy     *faultproxy.Proxy
	base      string
	person    person
	other     person
	keyID     string
	key       string
	store     *faultyStore
	clock     *openwearables.Clock
	events    *events
	processes [][]*openwearables.Client
	running   map[string]*callers

	mu   sync.Mutex
	errs []error
}

// callers are calls in the background.
type callers struct {
	step   step
	cancel context.CancelFunc
	done   chan struct{}
	errs   []error
	took   time.Duration
}

func newStage(t *testing.T, sc scenario) *stage {
	s := &stage{T: t, scenario: sc, clock: new(openwearables.Clock), events: new(events), running: map[string]*callers{}}
	s.proxy, s.base = newProxy(t)
	s.person, s.other = newPerson(t), newPerson(t)
	if s.Setup.Credential == "api_key" {
		s.keyID, s.key = newKey(t)
	}
	var store openwearables.Store
	if s.Setup.Store == "persistent" {
		store = openwearables.FileStore(filepath.Join(t.TempDir(), "session.json"))
	} else {
		store = openwearables.MemoryStore()
	}
	s.store = &faultyStore{Store: store}
	if s.Setup.Age == "" {
		s.Setup.Age = fresh
	}
	if s.Setup.Age != "absent" {
		if ok, err := store.Save(t.Context(), storedRecord(t, s.base, s.person.pair, s.Setup.Age), nil); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	for range max(s.Setup.Processes, 1) {
		s.processes = append(s.processes, s.newProcess())
	}
	s.proxy.Reset()
	s.proxy.Rules(s.Faults...)
	return s
}

// newProcess returns the clients of one process.
func (s *stage) newProcess() []*openwearables.Client {
	opts := []openwearables.Option{openwearables.WithClock(s.clock), s.events.option()}
	if s.Setup.Retry != nil && !*s.Setup.Retry {
		opts = append(opts, openwearables.WithRetries(0))
	}
	switch s.Setup.Credential {
	case "api_key":
		return []*openwearables.Client{newClient(s, s.base, append(opts, openwearables.WithAPIKey(s.key))...)}
	case "none":
		return []*openwearables.Client{newClient(s, s.base, opts...)}
	}
	if s.Setup.Provider != "" {
		opts = append(opts, openwearables.WithTokenProvider(s.provide))
	}
	opts = append(opts, openwearables.WithStore(s.store))
	if s.Setup.Clients > 1 {
		var clients []*openwearables.Client
		for range s.Setup.Clients {
			clients = append(clients, newClient(s, s.base, opts...))
		}
		return clients
	}
	return []*openwearables.Client{newClient(s, s.base, append(opts, openwearables.AsProcess())...)}
}

func (s *stage) provide(ctx context.Context, _ openwearables.TokenRequest) (openwearables.TokenPair, error) {
	s.mu.Lock()
	mode := s.Setup.Provider
	s.mu.Unlock()
	switch mode {
	case "works":
		return world.dev.Tokens.Create(ctx, s.person.id)
	case "signed_out":
		return openwearables.TokenPair{}, fmt.Errorf("the backend says: %w", openwearables.ErrSignInRequired)
	case "throws":
		panic("thrown by the provider")
	default:
		return openwearables.TokenPair{}, errors.New("the backend is away")
	}
}

func (s *stage) play() {
	for i, step := range s.Steps {
		s.step(step)
		if s.Failed() {
			s.Fatalf("step %d: %+v\nrequests: %+v\nevents: %v", i, step, s.proxy.Report().Log, s.events.all())
		}
	}
	s.settle()
	s.verify()
	if s.Failed() {
		s.Fatalf("requests: %+v\nevents: %v", s.proxy.Report().Log, s.events.all())
	}
}

func (s *stage) step(step step) {
	ms := time.Duration(step.MS) * time.Millisecond
	switch step.Do {
	case "call":
		s.start(step)
		s.join(step)
	case "start":
		s.start(step)
	case "join":
		s.join(step)
	case "cancel":
		s.running[step.As].cancel()
	case "await_held":
		eventually(s, "requests held", func() bool { return s.proxy.Report().Held >= step.Count })
	case "await_requests":
		eventually(s, "requests seen", func() bool { return s.proxy.Report().Requests[step.RPC] >= step.Count })
	case "faults":
		s.proxy.Rules(step.Rules...)
	case "release":
		s.proxy.Release()
	case "sign_out":
		s.want(step, []error{s.processes[step.Process][0].SignOut(s.Context())})
	case "sign_in":
		s.signIn(step)
	case "restart":
		s.processes[step.Process] = s.newProcess()
	case "advance":
		s.clock.Advance(ms)
	case "set_clock":
		s.clock.SetWall(ms)
	case "store":
		s.changeStore(step)
	case "revoke":
		if err := world.dev.Tokens.RevokeAll(s.Context(), s.person.id); err != nil {
			s.Error(err)
		}
	case "rotate_key":
		if _, err := world.dev.Keys.Rotate(s.Context(), s.keyID, time.Hour); err != nil {
			s.Error(err)
		}
	case "provider":
		s.mu.Lock()
		s.Setup.Provider = step.Mode
		s.mu.Unlock()
	case "wait":
		time.Sleep(ms)
	default:
		s.Errorf("unknown step %q", step.Do)
	}
}

func (s *stage) start(step step) {
	timeout := 60 * time.Second // the machine may be busy; within_ms limits the engine
	if step.TimeoutMS > 0 {
		timeout = time.Duration(step.TimeoutMS) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(s.Context(), timeout)
	r := &callers{step: step, cancel: cancel, done: make(chan struct{}), errs: make([]error, max(step.Count, 1))}
	s.running[step.As] = r
	c, began := s.processes[step.Process][step.Client], time.Now()
	var wg sync.WaitGroup
	for i := range r.errs {
		wg.Go(func() { r.errs[i] = s.call(ctx, c, step.RPC) })
	}
	go func() {
		wg.Wait()
		r.took = time.Since(began)
		cancel()
		close(r.done)
	}()
}

func (s *stage) call(ctx context.Context, c *openwearables.Client, rpc string) (err error) {
	switch rpc {
	case "", "GetUser":
		_, err = c.Users.Get(ctx, s.person.id)
	case "ListWorkouts":
		_, err = c.Workouts.Page(ctx, &owv1.ListWorkoutsRequest{UserId: s.person.id, StartDate: "2026-03-01", EndDate: "2026-03-07"})
	case "UpsertWorkouts":
		now := timestamppb.Now()
		_, err = c.Workouts.Upsert(ctx, s.person.id, &owv1.WorkoutInput{
			ExternalId: "w1", Type: "running", StartTime: now, EndTime: now, Source: &owv1.WorkoutSource{Provider: "test"},
		})
	case "CreateUser":
		external := "friend-of-" + s.person.id
		_, err = c.Users.Create(ctx, &owv1.CreateUserRequest{ExternalUserId: &external})
	case "CreateUserToken":
		_, err = c.Tokens.Create(ctx, s.person.id)
	default:
		err = fmt.Errorf("unknown rpc %q", rpc)
	}
	return err
}

func (s *stage) join(step step) {
	s.Helper()
	r := s.running[step.As]
	select {
	case <-r.done:
	case <-time.After(2 * time.Minute): // twice the deadline of a call
		s.Fatalf("the calls %q do not return", step.As)
	}
	s.want(step, r.errs)
	if limit := time.Duration(step.WithinMS) * time.Millisecond; limit > 0 && r.took > limit {
		s.Errorf("took %v, want at most %v", r.took, limit)
	}
}

// want compares the errors of calls with what a step expects.
func (s *stage) want(step step, errs []error) {
	s.Helper()
	ok := 0
	for _, err := range errs {
		if err == nil {
			ok++
			continue
		}
		s.mu.Lock()
		s.errs = append(s.errs, err)
		s.mu.Unlock()
		if got := string(openwearables.KindOf(err)); got != step.Error {
			s.Errorf("error is %q (%v), want %q", got, err, step.Error)
		}
		if e := (*openwearables.Error)(nil); step.Reason != "" && (!errors.As(err, &e) || e.Reason != step.Reason) {
			s.Errorf("error is %v, want the reason %q", err, step.Reason)
		}
	}
	want := len(errs)
	if step.OK != nil {
		want = *step.OK
	} else if step.Error != "" {
		want = 0
	}
	if ok != want {
		s.Errorf("%d of %d calls succeeded, want %d", ok, len(errs), want)
	}
}

func (s *stage) signIn(step step) {
	p := s.person
	if step.User == "other" {
		p = s.other
	}
	pair, err := world.dev.Tokens.Create(s.Context(), p.id)
	if err != nil {
		s.Fatal(err)
	}
	s.want(step, []error{s.processes[step.Process][0].SignIn(s.Context(), pair)})
}

func (s *stage) changeStore(step step) {
	s.store.set(step.Fault)
	if step.Content == "" {
		return
	}
	before, err := s.store.Store.Load(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	var next []byte
	switch step.Content {
	case "garbage":
		next = []byte("\x00{not a session}")
	case "empty":
		next = []byte("{}")
	case "other_base":
		next = bytes.Replace(before, []byte(s.base), []byte("https://elsewhere.example.com"), 1)
	}
	if ok, err := s.store.Store.Save(s.Context(), next, before); !ok || err != nil {
		s.Fatal(ok, err)
	}
}

// settle waits until no more requests and events come.
func (s *stage) settle() {
	s.store.set("")
	end := time.Now().Add(time.Minute)
	for quiet, last := 0, -1; quiet < 4; time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatal("requests or events still come after a minute")
		}
		now := len(s.proxy.Report().Log) + len(s.events.all())
		if now == last {
			quiet++
		} else {
			quiet = 0
		}
		last = now
	}
}
