package cluster_test

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/store"
)

// openRegistry opens a database in which nodes meet.
func openRegistry(t *testing.T) cluster.Registry {
	t.Helper()
	db, err := store.Open(t.Context(), pgtest.New(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func join(t *testing.T, registry cluster.Registry, name string) *cluster.Nodes {
	t.Helper()
	self := cluster.Node{Name: name, Redis: "redis:6379/0", Settings: "{}"}
	n, err := cluster.Join(t.Context(), registry, self, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// joined opens as many nodes of one database on the server.
func joined(t *testing.T, s *redistest.Server, count int) []*cluster.Redis {
	t.Helper()
	registry := openRegistry(t)
	nodes := make([]*cluster.Redis, count)
	for i := range nodes {
		nodes[i] = open(t, cluster.Config{URL: s.URL(), Installation: "one", Nodes: join(t, registry, strconv.Itoa(i))})
	}
	return nodes
}

// What nodes counted while Redis was lost counts when it is back, beside what was
// spent before.
func TestWhatWasCountedAloneIsGivenBack(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	nodes := joined(t, s, 3)
	attempts := ratelimit.Policy{Name: "login-account", Limit: 10, Window: 15 * time.Minute}
	guess := func(id string) (admitted int) {
		t.Helper()
		for i := range 36 {
			w, err := nodes[i%len(nodes)].Take(t.Context(), attempts, id)
			if err != nil {
				t.Fatal(err)
			}
			if w.Admitted {
				admitted++
			}
		}
		return admitted
	}
	for range 4 {
		if _, err := nodes[0].Take(t.Context(), attempts, "kept"); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1500 * time.Millisecond) // each has heard of the others
	s.Pause()
	for _, r := range nodes {
		awaitLost(t, r, true)
	}
	if alone := guess("forgotten"); alone != 9 {
		t.Errorf("%d admitted by three nodes alone, want their shares of 3", alone)
	}
	if err := nodes[0].Return(t.Context(), attempts, "forgotten"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := nodes[1].Take(t.Context(), attempts, "kept"); err != nil {
			t.Fatal(err)
		}
	}
	s.Continue()
	for _, r := range nodes {
		awaitLost(t, r, false)
	}
	if more := guess("forgotten"); more != 2 {
		t.Errorf("%d more when Redis was back, want 2", more)
	}
	if more := guess("kept"); more != 4 {
		t.Errorf("%d more beside what was spent before and alone, want 4", more)
	}
}

// Installations that use one Redis share nothing there.
func TestInstallationsShareNothing(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	one, other := open(t, cluster.Config{URL: s.URL(), Installation: "one"}), open(t, cluster.Config{URL: s.URL(), Installation: "other"})
	if got := spread(t, []*cluster.Redis{one}, 2*policy.Limit); got != policy.Limit {
		t.Errorf("%d admitted, want %d", got, policy.Limit)
	}
	if w, err := other.Peek(t.Context(), policy, "a"); err != nil || w.Remaining != policy.Limit {
		t.Errorf("the other installation sees %+v, %v", w, err)
	}
	version := steady(t, one, "key:1")
	if err := other.Bump(t.Context(), []string{"key:1"}); err != nil {
		t.Fatal(err)
	}
	if steady(t, one, "key:1") != version {
		t.Error("a version was bumped by another installation")
	}
	for key := range strings.FieldsSeq(strings.Trim(s.Do("KEYS", "*"), "[]")) {
		if !strings.HasPrefix(key, "openwearables:one:") && !strings.HasPrefix(key, "openwearables:other:") {
			t.Errorf("the key %s is of no installation", key)
		}
	}
}
