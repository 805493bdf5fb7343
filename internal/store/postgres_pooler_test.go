package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// With a pooler that may run each transaction on another connection, nothing is
// prepared and everything works.
func TestPostgresRunsWithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	s := openStore(t, pgtest.New(t)+"&"+poolerMode, Options{})
	everythingComesBack(t, s)
	prepared := 0
	if err := s.pools.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&prepared); err != nil || prepared > 0 {
		t.Errorf("%d statements are prepared, %v", prepared, err)
	}
}

// Behind PgBouncer, with fewer connections than callers, everything works. The
// error for one that is not configured for that says how.
func TestPostgresRunsBehindAPooler(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	if s, err := Open(t.Context(), pgtest.Pooler(t, dsn), Options{}); err == nil {
		t.Error("opened, ", s.Close())
	} else if !strings.Contains(err.Error(), poolerSetting) || !strings.Contains(err.Error(), poolerMode) {
		t.Error(err)
	}
	dsn = pgtest.Pooler(t, dsn, poolerSetting, "default_pool_size = 3") + "&" + poolerMode
	stores := []*Store{openStore(t, dsn, Options{}).unhurried(), openStore(t, dsn, Options{}).unhurried()}
	everythingComesBack(t, stores[0])
	r := fill[auth.ReplayRecord](true)
	r.ExpiresAt = time.Now().Add(time.Hour)
	policy := ratelimit.Policy{Name: "pooled", Limit: 10, Window: time.Minute}
	var all sync.WaitGroup
	var admitted, made atomic.Int32
	for i := range 64 {
		all.Go(func() {
			w, err := stores[i%2].Windows().Take(t.Context(), policy, "x")
			if err != nil {
				t.Error(err)
			} else if w.Admitted {
				admitted.Add(1)
			}
			err = stores[i%2].try(func(ctx context.Context, tx auth.Tx) error {
				_, err := tx.Replay(ctx, r.ID)
				if errors.Is(err, problem.ErrNotFound) {
					made.Add(1)
					return tx.PutReplay(ctx, r)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wantEqual(t, admitted.Load(), 10)
	wantEqual(t, made.Load(), 1)
}

func everythingComesBack(t *testing.T, s *Store) {
	for _, set := range []bool{true, false} {
		developerComesBack(t, s, set)
		sessionComesBack(t, s, set)
		applicationComesBack(t, s, set)
		userComesBack(t, s, set)
	}
	keyComesBack(t, s, true)
}
