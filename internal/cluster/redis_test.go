package cluster_test

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

var policy = ratelimit.Policy{Name: "key", Limit: 100, Window: time.Minute}

// node opens one more node of the server's. Its own clock says what clock says.
func node(t *testing.T, s *redistest.Server, clock func() time.Time) *cluster.Redis {
	t.Helper()
	return open(t, cluster.Config{URL: s.URL(), Installation: "one", Now: clock})
}

// open opens a node, or a process that is none, until the test ends.
func open(t *testing.T, c cluster.Config) *cluster.Redis {
	t.Helper()
	if c.Log = slog.New(slog.DiscardHandler); c.Now == nil {
		c.Now = time.Now
	}
	r, err := cluster.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main{M: m}.Run()) }

// spread takes calls times from all nodes at once and returns how many were
// admitted, failing if two report the same Remaining.
func spread(t *testing.T, nodes []*cluster.Redis, calls int) int {
	t.Helper()
	var admitted atomic.Int64
	var seen sync.Map
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			for j := i; j < calls; j += 24 {
				w, err := nodes[j%len(nodes)].Take(t.Context(), policy, "a")
				if err != nil {
					t.Error(err)
				}
				if !w.Admitted {
					continue
				}
				admitted.Add(1)
				if _, twice := seen.LoadOrStore(w.Remaining, true); twice {
					t.Errorf("two were told that %d remain", w.Remaining)
				}
			}
		})
	}
	group.Wait()
	return int(admitted.Load())
}

// However many nodes there are and whatever their clocks say, a window admits its
// limit.
func TestLimitIsExactOverNodes(t *testing.T) {
	s := redistest.Start(t)
	late := func() time.Time { return time.Now().Add(time.Hour) }
	early := func() time.Time { return time.Now().Add(-time.Hour) }
	nodes := []*cluster.Redis{node(t, s, time.Now), node(t, s, late), node(t, s, early)}
	if got := spread(t, nodes, 3*policy.Limit/2); got != policy.Limit {
		t.Errorf("%d admitted, want %d", got, policy.Limit)
	}
	if w, err := nodes[1].Peek(t.Context(), policy, "a"); err != nil || w.Admitted || w.Remaining != 0 {
		t.Errorf("another node sees %+v, %v", w, err)
	}
}

