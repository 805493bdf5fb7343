package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/event"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// rotate is the write of a refresh.
func (s *Store) rotate(ctx context.Context, id string) error {
	return s.Write(ctx, func(ctx context.Context, tx auth.Tx) error {
		row, err := tx.Session(ctx, id)
		if err != nil {
			return err
		}
		row.Generation++
		return errors.Join(tx.UpdateSession(ctx, row), tx.Record(ctx, newEvent("session:"+id)))
	})
}

// p99 returns the 99th percentile of how long n refreshes take, and as often as
// until holds.
func (s *Store) p99(t *testing.T, id string, n int, until func() bool) time.Duration {
	t.Helper()
	var all []time.Duration
	for len(all) < n || !until() {
		took, err := elapsed(func() error { return s.rotate(as(context.Background(), "somebody"), id) })
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, took)
	}
	slices.Sort(all)
	t.Logf("%d refreshes: p50 %s, p99 %s", len(all), all[len(all)/2], all[len(all)*99/100])
	return all[len(all)*99/100]
}

// While others delete a user with much data, write as much at once as calls may
// hold, and search for long, somebody else's refresh waits for few of them.
func TestRefreshBesideACrowd(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const upserts, searches = 40, 8
		deleted, busy := s.addUser(t), s.addUser(t)
		s.giveWorkouts(t, deleted.ID, 10*removalBatch)
		id := s.addSession(t).ID
		quiet := s.p99(t, id, 200, func() bool { return true })

		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var crowd, wrote sync.WaitGroup
		for i := range searches {
			crowd.Go(func() {
				for ctx.Err() == nil {
					_ = s.countFor(as(ctx, fmt.Sprint("search", i)), "", 1_000_000)
				}
			})
		}
		for i := range upserts {
			wrote.Go(func() {
				_, err := s.UpsertWorkouts(as(context.Background(), fmt.Sprint("upsert", i)), busy.ID, manyWorkouts(fmt.Sprint(i, "-")), event.Quota{}, newEvent("user:u"))
				if err != nil && problem.AsError(err).Kind != problem.Unavailable {
					t.Error(err)
				}
			})
		}
		crowd.Go(func() {
			if err := s.Write(ctx, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, deleted.ID) }); err != nil {
				t.Error(err)
			}
			for ctx.Err() == nil {
				_ = s.Remove(ctx)
			}
		})
		done := make(chan struct{})
		begun := time.Now()
		var total time.Duration
		go func() { wrote.Wait(); total = time.Since(begun); close(done) }()
		beside := s.p99(t, id, 200, func() bool {
			select {
			case <-done:
				return true
			default:
				return false
			}
		})
		cancel()
		crowd.Wait()
		t.Logf("p99 is %.1f times the quiet one; the crowd took %s", float64(beside)/float64(quiet), total)
		if beside > total/2 { // all of it, if all is in one commit
			t.Errorf("p99 of a refresh is %s beside a crowd that takes %s in all", beside, total)
		}
	})
}
