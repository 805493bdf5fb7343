package store

import (
	"context"
	"fmt"
	"time"
)

// purgeBatch limits the rows of one transaction, and so how long it holds up
// others.
const purgeBatch = 500

// seenFor is how long the address of a login is remembered.
const seenFor = 31 * 24 * time.Hour

// purgeable is what is purged of a table: the rows whose column is not after before.
type purgeable struct {
	table, key, column string
	before             func(now time.Time) any
}

var windowsOver = purgeable{"windows", "policy, id", "ends_at", func(now time.Time) any { return now.Unix() }}

// Purge removes rows that no decision needs any more: sessions past their
// absolute end (until then a spent refresh token must be told from an unknown
// one), expired replay records, addresses not seen for a month, ended
// rate-limit windows, and nodes that are gone.
func (s *Store) Purge(ctx context.Context) error {
	for _, p := range []purgeable{
		{"sessions", "id", "ends_at", func(now time.Time) any { return now }},
		{"replays", "id", "expires_at", func(now time.Time) any { return now }},
		{"developer_addresses", "developer_id, address", "seen_at", func(now time.Time) any { return now.Add(-seenFor) }},
		windowsOver,
		{"nodes", "id", "seen_at", func(now time.Time) any { return now.Add(-nodesKept) }},
	} {
		if err := s.purge(ctx, p); err != nil {
			return err
		}
	}
	return s.truncateLog(ctx)
}

// purge removes the rows in small transactions.
func (s *Store) purge(ctx context.Context, p purgeable) error {
	query := fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s <= ? LIMIT ?%[4]s)",
		p.table, p.key, p.column, s.engine.skip)
	for n := int64(purgeBatch); n == purgeBatch; {
		err := s.do(ctx, func(ctx context.Context, t *tx) (err error) {
			n, err = t.exec(ctx, t.db.NewRaw(query, p.before(t.now), purgeBatch).Conn(t.conn))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
