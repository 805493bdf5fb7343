package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

type importRow struct {
	bun.BaseModel `bun:"table:imports,alias:m"`
	auth.Imported
}

var (
	importByID       = selecting[importRow]("kind = ? AND id = ?")
	invitationImport = selecting[importRow]("kind = '" + auth.ImportedInvitation + "' AND secret = ?")
)

// Imported implements auth.Reader.
func (r *reader) Imported(ctx context.Context, kind, id string) (auth.Imported, error) {
	row, err := find(ctx, r, importByID, kind, id)
	return row.Imported, err
}

// ImportedInvitation implements auth.Reader.
func (r *reader) ImportedInvitation(ctx context.Context, secret string) (auth.StoredInvitation, error) {
	row, err := find(ctx, r, invitationImport, secret)
	if err != nil {
		return auth.StoredInvitation{}, err
	}
	return r.Invitation(ctx, row.ID)
}

// ImportedAfter implements auth.Reader.
func (r *reader) ImportedAfter(ctx context.Context, kind, after string, limit int) ([]auth.Imported, error) {
	rows, err := few[importRow](ctx, r, "id", func(q *bun.SelectQuery) {
		q.Where("kind = ? AND id > ?", kind, after).Limit(int64(limit))
	})
	return each(rows, err, func(row *importRow) auth.Imported { return row.Imported })
}

// ImportedOf implements auth.Reader.
func (r *reader) ImportedOf(ctx context.Context, kind string, ids []string) ([]auth.Imported, error) {
	rows, err := few[importRow](ctx, r, "id", func(q *bun.SelectQuery) {
		q.Where("kind = ? AND id IN (?)", kind, bun.List(ids))
	})
	return each(rows, err, func(row *importRow) auth.Imported { return row.Imported })
}

// UsersLike implements auth.Reader.
func (r *reader) UsersLike(ctx context.Context, ids, emails, externalIDs []string) ([]auth.User, error) {
	rows, err := few[userRow](ctx, r, newestFirst, func(q *bun.SelectQuery) {
		q.Where("id IN (?)", bun.List(ids))
		if len(emails) > 0 {
			q.WhereOr("email_folded IN (?)", bun.List(emails))
		}
		if len(externalIDs) > 0 {
			q.WhereOr("external_user_id IN (?)", bun.List(externalIDs))
		}
	})
	return each(rows, err, func(row *userRow) auth.User { return row.User })
}

// BcryptPassword implements auth.Reader. There are few developers.
func (r *reader) BcryptPassword(ctx context.Context) (string, error) {
	rows, err := few[developerRow](ctx, r, "id", func(q *bun.SelectQuery) { q.Where("password_hash LIKE '$2%' AND NOT disabled").Limit(1) })
	if err == nil && len(rows) == 0 {
		err = problem.ErrNotFound
	}
	if err != nil {
		return "", err
	}
	return rows[0].PasswordHash, nil
}

// PutImported implements auth.Tx.
func (t *tx) PutImported(ctx context.Context, of ...auth.Imported) error {
	if len(of) == 0 {
		return nil
	}
	rows := make([]importRow, len(of))
	for i := range of {
		rows[i].Imported = of[i]
	}
	_, err := t.exec(ctx, t.insert(&rows).On("CONFLICT (kind, id) DO UPDATE").
		Set("digest = EXCLUDED.digest, secret = EXCLUDED.secret"))
	return err
}

// InsertUsers implements auth.Tx.
func (t *tx) InsertUsers(ctx context.Context, users []auth.User) error {
	if len(users) == 0 {
		return nil
	}
	count, err := t.userCount(ctx)
	if err != nil {
		return err
	}
	rows := make([]userRow, len(users))
	for i := range users {
		rows[i] = *newUserRow(users[i])
	}
	if _, err := t.exec(ctx, t.insert(&rows)); err != nil {
		return err
	}
	count.Value += int64(len(users))
	return write(ctx, t, updateCounter, &count, userCounter)
}

// InsertSessions implements auth.Tx.
func (t *tx) InsertSessions(ctx context.Context, sessions []auth.StoredSession) error {
	if len(sessions) == 0 {
		return nil
	}
	rows := make([]sessionRow, len(sessions))
	for i := range sessions {
		rows[i].StoredSession = sessions[i]
	}
	_, err := t.exec(ctx, t.insert(&rows))
	return err
}

// forgetImport leaves of a deleted user only that it was imported.
func (t *tx) forgetImport(ctx context.Context, userID string) error {
	_, err := t.exec(ctx, t.db.NewUpdate().Conn(t.conn).Model((*importRow)(nil)).
		Set("digest = ?", make([]byte, 32)).Where("kind = ? AND id = ?", auth.ImportedUser, userID))
	return err
}
