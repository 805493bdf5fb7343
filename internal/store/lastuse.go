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

// TouchKeys moves the last use of keys forward.
func (s *Store) TouchKeys(ctx context.Context, at map[string]time.Time) error {
	return s.touch(ctx, "api_keys", at)
}

// TouchSessions moves the last use of sessions forward.
func (s *Store) TouchSessions(ctx context.Context, at map[string]time.Time) error {
	return s.touch(ctx, "sessions", at)
}

func (s *Store) touch(ctx context.Context, table string, at map[string]time.Time) error {
	uses := make([]bun.TupleValues, 0, len(at))
	for _, id := range slices.Sorted(maps.Keys(at)) {
		uses = append(uses, bun.Tuple([]any{id, at[id]}))
	}
	for chunk := range slices.Chunk(uses, 500) {
		err := s.group.do(ctx, func(ctx context.Context, t *tx) error {
			_, err := t.some(ctx, t.db.NewRaw(
				"WITH used (id, at) AS (VALUES ?) UPDATE ? AS t SET last_used_at = used.at FROM used"+
					" WHERE t.id = used.id AND (t.last_used_at IS NULL OR t.last_used_at < used.at)",
				bun.List(chunk), bun.Ident(table)).Conn(t.conn))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
