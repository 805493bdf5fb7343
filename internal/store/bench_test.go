package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/event"
)

// benchEach measures on an empty store of each engine, both of which wait for
// the disk.
func benchEach(b *testing.B, bench func(b *testing.B, s *Store)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, openStore(b, sqliteDSN(b), Options{})) })
	b.Run("postgres", func(b *testing.B) {
		server := must(pgtest.Start())(b)
		b.Cleanup(func() {
			if err := server.Close(); err != nil {
				b.Error(err)
			}
		})
		bench(b, openStore(b, server.New(b), Options{}))
	})
}

func BenchmarkKeyByHash(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		var k auth.StoredKey
		for range 40 {
			s.write(b, func(ctx context.Context, tx auth.Tx) (err error) {
				for range 500 {
					k = newKey()
					err = errors.Join(err, tx.InsertKey(ctx, k))
				}
				return err
			})
		}
		b.ReportAllocs()
		for b.Loop() {
			must(s.KeyByHash(b.Context(), k.Hash))(b)
		}
	})
}

func BenchmarkSession(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		row := s.addSession(b)
		b.ReportAllocs()
		for b.Loop() {
			must(s.Session(b.Context(), row.ID))(b)
		}
	})
}

// refresh is the write of a token refresh: a row read and replaced, and an
// event.
func (s *Store) refresh(b *testing.B, id string) {
	err := s.try(func(ctx context.Context, tx auth.Tx) error {
		row, err := tx.Session(ctx, id)
		if err != nil {
			return err
		}
		row.Generation++
		row.RotatedAt, row.LastUsedAt = tx.Now(), tx.Now()
		e := newEvent("session:" + id)
		e.At, e.IP, e.Client, e.RequestID = tx.Now(), "192.0.2.1", "Go-http-client/2.0", "req_1"
		return errors.Join(tx.UpdateSession(ctx, row), tx.Record(ctx, e))
	})
	if err != nil {
		b.Error(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		benchEach(b, func(b *testing.B, s *Store) {
			id := s.addSession(b).ID
			for b.Loop() {
				s.refresh(b, id)
			}
		})
	})
	b.Run("64 at once", func(b *testing.B) {
		benchEach(b, func(b *testing.B, s *Store) {
			ids := make([]string, 64)
			for i := range ids {
				ids[i] = s.addSession(b).ID
			}
			var next atomic.Int64
			b.SetParallelism(32) // of 2 processors
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				id := ids[next.Add(1)%64]
				for p.Next() {
					s.refresh(b, id)
				}
			})
		})
	})
}

func BenchmarkUpsertWorkouts(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		u := s.addUser(b)
		ws := make([]event.Workout, event.MaxBatch)
		for i := range ws {
			ws[i] = newWorkout("garmin", fmt.Sprint(i), epoch.Add(time.Duration(i)*time.Second))
		}
		for b.Loop() {
			must(s.UpsertWorkouts(b.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(b)
		}
	})
}

func BenchmarkWorkouts(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		u := s.addUser(b)
		ws := make([]event.Workout, event.MaxBatch)
		for i := range ws {
			ws[i] = newWorkout("garmin", fmt.Sprint(i), epoch.Add(time.Duration(i)*time.Second))
		}
		must(s.UpsertWorkouts(b.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(b)
		q := event.Query{UserID: u.ID, Start: epoch, End: epoch.Add(time.Hour), Limit: 51}
		for b.Loop() {
			must(s.Workouts(b.Context(), q))(b)
		}
	})
}

func BenchmarkAppendAccess(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		entries := make([]audit.Access, 1000)
		for i := range entries {
			entries[i] = audit.Access{UserID: fmt.Sprint(i % 100), At: epoch, Actor: "key:1", Operation: "ListWorkouts", IP: "192.0.2.1"}
		}
		for b.Loop() {
			if err := s.AppendAccess(b.Context(), entries); err != nil {
				b.Fatal(err)
			}
		}
	})
}
