package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// Nodes see those that announced themselves lately, and of nodes that announce
// themselves at once each sees the other, or is seen.
func TestNodesMeetInTheDatabase(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.New(t), Options{})
	a := cluster.Node{ID: "a", Name: "one", Redis: "redis:6379/0", Settings: `{"limit-key":"1"}`}
	b := cluster.Node{ID: "b", Name: "two", Settings: "{}"}
	other := func(n cluster.Node) cluster.Node {
		t.Helper()
		o := must(s.Announce(t.Context(), n))(t)[0]
		if age := time.Since(time.UnixMicro(o.SeenAt)); age < -time.Second || age > cluster.NodeLife {
			t.Errorf("seen %v ago", age)
		}
		o.SeenAt = 0
		return o
	}
	wantEqual(t, len(must(s.Announce(t.Context(), a))(t)), 0)
	wantEqual(t, other(b), a)
	b.Lost = true
	wantEqual(t, other(b), a)
	wantEqual(t, other(a), b)
	if err := s.Withdraw(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, len(must(s.Announce(t.Context(), a))(t)), 0)

	for _, age := range []time.Duration{cluster.NodeLife + time.Second, 2 * nodesKept} { // in the clock's past
		must(s.Announce(t.Context(), b))(t)
		age := age.Microseconds()
		err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
			_, err := tx.exec(ctx, tx.db.NewRaw("UPDATE nodes SET seen_at = seen_at - ? WHERE id = 'b'", age).Conn(tx.conn))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, len(must(s.Announce(t.Context(), a))(t)), 0)
		wantEqual(t, count(t, s, "nodes"), 2)
	}
	if err := s.Purge(t.Context(), Retention{}); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, count(t, s, "nodes"), 1)

	var group sync.WaitGroup
	seen := make([]int, 8)
	for i := range seen {
		group.Go(func() {
			others, err := s.Announce(t.Context(), cluster.Node{ID: string(rune('k' + i)), Settings: "{}", Name: "many"})
			if err != nil {
				t.Error(err)
			}
			seen[i] = len(others)
		})
	}
	group.Wait()
	pairs := 0
	for _, n := range seen {
		pairs += n - 1 // "a" is seen by all
	}
	if pairs < 8*7/2 {
		t.Errorf("%v: of two nodes neither saw the other", seen)
	}
}
