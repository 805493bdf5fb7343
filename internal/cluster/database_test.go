package cluster_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/store"
)

// While the database keeps too many windows, no more are opened there, and limits
// hold all the same.
func TestCrowdedWindowsAreCountedInMemory(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	database, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string) {
		t.Helper()
		if err := pgtest.Shared(t).Exec(t.Context(), strings.TrimPrefix(database.Path, "/"), statement); err != nil {
			t.Fatal(err)
		}
	}
	db, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := cluster.OpenDatabase(t.Context(), db.Windows(), nil, time.Now)
	t.Cleanup(func() {
		for _, end := range []func() error{d.Close, db.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
	attempts := ratelimit.Policy{Name: "login-account", Limit: 2, Window: 15 * time.Minute}
	admitted := func(id string) (n int) {
		t.Helper()
		for range 4 {
			w, err := d.Take(context.Background(), attempts, id)
			if err != nil {
				t.Fatal(err)
			}
			if w.Admitted {
				n++
			}
		}
		return n
	}
	exec("INSERT INTO windows SELECT 'login-account', n::text, 1, 4000000000 FROM generate_series(1, 100000) AS n")
	exec("INSERT INTO windows SELECT 'login-account', 'ended' || n, 1, 1 FROM generate_series(1, 700) AS n")
	if err := db.PurgeWindows(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := admitted("stranger"); n != 2 {
		t.Errorf("%d admitted, want 2", n)
	}
	exec("DO $$ BEGIN ASSERT (SELECT count(*) FROM windows) = 100000; END $$")
	exec("DELETE FROM windows")
	if err := db.PurgeWindows(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := admitted("another"); n != 2 {
		t.Errorf("%d admitted, want 2", n)
	}
	exec("DO $$ BEGIN ASSERT (SELECT count(*) FROM windows) = 1; END $$")
}
