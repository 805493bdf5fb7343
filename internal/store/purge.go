package store

import (
	"context"
	"fmt"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// purgeBatch bounds how long one step of a purge holds up other writes.
const purgeBatch = 500

// seenFor is how long a login from an address is remembered.
const seenFor = 31 * 24 * time.Hour

// Purge removes what no decision needs any more: sessions past their absolute
// end (until then a spent refresh token must be told from an unknown one),
// expired replay records, and addresses not seen for a month.
func (s *Store) Purge(ctx context.Context) error {
	for _, p := range []struct {
		table, key, column string
		keep               time.Duration
	}{
		{"sessions", "id", "ends_at", 0},
		{"replays", "id", "expires_at", 0},
		{"developer_addresses", "developer_id, address", "seen_at", seenFor},
	} {
		query := fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s <= ? LIMIT ?)", p.table, p.key, p.column)
		for n := int64(purgeBatch); n == purgeBatch; {
			err := s.group.do(ctx, func(ctx context.Context, t *tx) (err error) {
				n, err = t.some(ctx, t.db.NewRaw(query, t.now.Add(-p.keep), purgeBatch).Conn(t.conn))
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return s.group.tidy(ctx)
}

// tidy runs what the engine wants done after much was deleted.
func (g *group) tidy(ctx context.Context) error {
	if g.engine.tidy == "" {
		return nil
	}
	reply := make(chan error, 1)
	select {
	case g.tidies <- reply:
		return <-reply
	case <-g.stopped:
		return auth.UnavailableError(errClosed)
	case <-ctx.Done():
		return auth.UnavailableError(ctx.Err())
	}
}

func (g *group) tidyUp() error {
	if err := g.connect(); err != nil {
		return g.engine.domain(err)
	}
	_, err := g.conn.conn.ExecContext(context.Background(), g.engine.tidy)
	return g.engine.domain(err)
}
