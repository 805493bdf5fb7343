package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

// readAt appends reads of the user's data at the times.
func (s *Store) readAt(t testing.TB, userID string, at ...time.Time) {
	t.Helper()
	var entries []audit.Access
	for i, at := range at {
		entries = append(entries, audit.Access{UserID: userID, At: at, Operation: "ListWorkouts", Items: int32(i)})
	}
	if err := s.AppendAccess(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
}

// daysBefore returns n times, each a day after the one before, the last of them
// before at.
func daysBefore(at time.Time, n int) (times []time.Time) {
	for i := range n {
		times = append(times, at.AddDate(0, 0, i-n))
	}
	return times
}

func TestPurgeKeepsRecordsForTheirTime(t *testing.T) {
	now := epoch.AddDate(1, 0, 0)
	onEachAt(t, now, func(t *testing.T, s *Store, _ *time.Time) {
		s.write(t, func(ctx context.Context, tx auth.Tx) (err error) {
			for range 2*purgeBatch + 1 {
				err = errors.Join(err, tx.Record(ctx, newEvent("user:old")))
			}
			e := newEvent("user:new")
			e.At = now.Add(time.Microsecond - 24*time.Hour)
			return errors.Join(err, tx.Record(ctx, e))
		})
		s.readAt(t, "u", daysBefore(now, 10)...)
		if err := s.Purge(t.Context(), Retention{}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, count(t, s, "audit_events"), 2*purgeBatch+2)
		wantEqual(t, count(t, s, "access_ledger"), 10)
		if err := s.Purge(t.Context(), Retention{Audit: 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, count(t, s, "audit_events"), 1)
		wantEqual(t, count(t, s, "access_ledger"), 10)
	})
}

// What is left of a ledger verifies, and goes on, also if all of it is old.
func TestPurgedLedgerVerifies(t *testing.T) {
	now := epoch.AddDate(1, 0, 0)
	onEachAt(t, now, func(t *testing.T, s *Store, now *time.Time) {
		s.readAt(t, "long", daysBefore(*now, 1300)...)
		s.readAt(t, "old", epoch, epoch, epoch)
		s.readAt(t, "young", *now)
		s.readAt(t, "skewed", epoch, *now, epoch, *now)
		wantLeft := func(user string, first int64, n int) {
			t.Helper()
			entries := s.ledgerOf(t, user)
			if err := verifyLedger(entries); err != nil || len(entries) != n || entries[0].Seq != first {
				t.Errorf("%s: %d entries from %d, want %d from %d: %v", user, len(entries), entries[0].Seq, n, first, err)
			}
		}
		for _, days := range []int{60, 50} {
			if err := s.Purge(t.Context(), Retention{Ledger: time.Duration(days)*24*time.Hour - time.Hour}); err != nil {
				t.Fatal(err)
			}
			wantLeft("long", int64(1302-days), days-1)
			wantLeft("old", 3, 1)
			wantLeft("young", 1, 1)
			wantLeft("skewed", 2, 3)
		}
		s.readAt(t, "old", *now)
		s.readAt(t, "long", *now)
		wantLeft("old", 3, 2)
		wantLeft("long", 1252, 50)
		*now = now.AddDate(1, 0, 0)
		if err := s.Purge(t.Context(), Retention{Ledger: 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, count(t, s, "access_ledger"), 4)
		wantLeft("skewed", 4, 1)
	})
}

func TestPurgedLedgerShowsTampering(t *testing.T) {
	now := epoch.AddDate(1, 0, 0)
	onEachAt(t, now, func(t *testing.T, s *Store, now *time.Time) {
		s.readAt(t, "u", daysBefore(*now, 10)...)
		if err := s.Purge(t.Context(), Retention{Ledger: 5*24*time.Hour + time.Hour}); err != nil {
			t.Fatal(err)
		}
		left := s.ledgerOf(t, "u")
		if err := verifyLedger(left); err != nil || len(left) != 5 {
			t.Fatalf("%d entries: %v", len(left), err)
		}
		for name, tamper := range map[string]func([]audit.Entry) []audit.Entry{
			"the first changed": func(l []audit.Entry) []audit.Entry { l[0].Actor = "developer:x"; return l },
			"the first dropped": func(l []audit.Entry) []audit.Entry { return l[1:] },
			"the second dropped": func(l []audit.Entry) []audit.Entry {
				return slices.Delete(l, 1, 2)
			},
			"no anchor":      func(l []audit.Entry) []audit.Entry { l[0].Anchor = nil; return l },
			"another anchor": func(l []audit.Entry) []audit.Entry { l[0].Anchor = &l[1].Hash; return l },
			"a later anchor": func(l []audit.Entry) []audit.Entry { l[3].Anchor = &l[1].Hash; return slices.Delete(l, 2, 3) },
		} {
			if verifyLedger(tamper(slices.Clone(left))) == nil {
				t.Errorf("%s: not noticed", name)
			}
		}
	})
}

// A purge leaves the writer to others: between its batches each gets its turn.
func TestPurgePausesBetweenBatches(t *testing.T) {
	now := epoch.AddDate(1, 0, 0)
	onEachAt(t, now, func(t *testing.T, s *Store, _ *time.Time) {
		s.write(t, func(ctx context.Context, tx auth.Tx) (err error) {
			for i := range 8*purgeBatch + 1 {
				err = errors.Join(err, tx.Record(ctx, newEvent(fmt.Sprint("user:", i))))
			}
			return err
		})
		begun := time.Now()
		var held time.Duration
		batches := 0
		err := s.inBatches(t.Context(), func(ctx context.Context, t *tx) (bool, error) {
			at := time.Now()
			n, err := t.exec(ctx, t.db.NewRaw("DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events LIMIT ?)", purgeBatch).Conn(t.conn))
			batches++
			held += time.Since(at)
			return n == purgeBatch, err
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); batches != 9 || held > took/2 {
			t.Errorf("%d batches held the writer for %s of %s", batches, held, took)
		}
		ended, cancel := context.WithCancel(t.Context())
		err = s.inBatches(ended, func(context.Context, *tx) (bool, error) {
			cancel()
			return true, nil
		})
		wantError(t, err, context.Canceled)
	})
}
