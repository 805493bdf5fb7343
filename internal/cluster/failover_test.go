package cluster_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/redistest"
)

// In a cluster limits are exact over nodes that were told of different ones of it. When
// the master of the installation's slot dies, they go on with its replica by themselves,
// and trust no version of before.
func TestClusterFailsOver(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	registry := openRegistry(t)
	addrs := strings.Split(c.Addrs(), ",")
	nodes := []*cluster.Redis{
		open(t, cluster.Config{URL: "redis://" + c.Addrs(), Installation: "one", Nodes: join(t, registry, "a")}),
		open(t, cluster.Config{URL: "redis://" + addrs[1] + "?cluster=true", Installation: "one", Nodes: join(t, registry, "b")}),
	}
	for _, r := range nodes {
		awaitTrust(t, r)
	}
	if got := spread(t, nodes, 3*policy.Limit/2); got != policy.Limit {
		t.Errorf("%d admitted, want %d", got, policy.Limit)
	}
	before := steady(t, nodes[0], "key:1")
	failed, err := c.Fail()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range nodes {
		eventually(t, "the next master serves", func() bool { return works(t, r) && !r.Lost() && r.Stats().Connections == 1 })
		awaitTrust(t, r)
	}
	if steady(t, nodes[0], "key:1") == before {
		t.Error("a version of before is trusted")
	}
	if got := spread(t, nodes, policy.Limit); got > policy.Limit { // what was not yet replicated may be spent again
		t.Errorf("%d admitted", got)
	}
	if err := c.Rejoin(failed); err != nil {
		t.Fatal(err)
	}
	version := steady(t, nodes[0], "key:1")
	if err := nodes[1].Bump(t.Context(), []string{"key:1"}); err != nil {
		t.Fatal(err)
	}
	if steady(t, nodes[0], "key:1") == version {
		t.Error("the version is what it was before another node bumped it")
	}
}

// While the slot of an installation moves to another master, windows are exact, there and
// where they were.
func TestSlotsMove(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	r := open(t, cluster.Config{URL: "redis://" + c.Addrs(), Installation: "one"})
	take := func(id string, times int) {
		t.Helper()
		for range times {
			if w, err := r.Take(t.Context(), policy, id); err != nil || !w.Admitted {
				t.Fatal(w, err)
			}
		}
	}
	left := func(id string, want int) {
		t.Helper()
		if w, err := r.Peek(t.Context(), policy, id); err != nil || w.Remaining != want {
			t.Errorf("of %s there remain %d, want %d; %v", id, w.Remaining, want, err)
		}
	}
	take("old", 30)
	finish, err := c.Move("openwearables:{one}:")
	if err != nil {
		t.Fatal(err)
	}
	take("old", 10)
	take("new", 20)
	left("old", 60)
	left("new", 80)
	if n := r.Stats().Connections; n != 2 {
		t.Errorf("%d connections, want one to each master", n)
	}
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	take("old", 5)
	take("new", 5)
	left("old", 55)
	left("new", 75)
	if s := r.Stats(); r.Lost() || s.Failures+s.Local > 0 {
		t.Errorf("lost %v, %+v", r.Lost(), s)
	}
}

// A cluster must be named as one, and nothing else.
func TestClustersAreNamed(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	one, _, _ := strings.Cut(c.Addrs(), ",")
	plain := redistest.Start(t)
	for url, says := range map[string]string{
		"redis://" + one:                               "?cluster=true",
		plain.URL() + "?cluster=true":                  "not in cluster mode",
		"redis://" + plain.Addr() + "," + plain.Addr(): "not in cluster mode",
		"redis://" + c.Addrs() + "/3":                  "only the database 0",
		"redis://" + one + "?cluster=perhaps":          "true or false",
		"redis://" + one + ",a:b":                      "--redis must be",
	} {
		r, err := cluster.Open(t.Context(), cluster.Config{URL: url, Installation: "one", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%s: opened, %v", url, r.Close())
		} else if !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
