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
	keyByHash = selecting[keyRow]("hash = ? OR previous_hash = ?")
)

func (r *reader) Key(ctx context.Context, id string) (auth.StoredKey, error) {
	row, err := find(ctx, r, keyByID, id)
	return row.StoredKey, err
}

func (r *reader) KeyByHash(ctx context.Context, h credential.Hash) (auth.StoredKey, error) {
	row, err := find(ctx, r, keyByHash, h[:], h[:])
	return row.StoredKey, err
}

func (r *reader) Keys(ctx context.Context, after *auth.Place, limit int) ([]auth.Key, error) {
	rows, err := few[keyRow](ctx, r, newestFirst, beyond("id", after, limit))
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
