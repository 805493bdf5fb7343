package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/usage"
)

type keyRow struct {
	bun.BaseModel `bun:"table:api_keys,alias:k"`
	auth.StoredKey
}

var (
	keyByID   = selecting[keyRow]("id = ?")
	insertKey = inserting[keyRow]()
	updateKey = updating[keyRow]("id")
	keyByHash = selecting[keyRow]("hash = ? OR previous_hash = ?").sharing("hash", "previous_hash")
)

func (r *reader) Key(ctx context.Context, id string) (auth.StoredKey, error) {
	row, err := find(ctx, r, keyByID, id)
	return row.StoredKey, err
}

func (r *reader) KeyByHash(ctx context.Context, h credential.Hash) (auth.StoredKey, error) {
	row, err := find(ctx, r, keyByHash, h[:], h[:])
	return row.StoredKey, err
}

// keyStates are the conditions of the states of keys: on what is at Now, and by an
// earlier or later time.
var keyStates = map[string]func(q *bun.SelectQuery, of *auth.KeyQuery){
	auth.KeyRotating: func(q *bun.SelectQuery, of *auth.KeyQuery) { q.Where("previous_expires_at > ?", of.Now) },
	auth.KeyExpiring: func(q *bun.SelectQuery, of *auth.KeyQuery) { q.Where("expires_at <= ?", of.ExpireBy) },
	auth.KeyUnused: func(q *bun.SelectQuery, of *auth.KeyQuery) {
		q.Where("(last_used_at IS NULL OR last_used_at <= ?)", of.UnusedSince)
	},
}

// Keys implements auth.Reader. To find keys in a state, it may look at all.
func (r *reader) Keys(ctx context.Context, query auth.KeyQuery) ([]auth.Key, error) {
	narrow := beyond("id", query.After, query.Limit)
	read := few[keyRow]
	if query.State != "" {
		read = list[keyRow]
	}
	rows, err := read(ctx, r, newestFirst, func(q *bun.SelectQuery) {
		narrow(q)
		switch query.State {
		case "":
		case auth.KeyDisabled:
			q.Where("NOT enabled")
		case auth.KeyExpired:
			q.Where("enabled AND expires_at <= ?", query.Now)
		default:
			q.Where("enabled AND (expires_at IS NULL OR expires_at > ?)", query.Now)
			if only := keyStates[query.State]; only != nil {
				only(q, &query)
			}
		}
	})
	return each(rows, err, func(row *keyRow) auth.Key { return row.Key })
}

// CountKeys implements auth.Tx.
func (t *tx) CountKeys(ctx context.Context) (int, error) { return countAll[keyRow](ctx, t, "api_keys") }

func (t *tx) InsertKey(ctx context.Context, k auth.StoredKey) error {
	return write(ctx, t, insertKey, &keyRow{StoredKey: k})
}

func (t *tx) UpdateKey(ctx context.Context, k auth.StoredKey) error {
	return write(ctx, t, updateKey, &keyRow{StoredKey: k}, k.ID)
}

func (t *tx) DeleteKey(ctx context.Context, id string) error {
	if err := remove[keyRow](ctx, t, "id", id); err != nil {
		return err
	}
	return t.endAlertsOf(ctx, usage.Subject(auth.APIKey, id))
}
