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
	sessionByID   = selecting[sessionRow]("id = ?").sharing("id").computing("revoked_at", whenEnded)
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
		q.Where("developer_id = ? AND revoked_at IS NULL AND expires_at > ?", developerID, at) // no ending is of these
	})
	return each(rows, err, (*sessionRow).held)
}

// UserSessions implements auth.Reader. A user has so few sessions that they are sorted
// each time.
func (r *reader) UserSessions(ctx context.Context, userID string, at time.Time, after *auth.Place, limit int) ([]auth.StoredSession, error) {
	narrow := beyond("id", after, limit)
	rows, err := list[sessionRow](ctx, r, newestFirst, func(q *bun.SelectQuery) {
		narrow(q.Where("user_id = ? AND "+notEnded+" AND expires_at > ?", userID, at))
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
	err = t.db.NewSelect().Conn(t.conn).Model(&rows).Column("id", "expires_at").ColumnExpr(whenEnded+" AS revoked_at").
		Where("? = ?", bun.Ident(column), holder).
		OrderExpr("CASE WHEN "+notEnded+" AND expires_at > ? THEN 0 ELSE 1 END, last_used_at DESC, id DESC", t.now).
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
// transaction revokes endingBatch of them, and ends the others by an ending.
func (t *tx) EndSessions(ctx context.Context, which auth.SessionFilter, at time.Time) ([]string, error) {
	if which.ID+which.DeveloperID+which.UserID+which.AppID+which.MintedBy == "" {
		return nil, t.fail(ctx, errNoFilter)
	}
	if !minted(which) {
		return t.revoke(ctx, at, matching(which, at))
	}
	ids, all, err := t.endMinted(ctx, which, at, nil)
	if err == nil && !all {
		err = t.leaveRest(ctx, which)
	}
	return ids, err
}

// minted reports whether the filter selects sessions by what minted them alone, by one
// column.
func minted(which auth.SessionFilter) bool {
	return which.ID+which.DeveloperID+which.UserID == "" && (which.AppID == "" || which.MintedBy == "")
}

// endMinted revokes sessions that match and were made by the instant, if it is not nil,
// but no more than endingBatch. It returns their ids, and whether these are all. They
// are found before they are locked, since no index has them in the order of that. To find
// them, PostgreSQL would begin with the oldest rows of the table where most match, all of
// which the batches before have revoked.
func (t *tx) endMinted(ctx context.Context, which auth.SessionFilter, at time.Time, madeBy *time.Time) (ids []string, all bool, err error) {
	if err := t.planByIndex(ctx); err != nil {
		return nil, false, err
	}
	var found []string
	q := t.db.NewSelect().Conn(t.conn).Model((*sessionRow)(nil)).Column("id").Limit(endingBatch)
	matching(which, at)(q)
	if madeBy != nil {
		q.Where("s.created_at <= ?", *madeBy)
	}
	if err := q.Scan(ctx, &found); err != nil || len(found) == 0 {
		return nil, true, t.fail(ctx, err)
	}
	ids, err = t.revoke(ctx, at, func(q *bun.SelectQuery) { q.Where("s.id IN (?)", bun.List(found)) })
	return ids, len(found) < endingBatch, err
}

// matching narrows a SELECT to the sessions that are live and match. Those of a filter
// that is minted count although an ending has ended them.
func matching(which auth.SessionFilter, at time.Time) func(*bun.SelectQuery) {
	return func(q *bun.SelectQuery) {
		live := notEnded
		if minted(which) {
			live = "s.revoked_at IS NULL"
		}
		q.Where(live+" AND s.expires_at > ?", at)
		for _, must := range []struct{ column, value string }{
			{"s.id", which.ID},
			{"s.developer_id", which.DeveloperID},
			{"s.user_id", which.UserID},
			{"s.app_id", which.AppID},
			{"s.minted_by", which.MintedBy},
		} {
			if must.value != "" {
				q.Where("? = ?", bun.Ident(must.column), must.value)
			}
		}
		if which.Except != "" {
			q.Where("s.id <> ? AND s.minted_by IS DISTINCT FROM ?", which.Except, which.Except)
		}
	}
}

// revoke revokes the sessions to which narrow leads that are not revoked. It returns
// their ids, newest first: a database returns the rows of an UPDATE in any order.
func (t *tx) revoke(ctx context.Context, at time.Time, narrow func(*bun.SelectQuery)) ([]string, error) {
	q := t.locked(t.db.NewSelect().Model((*sessionRow)(nil)).Column("id").OrderExpr(newestFirst))
	narrow(q)
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
