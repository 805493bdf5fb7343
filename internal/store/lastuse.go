package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

var _ auth.LastUses = (*Store)(nil)

// TouchKeys sets the last use of keys, unless a later one is stored. Unknown
// ids are ignored.
func (s *Store) TouchKeys(ctx context.Context, at map[string]time.Time) error {
	return s.touch(ctx, "api_keys", at)
}

// TouchSessions sets the last use of sessions, unless a later one is stored.
// Unknown ids are ignored.
func (s *Store) TouchSessions(ctx context.Context, at map[string]time.Time) error {
	return s.touch(ctx, "sessions", at)
}

func (s *Store) touch(ctx context.Context, table string, at map[string]time.Time) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(at)), 500) {
		uses := make([]bun.TupleValues, len(ids))
		for i, id := range ids {
			uses[i] = bun.Tuple([]any{id, at[id]})
		}
		err := s.do(ctx, func(ctx context.Context, t *tx) error {
			due := t.locked(t.db.NewSelect().TableExpr("?", bun.Ident(table)).Column("id").OrderExpr(newestFirst)).
				Where("id IN (?)", bun.List(ids))
			_, err := t.exec(ctx, t.db.NewRaw(
				"WITH used (id, at) AS (VALUES ?), due AS (?) UPDATE ? AS t SET last_used_at = used.at FROM used, due"+
					" WHERE t.id = used.id AND t.id = due.id AND (t.last_used_at IS NULL OR t.last_used_at < used.at)",
				bun.List(uses), due, bun.Ident(table)).Conn(t.conn))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
