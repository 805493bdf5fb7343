package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

type pairingRow struct {
	bun.BaseModel `bun:"table:pairing_codes,alias:p"`
	auth.StoredPairingCode
}

var (
	pairingByHash = selecting[pairingRow]("hash = ?")
	pairingByUser = selecting[pairingRow]("user_id = ?")
)

// PairingCode implements auth.Reader.
func (r *reader) PairingCode(ctx context.Context, h credential.Hash) (auth.StoredPairingCode, error) {
	row, err := find(ctx, r, pairingByHash, h[:])
	return row.StoredPairingCode, err
}

// PairingCodeOf implements auth.Reader.
func (r *reader) PairingCodeOf(ctx context.Context, userID string) (auth.StoredPairingCode, error) {
	row, err := find(ctx, r, pairingByUser, userID)
	return row.StoredPairingCode, err
}

// CountPairingCodes implements auth.Tx.
func (t *tx) CountPairingCodes(ctx context.Context, appID string, at time.Time, limit int) (n int, err error) {
	err = t.db.NewRaw("SELECT count(*) FROM (SELECT 1 FROM pairing_codes WHERE app_id = ? AND expires_at > ? LIMIT ?) AS held", appID, at, limit).
		Conn(t.conn).Scan(ctx, &n)
	return n, t.fail(ctx, err)
}

// PutPairingCode implements auth.Tx.
func (t *tx) PutPairingCode(ctx context.Context, c auth.StoredPairingCode) error {
	_, err := t.exec(ctx, t.insert(&pairingRow{StoredPairingCode: c}).On("CONFLICT (user_id) DO UPDATE").
		Set("id = EXCLUDED.id, hash = EXCLUDED.hash, app_id = EXCLUDED.app_id, created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at"))
	return err
}

// SpendPairingCode implements auth.Tx.
func (t *tx) SpendPairingCode(ctx context.Context, h credential.Hash, at time.Time) error {
	return t.execOne(ctx, t.db.NewDelete().Conn(t.conn).Model((*pairingRow)(nil)).Where("hash = ? AND expires_at > ?", h[:], at))
}

// DeletePairingCodes implements auth.Tx.
func (t *tx) DeletePairingCodes(ctx context.Context, appID string) error {
	return t.deletePairings(ctx, "app_id", appID)
}

// DeletePairingCodeOf implements auth.Tx.
func (t *tx) DeletePairingCodeOf(ctx context.Context, userID string) error {
	return t.deletePairings(ctx, "user_id", userID)
}

func (t *tx) deletePairings(ctx context.Context, column, id string) error {
	_, err := t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*pairingRow)(nil)).Where("? = ?", bun.Ident(column), id))
	return err
}
