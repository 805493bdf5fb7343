package store

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// A row is the same whether it is read by a held connection or in a transaction.
func TestFindReadsWhatTransactionsRead(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried().populate(t)
		users, _, err := s.Users(t.Context(), auth.UserQuery{SortBy: "created_at", Limit: 100})
		if err != nil || len(users) < 2 {
			t.Fatalf("%d users, %v", len(users), err)
		}
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			for _, u := range users {
				wantEqual(t, must(s.User(ctx, u.ID))(t), must(tx.User(ctx, u.ID))(t))
			}
			return nil
		})
		_, err = s.User(t.Context(), "nobody")
		wantError(t, err, problem.ErrNotFound)
	})
}

// While no held connection comes free, a read ends in time, the reads of one request
// together, and a caller who has gone does not wait.
func TestFindEndsInTime(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		held := s.backend.(*file).held
		var all []*heldConn
		for range cap(held.free) {
			all = append(all, must(held.take(t.Context(), longest))(t))
		}
		request := WithBudget(t.Context())
		inTime(t, "two reads of one request", func() {
			for range 2 {
				_, err := s.User(request, u.ID)
				wantUnavailable(t, err)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := s.User(ctx, u.ID); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who has gone: %v", err)
		}
		for _, c := range all {
			held.put(c, true)
		}
		wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
		if _, err := s.User(ctx, u.ID); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who had gone before: %v", err)
		}
	})
}

// A held connection on which a statement failed is replaced.
func TestFindRecovers(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		u := s.unhurried().addUser(t)
		f := s.backend.(*file)
		for range 2 * cap(f.held.free) {
			if err := f.find(t.Context(), &prepared{text: "SELECT nothing"}, nil, reflect.Value{}); err == nil {
				t.Fatal("a statement that is none succeeded")
			}
		}
		var open int
		for range cap(f.held.free) {
			c := <-f.held.free
			if c.Conn != nil {
				open++
			}
			f.held.free <- c
		}
		if open > 0 {
			t.Errorf("%d connections are kept on which a statement failed", open)
		}
		wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
	})
}

// A close waits for the reads under way, and refuses later ones.
func TestFindAfterClose(t *testing.T) {
	t.Parallel()
	s := openStore(t, sqliteDSN(t), Options{}).unhurried()
	u := s.addUser(t)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for {
				_, err := s.User(t.Context(), u.ID)
				if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Unavailable {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	readers.Wait()
}