func TestWindowsOpenCountAndEnd(t *testing.T) {
	s := redistest.Start(t)
	r := node(t, s, time.Now)
	short := ratelimit.Policy{Name: "short", Limit: 2, Window: 2 * time.Second}
	take := func() ratelimit.Window {
		t.Helper()
		w, err := r.Take(t.Context(), short, "a")
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	if w, err := r.Peek(t.Context(), short, "a"); err != nil || !w.Admitted || w.Remaining != 2 {
		t.Fatalf("before: %+v, %v", w, err)
	}
	first := take()
	if left := time.Until(first.Reset); first.Remaining != 1 || left <= 0 || left > 2*time.Second || first.Reset.Nanosecond() != 0 {
		t.Fatalf("first: %+v", first)
	}
	if err := r.Return(t.Context(), short, "a"); err != nil {
		t.Fatal(err)
	}
	if err := r.Return(t.Context(), short, "a"); err != nil {
		t.Fatal(err)
	}
	for want := 1; want >= 0; want-- {
		w := take()
		if w.Remaining != want || w.Reset.Before(first.Reset) {
			t.Fatalf("after what was given back: %+v", w)
		}
		first = w
	}
	for range 3 {
		if w := take(); w.Admitted || w.Remaining != 0 {
			t.Fatalf("over the limit: %+v", w)
		}
	}
	time.Sleep(time.Until(first.Reset))
	if w := take(); !w.Admitted || w.Remaining != 1 || !w.Reset.After(first.Reset) {
		t.Fatalf("in the next window: %+v", w)
	}
	none := ratelimit.Policy{Name: "none", Limit: 0, Window: time.Minute}
	if w, err := r.Take(t.Context(), none, "a"); err != nil || w.Admitted || w.Remaining != 0 {
		t.Errorf("a limit of nothing: %+v, %v", w, err)
	}
}

func version(t *testing.T, r *cluster.Redis, subject string) uint64 {
	t.Helper()
	_, m, err := r.Spend(t.Context(), policy, "m", subject)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// steady is a version that has come twice: the node has its connections.
func steady(t *testing.T, r *cluster.Redis, subject string) uint64 {
	t.Helper()
	for range 10 {
		if m := version(t, r, subject); m == version(t, r, subject) {
			return m
		}
	}
	t.Fatal("the version is never the same")
	return 0
}

func TestBumpedVersionsDifferOnEveryNode(t *testing.T) {
	s := redistest.Start(t)
	a, b := node(t, s, time.Now), node(t, s, time.Now)
	key, other := steady(t, a, "key:1"), steady(t, a, "key:2")
	if key == 0 || key == other {
		t.Errorf("versions %d and %d", key, other)
	}
	if err := b.Bump(t.Context(), []string{"key:1", "key:3"}); err != nil {
		t.Fatal(err)
	}
	if version(t, a, "key:1") == key {
		t.Error("the version is what it was before another node bumped it")
	}
	if version(t, a, "key:2") != other {
		t.Error("another subject's version was bumped")
	}
	many := make([]string, 50_000) // of a large application
	for i := range many {
		many[i] = "session:" + strconv.Itoa(i)
	}
	last := steady(t, a, many[len(many)-1])
	if err := b.Bump(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	if version(t, a, many[len(many)-1]) == last {
		t.Error("the last of many versions is what it was before")
	}
}

// Whatever Redis forgets, no version of before is equal to one of after.
func TestForgottenVersionsDiffer(t *testing.T) {
	s := redistest.Start(t)
	r := node(t, s, time.Now)
	before := steady(t, r, "key:1")
	s.Do("FLUSHALL")
	if version(t, r, "key:1") == before {
		t.Error("the same after all keys were flushed")
	}
	before = steady(t, r, "key:1")
	s.Kill()
	for range 3 {
		if version(t, r, "key:1") == before {
			t.Error("the same with Redis lost")
		}
	}
	s.Start()
	awaitLost(t, r, false)
	if version(t, r, "key:1") == before {
		t.Error("the same after a restart")
	}
}

// A server that comes back with an older snapshot holds versions that were bumped
// since; they must differ all the same.
func TestRestoredVersionsDiffer(t *testing.T) {
	s := redistest.Start(t)
	r := node(t, s, time.Now)
	before := steady(t, r, "key:1")
	s.Do("SAVE")
	if err := r.Bump(t.Context(), []string{"key:1"}); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Start()
	awaitLost(t, r, false)
	for range 10 {
		if version(t, r, "key:1") == before {
			t.Fatal("a snapshot brought the old version back")
		}
	}
}

func awaitLost(t *testing.T, r *cluster.Redis, want bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); r.Lost() != want; {
		if time.Now().After(end) {
			t.Fatalf("lost: %v", !want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// While Redis is lost every node enforces its share, and nobody waits for Redis
// but the first; then it comes back by itself.
func TestEachNodeCountsItsShareWhileRedisIsLost(t *testing.T) {
	for name, loss := range map[string]struct{ lose, restore func(*redistest.Server) }{
		"killed":    {(*redistest.Server).Kill, (*redistest.Server).Start},
		"paused":    {(*redistest.Server).Pause, (*redistest.Server).Continue},
		"read-only": {func(s *redistest.Server) { s.Do("REPLICAOF", "127.0.0.1", "1") }, func(s *redistest.Server) { s.Do("REPLICAOF", "NO", "ONE") }},
		"full": {
			func(s *redistest.Server) { s.Do("CONFIG", "SET", "maxmemory", "1") },
			func(s *redistest.Server) { s.Do("CONFIG", "SET", "maxmemory", "0") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			nodes := joined(t, s, 2)
			time.Sleep(1500 * time.Millisecond) // each has heard of the other
			loss.lose(s)
			for _, r := range nodes {
				awaitLost(t, r, true)
				if err := r.Bump(t.Context(), []string{"key:1"}); err == nil {
					t.Error("bumped with Redis lost")
				}
			}
			begun := time.Now()
			if got := spreadLost(t, nodes); got != policy.Limit {
				t.Errorf("%d admitted by two nodes, want %d", got, policy.Limit)
			}
			if took := time.Since(begun); took > 2*time.Second {
				t.Errorf("%v for calls that must not wait for Redis", took)
			}
			loss.restore(s)
			for _, r := range nodes {
				awaitLost(t, r, false)
			}
			if got := spread(t, nodes, 150); got != policy.Limit {
				t.Errorf("%d admitted when Redis was back, want %d", got, policy.Limit)
			}
		})
	}
}

func spreadLost(t *testing.T, nodes []*cluster.Redis) int {
	admitted := 0
	for i := range 3 * policy.Limit {
		w, err := nodes[i%len(nodes)].Take(t.Context(), policy, "lost")
		if err != nil {
			t.Fatal(err)
		}
		if w.Policy.Limit != policy.Limit {
			t.Fatalf("the answer describes another limit: %+v", w)
		}
		if w.Admitted {
			admitted++
		}
	}
	return admitted
}

// What would never do is refused at the start; what may come back is awaited.
func TestOpenRefusesWhatCanNeverWork(t *testing.T) {
	plain, locked := redistest.Start(t), redistest.Start(t, "--requirepass", "right")
	old := redistest.Start(t, "--rename-command", "EVALSHA", "", "--rename-command", "EVAL", "")
	full := redistest.Start(t, "--maxclients", "1", "--requirepass", "right")
	other, err := net.Dial("tcp", full.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, c := range []struct{ url, want string }{
		{"localhost:6379", "--redis must be redis://"},
		{"redis://:right@" + full.Addr(), ""}, // which passes by itself
		{"redis://:wrong@" + locked.Addr(), "refuses the credentials"},
		{locked.URL(), "refuses the credentials"},
		{old.URL(), "with scripting"},
		{"redis://:right@" + locked.Addr(), ""},
		{plain.URL() + "/3", ""},
		{"redis://127.0.0.1:1", ""},
	} {
		var log bytes.Buffer
		r, err := cluster.Open(t.Context(), cluster.Config{URL: c.url, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.url, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "wrong") || strings.Contains(log.String(), "wrong")) {
			t.Errorf("%s: the password is told: %v %s", c.url, err, &log)
		}
		if r != nil {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A node that counts by itself keeps a locked account locked under a flood of others.
func TestFloodEndsNoFullShare(t *testing.T) {
	s := redistest.Start(t)
	r := node(t, s, time.Now)
	s.Kill()
	awaitLost(t, r, true)
	lock := ratelimit.Policy{Name: "login-account", Limit: 10, Window: 15 * time.Minute, Locks: true}
	take := func(id string) ratelimit.Window {
		w, err := r.Take(t.Context(), lock, id)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	for range lock.Limit {
		take("locked")
	}
	for i := range 200_000 {
		take(strconv.Itoa(i))
	}
	if w := take("locked"); w.Admitted || w.Policy != lock {
		t.Errorf("after the flood: %+v", w)
	}
}

func TestTakeSpendsItsCost(t *testing.T) {
	r := node(t, redistest.Start(t), time.Now)
	dear, beyond := policy, policy
	dear.Cost, beyond.Cost = 60, 101
	for _, step := range []struct {
		p         ratelimit.Policy
		remaining int
		admitted  bool
	}{{beyond, 100, false}, {dear, 40, true}, {dear, 40, false}, {policy, 39, true}} {
		w, err := r.Take(t.Context(), step.p, "a")
		if err != nil || w.Remaining != step.remaining || w.Admitted != step.admitted {
			t.Errorf("%+v: %+v, %v", step, w, err)
		}
	}
}
