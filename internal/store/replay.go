package store

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

type replayRow struct {
	bun.BaseModel `bun:"table:replays,alias:r"`
	auth.ReplayRecord
}

var replayByID = selecting[replayRow]("id = ?")

// Replay returns the record. It waits for a concurrent transaction that may be
// writing it.
func (t *tx) Replay(ctx context.Context, id credential.Hash) (auth.ReplayRecord, error) {
	if err := t.lockName(ctx, "replay:"+string(hex.AppendEncode(nil, id[:]))); err != nil {
		return auth.ReplayRecord{}, err
	}
	row, err := find(ctx, &t.reader, replayByID, id[:])
	return row.ReplayRecord, err
}

// PutReplay writes the record, over an expired one of the same id. One that has
// not expired stays, and the transaction fails with problem.ErrTaken.
func (t *tx) PutReplay(ctx context.Context, r auth.ReplayRecord) error {
	err := t.execOne(ctx, t.insert(&replayRow{ReplayRecord: r}).
		On("CONFLICT (id) DO UPDATE").
		Set("request = EXCLUDED.request, sealed = EXCLUDED.sealed, expires_at = EXCLUDED.expires_at").
		Where("r.expires_at <= ?", t.now))
	if errors.Is(err, problem.ErrNotFound) {
		err = t.fail(ctx, &problem.TakenError{Column: "id"})
	}
	return err
}

type signingKeyRow struct {
	bun.BaseModel `bun:"table:signing_keys,alias:k"`
	auth.StoredSigningKey
}

func (r *signingKeyRow) held() auth.StoredSigningKey { return r.StoredSigningKey }

func (r *reader) SigningKeys(ctx context.Context) ([]auth.StoredSigningKey, error) {
	rows, err := few[signingKeyRow](ctx, r, "created_at, id", nil)
	return each(rows, err, (*signingKeyRow).held)
}

// SigningKeys returns every signing key, and excludes other transactions that
// may create the first one.
func (t *tx) SigningKeys(ctx context.Context) ([]auth.StoredSigningKey, error) {
	if err := t.lockName(ctx, "signing_keys"); err != nil {
		return nil, err
	}
	return t.reader.SigningKeys(ctx)
}

// PutSigningKey writes the key, or replaces the one of the same id.
func (t *tx) PutSigningKey(ctx context.Context, k auth.StoredSigningKey) error {
	_, err := t.exec(ctx, t.insert(&signingKeyRow{StoredSigningKey: k}).
		On("CONFLICT (id) DO UPDATE").
		Set("state = EXCLUDED.state, algorithm = EXCLUDED.algorithm, sealed = EXCLUDED.sealed").
		Set("created_at = EXCLUDED.created_at, retired_at = EXCLUDED.retired_at"))
	return err
}

func (t *tx) DeleteSigningKey(ctx context.Context, id string) error {
	return remove[signingKeyRow](ctx, t, "id", id)
}
