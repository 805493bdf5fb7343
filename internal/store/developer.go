package store

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/usage"
)

type developerRow struct {
	bun.BaseModel `bun:"table:developers,alias:d"`
	auth.StoredDeveloper
	EmailFolded string // one of its auth.EmailKeys
}

type addressRow struct {
	bun.BaseModel `bun:"table:developer_addresses,alias:a"`
	DeveloperID   string
	Address       string
	SeenAt        time.Time
}

var (
	developerByID    = selecting[developerRow]("id = ?")
	developerByEmail = selecting[developerRow]("email_folded = ?")
	insertDeveloper  = inserting[developerRow]()
	updateDeveloper  = updating[developerRow]("id")
	addressSeen      = selecting[addressRow]("developer_id = ? AND address = ? AND seen_at >= ?")
)

func (r *reader) Developer(ctx context.Context, id string) (auth.StoredDeveloper, error) {
	row, err := find(ctx, r, developerByID, id)
	return row.StoredDeveloper, err
}

func (r *reader) DeveloperByEmail(ctx context.Context, email string) (found auth.StoredDeveloper, err error) {
	for _, key := range auth.EmailKeys(email) {
		var row developerRow
		if row, err = find(ctx, r, developerByEmail, key); !errors.Is(err, problem.ErrNotFound) {
			return row.StoredDeveloper, err
		}
	}
	return found, err
}

func (r *reader) Developers(ctx context.Context) ([]auth.StoredDeveloper, error) {
	rows, err := list[developerRow](ctx, r, "created_at, id", nil)
	return each(rows, err, func(row *developerRow) auth.StoredDeveloper { return row.StoredDeveloper })
}

func (r *reader) SeenAddress(ctx context.Context, developerID, address string, since time.Time) (bool, error) {
	_, err := find(ctx, r, addressSeen, developerID, address, micros(since))
	if errors.Is(err, problem.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// CountDevelopers implements auth.Tx.
func (t *tx) CountDevelopers(ctx context.Context) (int, error) {
	return countAll[developerRow](ctx, t, "developers")
}

func (t *tx) InsertDeveloper(ctx context.Context, d auth.StoredDeveloper) error {
	return write(ctx, t, insertDeveloper, newDeveloperRow(d))
}

func (t *tx) UpdateDeveloper(ctx context.Context, d auth.StoredDeveloper) error {
	row := newDeveloperRow(d)
	if len(auth.EmailKeys(d.Email)) > 1 {
		before, err := find(ctx, &t.reader, developerByID, d.ID)
		if err != nil {
			return err
		}
		if exact := auth.ExactEmail(d.Email); before.EmailFolded == exact {
			row.EmailFolded = exact
		}
	}
	return write(ctx, t, updateDeveloper, row, d.ID)
}

func newDeveloperRow(d auth.StoredDeveloper) *developerRow {
	return &developerRow{StoredDeveloper: d, EmailFolded: auth.FoldEmail(d.Email)}
}

func (t *tx) DeleteDeveloper(ctx context.Context, id string) error {
	if err := remove[developerRow](ctx, t, "id", id); err != nil {
		return err
	}
	if err := t.deleteAccepted(ctx, id); err != nil {
		return err
	}
	return t.endAlertsOf(ctx, usage.Subject(auth.DeveloperToken, id))
}

// CountEnabledDevelopers implements auth.Tx.
func (t *tx) CountEnabledDevelopers(ctx context.Context) (int, error) {
	if err := t.lockName(ctx, "developers"); err != nil {
		return 0, err
	}
	n, err := t.db.NewSelect().Conn(t.conn).Model((*developerRow)(nil)).Where("NOT disabled").Count(ctx)
	return int(n), t.fail(ctx, err)
}

func (t *tx) SawAddress(ctx context.Context, developerID, address string, at time.Time) error {
	_, err := t.exec(ctx, t.insert(&addressRow{DeveloperID: developerID, Address: address, SeenAt: at}).
		On("CONFLICT (developer_id, address) DO UPDATE").Set("seen_at = EXCLUDED.seen_at").
		Where("a.seen_at < EXCLUDED.seen_at"))
	return err
}
