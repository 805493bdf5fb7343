package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

var _ auth.LastUses = (*Store)(nil)

// TouchKeys sets the last use of keys, unless a later one is stored. Unknown
// ids are ignored.
func (s *Store) TouchKeys(ctx context.Context, uses map[string]auth.KeyUse) error {
	text := func(v string) *string {
		if v == "" {
			return nil
		}
		v = storable(v)
		return &v
	}
	return s.touch(ctx, "api_keys", []string{"last_used_at", "last_used_ip", "last_used_client", "last_used_operation"},
		slices.Sorted(maps.Keys(uses)), func(id string) []any {
			u := uses[id]
			return []any{id, u.At, text(u.IP), text(u.Client), text(u.Operation)}
		})
}

// TouchSessions sets the last use of sessions, unless a later one is stored.
// Unknown ids are ignored.
func (s *Store) TouchSessions(ctx context.Context, at map[string]time.Time) error {
	return s.touch(ctx, "sessions", []string{"last_used_at"}, slices.Sorted(maps.Keys(at)), func(id string) []any { return []any{id, at[id]} })
}

// touch sets columns, of which the first is last_used_at, to what use returns after
// the id.
func (s *Store) touch(ctx context.Context, table string, columns, all []string, use func(id string) []any) error {
	set := make([]string, len(columns))
	for i, c := range columns {
		set[i] = c + " = used." + c
	}
	update := "WITH used (id, " + strings.Join(columns, ", ") + ") AS (VALUES ?), due AS (?) UPDATE ? AS t SET " + strings.Join(set, ", ") +
		" FROM used, due WHERE t.id = used.id AND t.id = due.id AND (t.last_used_at IS NULL OR t.last_used_at < used.last_used_at)"
	for ids := range slices.Chunk(all, 500) {
		uses := make([]bun.TupleValues, len(ids))
		for i, id := range ids {
			uses[i] = bun.Tuple(use(id))
		}
		err := s.do(ctx, func(ctx context.Context, t *tx) error {
			due := t.locked(t.db.NewSelect().TableExpr("?", bun.Ident(table)).Column("id").OrderExpr(newestFirst)).
				Where("id IN (?)", bun.List(ids))
			_, err := t.exec(ctx, t.db.NewRaw(update, bun.List(uses), due, bun.Ident(table)).Conn(t.conn))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// CountOlderSecrets implements auth.LastUses.
func (s *Store) CountOlderSecrets(ctx context.Context, uses map[auth.OlderSecret]auth.SecretUse) error {
	var keys, apps []string
	of := make(map[string][]auth.OlderSecret) // by id
	for secret := range uses {
		if of[secret.ID] = append(of[secret.ID], secret); secret.Kind == auth.APIKey {
			keys = append(keys, secret.ID)
		} else {
			apps = append(apps, secret.ID)
		}
	}
	return s.do(ctx, func(ctx context.Context, t *tx) error {
		return errors.Join(
			countOlder(ctx, t, keys, "id", newestFirst, func(row *keyRow) error {
				for _, secret := range of[row.ID] {
					if row.CountPrevious(secret, storedUse(uses[secret])) {
						return t.UpdateKey(ctx, row.StoredKey)
					}
				}
				return nil
			}),
			countOlder(ctx, t, apps, "app_id", "created_at DESC, app_id DESC", func(row *applicationRow) error {
				for _, secret := range of[row.AppID] {
					if row.CountPrevious(secret, storedUse(uses[secret])) {
						return t.UpdateApplication(ctx, row.StoredApplication)
					}
				}
				return nil
			}))
	})
}

// countOlder calls count with the locked rows that have one of the ids.
func countOlder[R any](ctx context.Context, t *tx, ids []string, column, order string, count func(*R) error) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := few[R](ctx, &t.reader, order, func(q *bun.SelectQuery) { q.Where("? IN (?)", bun.Ident(column), bun.List(ids)) })
	for i := range rows {
		err = errors.Join(err, count(&rows[i]))
	}
	return err
}

// storedUse returns uses with texts that can be stored.
func storedUse(u auth.SecretUse) auth.SecretUse {
	u.Client, u.Operation = storable(u.Client), storable(u.Operation)
	return u
}
