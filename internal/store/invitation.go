package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

type invitationRow struct {
	bun.BaseModel `bun:"table:invitations,alias:i"`
	auth.StoredInvitation
	EmailFolded string // auth.FoldEmail
}

func newInvitationRow(i auth.StoredInvitation) *invitationRow {
	return &invitationRow{StoredInvitation: i, EmailFolded: auth.FoldEmail(i.Email)}
}

var (
	invitationByID   = selecting[invitationRow]("id = ?")
	invitationByHash = selecting[invitationRow]("token_hash = ?")
	openInvitation   = selecting[invitationRow]("status = '" + auth.InvitationPending + "' AND email_folded = ?")
	insertInvitation = inserting[invitationRow]()
	updateInvitation = updating[invitationRow]("id")
)

// Invitation implements auth.Reader.
func (r *reader) Invitation(ctx context.Context, id string) (auth.StoredInvitation, error) {
	row, err := find(ctx, r, invitationByID, id)
	return row.StoredInvitation, err
}

// InvitationByHash implements auth.Reader.
func (r *reader) InvitationByHash(ctx context.Context, h credential.Hash) (auth.StoredInvitation, error) {
	row, err := find(ctx, r, invitationByHash, h[:])
	return row.StoredInvitation, err
}

// OpenInvitation implements auth.Reader.
func (r *reader) OpenInvitation(ctx context.Context, email string) (auth.StoredInvitation, error) {
	row, err := find(ctx, r, openInvitation, auth.FoldEmail(email))
	return row.StoredInvitation, err
}

// OpenInvitations implements auth.Reader.
func (r *reader) OpenInvitations(ctx context.Context, since time.Time, limit int) ([]auth.StoredInvitation, error) {
	rows, err := list[invitationRow](ctx, r, newestFirst, func(q *bun.SelectQuery) {
		q.Where("status = ? AND expires_at > ?", auth.InvitationPending, since).Limit(int64(limit))
	})
	return each(rows, err, func(row *invitationRow) auth.StoredInvitation { return row.StoredInvitation })
}

// LockInvitations implements auth.Tx.
func (t *tx) LockInvitations(ctx context.Context) error { return t.lockName(ctx, "invitations") }

// CountPendingInvitations implements auth.Tx.
func (t *tx) CountPendingInvitations(ctx context.Context, at time.Time) (int, error) {
	n, err := t.db.NewSelect().Conn(t.conn).Model((*invitationRow)(nil)).
		Where("status = ? AND expires_at > ?", auth.InvitationPending, at).Count(ctx)
	return int(n), t.fail(ctx, err)
}

// InsertInvitation implements auth.Tx.
func (t *tx) InsertInvitation(ctx context.Context, i auth.StoredInvitation) error {
	return write(ctx, t, insertInvitation, newInvitationRow(i))
}

// UpdateInvitation implements auth.Tx.
func (t *tx) UpdateInvitation(ctx context.Context, i auth.StoredInvitation) error {
	return write(ctx, t, updateInvitation, newInvitationRow(i), i.ID)
}

// TrimInvitations implements auth.Tx.
func (t *tx) TrimInvitations(ctx context.Context, keep int) error {
	_, err := t.exec(ctx, t.db.NewRaw("DELETE FROM invitations WHERE id IN (SELECT id FROM invitations WHERE status <> ?"+
		" ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?)", auth.InvitationPending, purgeBatch, keep).Conn(t.conn))
	return err
}

// deleteAccepted removes the invitation that made the developer.
func (t *tx) deleteAccepted(ctx context.Context, developerID string) error {
	_, err := t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*invitationRow)(nil)).Where("accepted_by_id = ?", developerID))
	return err
}
