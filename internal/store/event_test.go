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
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

func TestReplayRecordStaysUntilItExpires(t *testing.T) {
	onEachAt(t, epoch, func(t *testing.T, s *Store, now *time.Time) {
		r := fill[auth.ReplayRecord](true)
		r.ExpiresAt = epoch.Add(time.Hour)
		put := func(r auth.ReplayRecord) error {
			return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.PutReplay(ctx, r) })
		}
		get := func() (got auth.ReplayRecord) {
			s.write(t, func(ctx context.Context, tx auth.Tx) (err error) {
				got, err = tx.Replay(ctx, r.ID)
				return err
			})
			return got
		}
		if err := put(r); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, get(), r)

		next := fill[auth.ReplayRecord](true)
		next.ID, next.ExpiresAt = r.ID, epoch.Add(3*time.Hour)
		wantError(t, put(next), problem.ErrTaken)
		wantEqual(t, get(), r)
		*now = r.ExpiresAt
		if err := put(next); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, get(), next)
	})
}

func TestMetaIsSetOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		_, err := s.Meta(t.Context(), "secret")
		wantError(t, err, problem.ErrNotFound)
		wantEqual(t, must(s.SetMeta(t.Context(), "secret", "a"))(t), "a")
		wantEqual(t, must(s.SetMeta(t.Context(), "secret", "b"))(t), "a")
		wantEqual(t, must(s.Meta(t.Context(), "secret"))(t), "a")
	})
}

func TestEventsAreRecordedInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		e := fill[audit.Event](true)
		e.At = epoch
		bare := audit.Event{Action: audit.Login, Outcome: audit.OK}
		var now time.Time
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			now = tx.Now()
			return errors.Join(tx.Record(ctx, e), tx.Record(ctx, bare), tx.Record(ctx, bare))
		})
		events := must(s.Events(t.Context(), EventFilter{}))(t)
		wantEqual(t, len(events), 3)
		wantEqual(t, events[0], e)
		if a, b := events[1], events[2]; len(a.ID) != 36 || a.ID[14] != '7' || a.ID >= b.ID || !a.At.Equal(now) {
			t.Fatalf("%+v\n%+v", a, b)
		}
		wantEqual(t, must(s.Events(t.Context(), EventFilter{Subject: e.Subject}))(t), events[:1])
		wantEqual(t, must(s.Events(t.Context(), EventFilter{Action: audit.Login, Limit: 1}))(t), events[2:])
		wantEqual(t, must(s.Events(t.Context(), EventFilter{Action: e.Action, Actor: "x"}))(t), []audit.Event{})
	})
}

// An odd User-Agent cannot keep its request out of the trail.
func TestOddClientNamesAreRecorded(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		e := newEvent("key:1")
		e.Client = "a\xffb\x00c"
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.Record(ctx, e) })
		a := audit.Access{UserID: "u", At: epoch, Operation: "ListWorkouts", Client: e.Client}
		if err := s.AppendAccess(t.Context(), []audit.Access{a}); err != nil {
			t.Fatal(err)
		}
		entries := s.ledgerOf(t, "u")
		if err := verifyLedger(entries); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, entries[0].Client, "a\uFFFDb\uFFFDc")
		wantEqual(t, must(s.Events(t.Context(), EventFilter{}))(t)[0].Client, "a\uFFFDb\uFFFDc")
	})
}

// Effects that one actor has on a subject again and again share the row of an hour,
// and leave each other's alone.
func TestFrequentEffectsShareARow(t *testing.T) {
	start := epoch
	onEachAt(t, start, func(t *testing.T, s *Store, now *time.Time) {
		u := s.addUser(t)
		write := func(actor, ip string) {
			t.Helper()
			e := newEvent("user:" + u.ID)
			e.Action, e.Actor, e.IP, e.At = audit.WorkoutsWrite, actor, ip, time.Time{}
			w := newWorkout("garmin", "1", epoch)
			must(s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{w}, event.Quota{}, e))(t)
		}
		for range 3 {
			write("key:1", "192.0.2.1")
			*now = now.Add(10 * time.Minute)
		}
		write("key:1", "192.0.2.2")
		write("key:2", "192.0.2.1")
		*now = now.Add(time.Hour)
		write("key:1", "192.0.2.1")
		var got []string
		for _, e := range must(s.Events(t.Context(), EventFilter{Action: audit.WorkoutsWrite}))(t) {
			got = append(got, fmt.Sprint(e.Actor, " ", e.IP, " ", e.Occurrences))
		}
		slices.Sort(got)
		wantEqual(t, got, []string{"key:1 192.0.2.1 1", "key:1 192.0.2.1 3", "key:1 192.0.2.2 1", "key:2 192.0.2.1 1"})
	})
}
