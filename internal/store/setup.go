package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

type setupTokenRow struct {
	bun.BaseModel `bun:"table:setup_tokens,alias:t"`
	auth.StoredSetupToken
}

var setupTokenByHash = selecting[setupTokenRow]("hash = ?")

func (r *reader) SetupToken(ctx context.Context, h credential.Hash) (auth.StoredSetupToken, error) {
	row, err := find(ctx, r, setupTokenByHash, h[:])
	return row.StoredSetupToken, err
}

// PutSetupToken implements auth.Tx.
func (t *tx) PutSetupToken(ctx context.Context, token auth.StoredSetupToken, keep int) error {
	_, err := t.exec(ctx, t.insert(&setupTokenRow{StoredSetupToken: token}).
		On("CONFLICT (node) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at"))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, t.db.NewRaw("DELETE FROM setup_tokens WHERE node NOT IN "+
		"(SELECT node FROM setup_tokens ORDER BY created_at DESC, node LIMIT ?)", keep).Conn(t.conn))
	return err
}

// DeleteSetupTokens implements auth.Tx.
func (t *tx) DeleteSetupTokens(ctx context.Context) error {
	_, err := t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*setupTokenRow)(nil)).Where("TRUE"))
	return err
}
