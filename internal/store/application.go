package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/usage"
)

type applicationRow struct {
	bun.BaseModel `bun:"table:applications,alias:a"`
	auth.StoredApplication
}

var (
	applicationByAppID = selecting[applicationRow]("app_id = ?").sharing("app_id")
	applicationByHash  = selecting[applicationRow]("hash = ? OR previous_hash = ?")
	insertApplication  = inserting[applicationRow]()
	updateApplication  = updating[applicationRow]("app_id")
)

func (r *reader) Application(ctx context.Context, appID string) (auth.StoredApplication, error) {
	row, err := find(ctx, r, applicationByAppID, appID)
	return row.StoredApplication, err
}

// ClaimApplication implements auth.Tx.
func (t *tx) ClaimApplication(ctx context.Context, appID string) (auth.StoredApplication, error) {
	row, err := findLocked(ctx, &t.reader, applicationByAppID, lockToClaim, appID)
	return row.StoredApplication, err
}

// KeepApplication implements auth.Tx.
func (t *tx) KeepApplication(ctx context.Context, appID string) (auth.StoredApplication, error) {
	row, err := findLocked(ctx, &t.reader, applicationByAppID, lockToKeep, appID)
	return row.StoredApplication, err
}

// ApplicationByHash implements auth.Reader.
func (r *reader) ApplicationByHash(ctx context.Context, h credential.Hash) (auth.StoredApplication, error) {
	row, err := find(ctx, r, applicationByHash, h[:], h[:])
	return row.StoredApplication, err
}

func (r *reader) Applications(ctx context.Context, after *auth.Place, limit int) ([]auth.Application, error) {
	rows, err := few[applicationRow](ctx, r, "created_at DESC, app_id DESC", beyond("app_id", after, limit))
	return each(rows, err, func(row *applicationRow) auth.Application { return row.Application })
}

// CountApplications implements auth.Tx.
func (t *tx) CountApplications(ctx context.Context) (int, error) {
	return countAll[applicationRow](ctx, t, "applications")
}

func (t *tx) InsertApplication(ctx context.Context, a auth.StoredApplication) error {
	return write(ctx, t, insertApplication, &applicationRow{StoredApplication: a})
}

func (t *tx) UpdateApplication(ctx context.Context, a auth.StoredApplication) error {
	return write(ctx, t, updateApplication, &applicationRow{StoredApplication: a}, a.AppID)
}

func (t *tx) DeleteApplication(ctx context.Context, appID string) error {
	if err := remove[applicationRow](ctx, t, "app_id", appID); err != nil {
		return err
	}
	return t.endAlertsOf(ctx, usage.Subject(auth.AppSecret, appID))
}
