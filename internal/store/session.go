package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`
	auth.StoredSession
}

func (r *sessionRow) held() auth.StoredSession { return r.StoredSession }

var (
	sessionByID   = selecting[sessionRow]("id = ?").sharing("id")
	insertSession = inserting[sessionRow]()
	updateSession = updating[sessionRow]("id",
		"generation", "rotated_at", "rotated_by", "last_used_at", "expires_at", "revoked_at", "ip", "client")
)

func (r *reader) Session(ctx context.Context, id string) (auth.StoredSession, error) {
	row, err := find(ctx, r, sessionByID, id)
	return row.StoredSession, err
}

func (r *reader) DeveloperSessions(ctx context.Context, developerID string, at time.Time) ([]auth.StoredSession, error) {
	rows, err := list[sessionRow](ctx, r, newestFirst, func(q *bun.SelectQuery) {
		q.Where("developer_id = ? AND revoked_at IS NULL AND expires_at > ?", developerID, at)
	})
	return each(rows, err, (*sessionRow).held)
}

// UserSessions implements auth.Reader. A user has so few sessions that they are sorted
// each time.
func (r *reader) UserSessions(ctx context.Context, userID string, at time.Time, after *auth.Place, limit int) ([]auth.StoredSession, error) {
	narrow := beyond("id", after, limit)
	rows, err := list[sessionRow](ctx, r, newestFirst, func(q *bun.SelectQuery) {
		narrow(q.Where("user_id = ? AND revoked_at IS NULL AND expires_at > ?", userID, at))
	})
	return each(rows, err, (*sessionRow).held)
}

func (t *tx) InsertSession(ctx context.Context, s auth.StoredSession) error {
	return write(ctx, t, insertSession, &sessionRow{StoredSession: s})
}

// maxTrimmed limits the sessions that one transaction removes.
const maxTrimmed = 500

// TrimSessions implements auth.Tx. Of very many it removes some, and the others
// with the next sessions.
func (t *tx) TrimSessions(ctx context.Context, of auth.SessionFilter, keep int) (live []string, err error) {
	column, holder := "user_id", of.UserID
	if of.DeveloperID != "" {
		column, holder = "developer_id", of.DeveloperID
	}
	var rows []sessionRow
	err = t.db.NewSelect().Conn(t.conn).Model(&rows).Column("id", "revoked_at", "expires_at").Where("? = ?", bun.Ident(column), holder).
		OrderExpr("CASE WHEN revoked_at IS NULL AND expires_at > ? THEN 0 ELSE 1 END, last_used_at DESC, id DESC", t.now).
		Offset(int64(keep)).Limit(maxTrimmed).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return nil, t.fail(ctx, err)
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		if ids[i] = r.ID; r.RevokedAt == nil && r.ExpiresAt.After(t.now) {
			live = append(live, r.ID)
		}
	}
	_, err = t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*sessionRow)(nil)).Where("id IN (?)", bun.List(ids)))
	return live, err
}

// UpdateSession writes the members that change in a session's life. Its holder,
// the seed of its tokens, its beginning and its absolute end never do.
func (t *tx) UpdateSession(ctx context.Context, s auth.StoredSession) error {
	return write(ctx, t, updateSession, &sessionRow{StoredSession: s}, s.ID)
}

var errNoFilter = errors.New("store: a session filter that selects nothing in particular")

// EndSessions ends the sessions that match, as auth.Tx promises. Of what an
// application, a key, a developer or a session minted there may be any number: the
// transaction ends endingBatch of them, and Write the rest before it returns.
func (t *tx) EndSessions(ctx context.Context, which auth.SessionFilter, at time.Time) ([]string, error) {
	if which.ID+which.DeveloperID+which.UserID+which.AppID+which.MintedBy == "" {
		return nil, t.fail(ctx, errNoFilter)
	}
	ids, err := t.endSessions(ctx, which, at, nil)
	if err == nil && len(ids) >= endingBatch && minted(which) {
		err = t.leaveRest(ctx, which)
	}
	return ids, err
}

// minted reports whether the filter selects sessions by what minted them alone.
func minted(which auth.SessionFilter) bool { return which.ID+which.DeveloperID+which.UserID == "" }

// endSessions ends the sessions that match and were made by the instant, if it is
// not nil, but no more than endingBatch of minted ones. It returns their ids, newest
// first: a database returns the rows of an UPDATE in any order.
func (t *tx) endSessions(ctx context.Context, which auth.SessionFilter, at time.Time, madeBy *time.Time) ([]string, error) {
	q := t.locked(t.db.NewSelect().Model((*sessionRow)(nil)).Column("id").OrderExpr(newestFirst)).
		Where("revoked_at IS NULL AND expires_at > ?", at)
	for _, must := range []struct{ column, value string }{
		{"id", which.ID},
		{"developer_id", which.DeveloperID},
		{"user_id", which.UserID},
		{"app_id", which.AppID},
		{"minted_by", which.MintedBy},
	} {
		if must.value != "" {
			q = q.Where("? = ?", bun.Ident(must.column), must.value)
		}
	}
	if which.Except != "" {
		q = q.Where("id <> ? AND (minted_by IS NULL OR minted_by <> ?)", which.Except, which.Except)
	}
	if madeBy != nil {
		q = q.Where("created_at <= ?", *madeBy)
	}
	if minted(which) {
		q = q.Limit(endingBatch)
	}
	var ended []sessionRow
	err := t.db.NewUpdate().Conn(t.conn).Model((*sessionRow)(nil)).Set("revoked_at = ?", at).
		Where("revoked_at IS NULL AND id IN (?)", q).Returning("id, created_at").Scan(ctx, &ended)
	slices.SortFunc(ended, func(a, b sessionRow) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(b.ID, a.ID))
	})
	var ids []string
	for i := range ended {
		ids = append(ids, ended[i].ID)
	}
	return ids, t.fail(ctx, err)
}
