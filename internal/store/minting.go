package store

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

// mintShared opens the sessions whose user and application there are, without a lock of
// another transaction, the application with the secrets that it had; and whose user has
// fewer than there is room for. It records the events of those. Whoever deletes the user
// or the application locks the row before, and ends sessions after: it sees these, or is
// seen.
var mintShared = strings.ReplaceAll(sharedNow+`,
m AS MATERIALIZED (SELECT w.*, n.c, n.t FROM n, unnest($3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::text[],
		$9::bytea[], $10::bytea[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
		$15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[])
	WITH ORDINALITY AS w(id, user_id, app_id, seed, ip, client, hash, previous_hash, until, room, idle, absolute, EVENTS, o)
	JOIN users k ON k.id = w.user_id
	JOIN applications a ON a.app_id = w.app_id
	WHERE n.t < w.until AND a.hash = w.hash AND a.previous_hash IS NOT DISTINCT FROM w.previous_hash
	AND (SELECT count(*) FROM (SELECT FROM sessions s WHERE s.user_id = w.user_id LIMIT $23::bigint) AS held) < w.room
	FOR NO KEY UPDATE OF k SKIP LOCKED FOR KEY SHARE OF a SKIP LOCKED),
u AS (INSERT INTO sessions (id, user_id, app_id, seed, ip, client, generation, created_at, rotated_at, last_used_at, expires_at, ends_at)
	SELECT id, user_id, app_id, seed, nullif(ip, ''), nullif(client, ''), 1, t, t, t, t + least(idle, absolute), t + absolute FROM m),
i AS (`+recordShared+`m)
SELECT c, t, o FROM m`, "EVENTS", sharedEvents)

// MintSession implements auth.Store. A user with many of the sessions that it may have
// gets another one by a transaction, which counts them exactly: those that others mint
// meanwhile are not seen here, one by each statement that runs at once.
func (s *Store) MintSession(ctx context.Context, m auth.Minting) (at time.Time, ok bool, err error) {
	l := s.reader.lanes
	if l == nil {
		return at, false, nil
	}
	if m.Event, err = completed(m.Event); err != nil {
		return at, false, err
	}
	row := &m.Session
	if !sharable(&m.Event, row.ID, row.UserID, row.AppID, row.IP, row.Client) {
		return at, false, nil
	}
	var minted *time.Time
	ok, err = l.done(l.trace(ctx, mintShared, "INSERT INTO sessions", func() (err error) {
		minted, err = l.mintings.do(ctx, m)
		return err
	}))
	if !ok || minted == nil {
		return at, false, err
	}
	return *minted, true, nil
}

// runMintings opens the sessions, of as many users, in one statement.
func (l *lanes) runMintings(jobs []auth.Minting) ([]result[*time.Time], error) {
	text := func(of func(*auth.Minting) string) any { return member(jobs, of) }
	number := func(of func(*auth.Minting) int64) any { return member(jobs, of) }
	binary := func(of func(*auth.Minting) []byte) any { return member(jobs, of) }
	most := int64(0)
	args := []any{
		text(func(m *auth.Minting) string { return m.Session.ID }),
		text(func(m *auth.Minting) string { return m.Session.UserID }),
		text(func(m *auth.Minting) string { return m.Session.AppID }),
		binary(func(m *auth.Minting) []byte { return m.Session.Seed }),
		text(func(m *auth.Minting) string { return m.Session.IP }),
		text(func(m *auth.Minting) string { return m.Session.Client }),
		binary(func(m *auth.Minting) []byte { return m.Application.Hash[:] }),
		binary(func(m *auth.Minting) []byte {
			if m.Application.PreviousHash == nil {
				return nil
			}
			return m.Application.PreviousHash[:]
		}),
		number(func(m *auth.Minting) int64 {
			if m.Until == nil {
				return math.MaxInt64
			}
			return micros(*m.Until)
		}),
		number(func(m *auth.Minting) int64 {
			room := int64(m.Most) / 4 * 3
			most = max(most, room)
			return room
		}),
		number(func(m *auth.Minting) int64 { return m.Idle.Microseconds() }),
		number(func(m *auth.Minting) int64 { return m.Absolute.Microseconds() }),
	}
	args = append(args, eventArrays(jobs, func(m *auth.Minting) *audit.Event { return &m.Event })...)
	results := make([]result[*time.Time], len(jobs))
	err := l.write(mintShared, append(args, most), func(rows pgx.Rows, c, t, o *int64) error {
		err := rows.Scan(c, t, o)
		if err == nil {
			results[*o-1].value = new(time.UnixMicro(*t).UTC())
		}
		return err
	})
	return results, err
}
