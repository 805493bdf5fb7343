package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

// rotateShared rotates the sessions that are live and of their generation, and records
// the events of those. It waits for no session that another transaction has locked, so
// that none holds up the others. Of two rotations of one generation, on whatever nodes,
// one finds its row: the other sees the row as the first has left it.
var rotateShared = strings.ReplaceAll(sharedNow+`,
l AS MATERIALIZED (SELECT w.* FROM unnest($3::text[], $4::bigint[], $5::bytea[], $6::text[], $7::text[], $8::bigint[],
		$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
	WITH ORDINALITY AS w(id, generation, by, ip, client, idle, EVENTS, o)
	JOIN sessions s ON s.id = w.id FOR NO KEY UPDATE OF s SKIP LOCKED),
u AS (UPDATE sessions s SET generation = s.generation + 1::bigint, rotated_at = n.t, rotated_by = l.by, last_used_at = n.t,
		expires_at = least(n.t + l.idle, s.ends_at), ip = nullif(l.ip, ''), client = nullif(l.client, '')
	FROM n, l WHERE s.id = l.id AND s.generation = l.generation AND s.expires_at > n.t AND `+notEnded+`
	RETURNING n.c, n.t, l.o, s.expires_at, EVENTS),
i AS (`+recordShared+`u)
SELECT c, t, o, expires_at FROM u`, "EVENTS", sharedEvents)

// RotateSession implements auth.Store.
func (s *Store) RotateSession(ctx context.Context, r auth.Rotation) (auth.Rotated, bool, error) {
	l := s.reader.lanes
	if l == nil {
		return auth.Rotated{}, false, nil
	}
	var err error
	if r.Event, err = completed(r.Event); err != nil {
		return auth.Rotated{}, false, err
	}
	if !sharable(&r.Event, r.SessionID, r.IP, r.Client) {
		return auth.Rotated{}, false, nil
	}
	var rotated *auth.Rotated
	ok, err := l.done(l.trace(ctx, rotateShared, "UPDATE sessions", func() (err error) {
		rotated, err = l.rotations.do(ctx, r)
		return err
	}))
	if !ok || rotated == nil {
		return auth.Rotated{}, false, err
	}
	return *rotated, true, nil
}

// runRotations makes the rotations in one statement.
func (l *lanes) runRotations(jobs []auth.Rotation) ([]result[*auth.Rotated], error) {
	args := []any{
		member(jobs, func(r *auth.Rotation) string { return r.SessionID }),
		member(jobs, func(r *auth.Rotation) int64 { return r.Generation }),
		member(jobs, func(r *auth.Rotation) []byte {
			if r.By == nil {
				return nil
			}
			return r.By[:]
		}),
		member(jobs, func(r *auth.Rotation) string { return r.IP }),
		member(jobs, func(r *auth.Rotation) string { return r.Client }),
		member(jobs, func(r *auth.Rotation) int64 { return r.Idle.Microseconds() }),
	}
	args = append(args, eventArrays(jobs, func(r *auth.Rotation) *audit.Event { return &r.Event })...)
	results := make([]result[*auth.Rotated], len(jobs))
	err := l.write(rotateShared, args, func(rows pgx.Rows, c, t, o *int64) error {
		var expires int64
		err := rows.Scan(c, t, o, &expires)
		if err == nil {
			results[*o-1].value = &auth.Rotated{At: time.UnixMicro(*t).UTC(), ExpiresAt: time.UnixMicro(expires).UTC()}
		}
		return err
	})
	return results, err
}
