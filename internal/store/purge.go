package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

// purgeBatch limits the rows of one transaction, and so how long it holds up
// others.
const purgeBatch = 500

// Between two batches a purge pauses for four times as long as the first took,
// so that it has at most a fifth of the one writer of SQLite.
const (
	pauseShare = 4
	pauseLeast = 5 * time.Millisecond
	pauseMost  = time.Second
)

// seenFor is how long the address of a login is remembered.
const seenFor = 31 * 24 * time.Hour

// Retention is how long records are kept; 0 is for ever.
type Retention struct {
	Audit  time.Duration
	Ledger time.Duration // the newest entry of each user stays in any case
	Signer audit.Signer  // signs the heads of the ledgers that are purged; nil: none were signed

	UsageMinutes, UsageHours, UsageDays time.Duration // counts of requests, by their resolution

	Alerts time.Duration // since they were resolved
}

// expiry selects the rows of a table that are due.
type expiry struct {
	table, key, column string
	before             func(now time.Time) any
}

var windowsOver = expiry{"windows", "policy, id", "ends_at", func(now time.Time) any { return now.Unix() }}

// Purge removes rows that no decision needs any more: sessions past their absolute end
// (until then a spent refresh token must be told from an unknown one), expired replay
// records, setup tokens and pairing codes, addresses not seen for a month, ended rate-limit windows,
// invitations that ended a month ago, nodes that are gone, deliveries of webhooks, and
// records older than keep says. Of each day that is over, it keeps the counts of
// requests of those who made most. It does so in small transactions with pauses between
// them, and returns early if ctx ends.
func (s *Store) Purge(ctx context.Context, keep Retention) error {
	due := []expiry{
		windowsOver,
		{"sessions", "id", "ends_at", func(now time.Time) any { return now }},
		{"replays", "id", "expires_at", func(now time.Time) any { return now }},
		{"setup_tokens", "node", "expires_at", func(now time.Time) any { return now }},
		{"developer_addresses", "developer_id, address", "seen_at", func(now time.Time) any { return now.Add(-seenFor) }},
		{"invitations", "id", "expires_at", func(now time.Time) any { return now.Add(-auth.InvitationsKeptFor) }},
		{"pairing_codes", "user_id", "expires_at", func(now time.Time) any { return now }},
		{"nodes", "id", "seen_at", func(now time.Time) any { return now.Add(-nodesKept) }},
	}
	if keep.Audit > 0 {
		due = append(due, expiry{"audit_events", "id", "at", func(now time.Time) any { return now.Add(-keep.Audit) }})
	}
	for _, e := range slices.Concat(due, usageExpiries(keep), alertExpiries(keep)) {
		if err := s.purge(ctx, e); err != nil {
			return err
		}
	}
	if keep.Ledger > 0 {
		if err := s.purgeLedger(ctx, keep.Ledger, keep.Signer); err != nil {
			return err
		}
	}
	s.unemptied.Store(true)
	return errors.Join(s.purgeWebhooks(ctx), s.trimUsage(ctx), s.emptyLog(ctx))
}

func (s *Store) purge(ctx context.Context, e expiry) error {
	query := fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s <= ? LIMIT ?%[4]s)",
		e.table, e.key, e.column, s.engine.skip)
	return s.inBatches(ctx, func(ctx context.Context, t *tx) (bool, error) {
		n, err := t.exec(ctx, t.db.NewRaw(query, e.before(t.now), purgeBatch).Conn(t.conn))
		return n == purgeBatch, err
	})
}

// inBatches runs f in one transaction after the other for as long as it reports
// that there is more to do, with pauses between them.
func (s *Store) inBatches(ctx context.Context, f func(context.Context, *tx) (more bool, err error)) error {
	for more := true; more; {
		begun := time.Now()
		err := s.do(ctx, func(ctx context.Context, t *tx) (err error) {
			more, err = f(ctx, t)
			return err
		})
		if err != nil || !more {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(max(pauseShare*time.Since(begun), pauseLeast), pauseMost)):
		}
	}
	return nil
}
