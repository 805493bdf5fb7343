package store

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/openwearables/openwearables/internal/event"
)

// walBytes returns the size of the file's WAL.
func walBytes(t *testing.T, dsn string) int64 {
	t.Helper()
	info, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:") + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// largeWorkouts is manyWorkouts with texts as long as they may be.
func largeWorkouts(series string) []event.Workout {
	long := strings.Repeat("\u00e9", 255)
	ws := manyWorkouts(series)
	for i := range ws {
		ws[i].Type, ws[i].Name, ws[i].Source = long, &long, event.Source{
			Provider: long, Source: &long, Device: &long, DeviceType: &long, DeviceName: &long,
		}
	}
	return ws
}

// However closely writes follow each other, the WAL begins anew.
func TestWALIsBoundedWhileWritesFollowEachOther(t *testing.T) {
	t.Parallel()
	dsn := sqliteDSN(t)
	s := openStore(t, dsn, Options{}).unhurried()
	const writes, bound = 14, 36 << 20
	user, session := s.addUser(t), s.addSession(t).ID
	ctx, cancel := context.WithCancel(t.Context())
	var small sync.WaitGroup
	small.Go(func() {
		for ctx.Err() == nil {
			if err := s.rotate(as(context.Background(), "somebody"), session); err != nil {
				t.Error(err)
				return
			}
		}
	})
	most := int64(0)
	for n := range writes {
		if _, err := s.UpsertWorkouts(as(t.Context(), "bulk"), user.ID, largeWorkouts(fmt.Sprint(n, "-")), event.Quota{}, newEvent("user:u")); err != nil {
			t.Fatal(err)
		}
		most = max(most, walBytes(t, dsn))
	}
	cancel()
	small.Wait()
	t.Logf("the WAL had up to %d MiB", most>>20)
	if most > bound {
		t.Errorf("the WAL had %d bytes, want at most %d", most, bound)
	}
}

// A long read keeps the WAL from beginning anew, and no write from going on.
func TestWritesGoOnWhileTheWALCannotBeginAnew(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried()
		user := s.addUser(t)
		tx := must(s.backend.(*file).DB.BeginTx(t.Context(), nil))(t)
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM users").Scan(&n); err != nil {
			t.Fatal(err)
		}
		for n := range 8 {
			if _, err := s.UpsertWorkouts(as(t.Context(), "bulk"), user.ID, largeWorkouts(fmt.Sprint(n, "-")), event.Quota{}, newEvent("user:u")); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		c := s.backend.(*file).checkpoints
		eventually(t, "moved", func() bool {
			c.pass()
			c.passing.Lock()
			defer c.passing.Unlock()
			pages, moved, err := checkpointWAL(t.Context(), c.conn, "NOOP")
			return err == nil && pages-moved < dueWAL
		})
	})
}

// A pass that fails is said once, and the passes after it go on.
func TestFailingCheckpointIsSaidOnce(t *testing.T) {
	t.Parallel()
	log := &lines{}
	s := openStore(t, sqliteDSN(t), Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	c := s.backend.(*file).checkpoints
	c.pass()
	for range 3 {
		c.passing.Lock()
		if err := c.conn.Close(); err != nil { // under the next pass
			t.Fatal(err)
		}
		c.passing.Unlock()
		c.pass()
		c.pass()
	}
	if n := log.count("the WAL grows"); n != 3 {
		t.Errorf("said %d times of 3 failures", n)
	}
	if c.failing {
		t.Error("the passes still fail")
	}
}
