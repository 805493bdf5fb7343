package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`
	auth.User
	EmailFolded *string // one of its auth.EmailKeys
	Search      string  // folded; the text that a search looks through
}

var (
	userByID   = selecting[userRow]("id = ?").sharing("id")
	insertUser = inserting[userRow]()
	updateUser = updating[userRow]("id")
)

func (r *reader) User(ctx context.Context, id string) (auth.User, error) {
	row, err := find(ctx, r, userByID, id)
	return row.User, err
}

// ClaimUser implements auth.Tx.
func (t *tx) ClaimUser(ctx context.Context, id string) (auth.User, error) {
	row, err := findLocked(ctx, &t.reader, userByID, lockToClaim, id)
	return row.User, err
}

// UserExists returns nil, or problem.ErrNotFound if there is no such user.
func (r *reader) UserExists(ctx context.Context, id string) error {
	_, err := find(ctx, r, userByID, id)
	return err
}

func (t *tx) InsertUser(ctx context.Context, u auth.User) error {
	return write(ctx, t, insertUser, newUserRow(u))
}

func (t *tx) UpdateUser(ctx context.Context, u auth.User) error {
	row := newUserRow(u)
	if u.Email != nil && len(auth.EmailKeys(*u.Email)) > 1 {
		before, err := findLocked(ctx, &t.reader, userByID, lockToClaim, u.ID)
		if err != nil {
			return err
		}
		if exact := auth.ExactEmail(*u.Email); text(before.EmailFolded) == exact {
			row.EmailFolded = &exact
		}
	}
	return write(ctx, t, updateUser, row, u.ID)
}

// DeleteUser removes the user, its sessions, and some of its data. The rest can no
// longer be read; Remove removes it.
func (t *tx) DeleteUser(ctx context.Context, id string) error {
	if err := remove[userRow](ctx, t, "id", id); err != nil {
		return err
	}
	if err := t.endAlertsOf(ctx, usage.Subject(auth.UserToken, id)); err != nil {
		return err
	}
	if err := t.forgetImport(ctx, id); err != nil {
		return err
	}
	if err := t.deletePairings(ctx, "user_id", id); err != nil {
		return err
	}
	_, err := t.removeData(ctx, id)
	return err
}

// unit separates the texts in which a search looks, so that no match spans two.
const unit = "\x1f"

// newUserRow derives the folded columns. A search matches a part of the full
// name, of the email, or of the external id.
func newUserRow(u auth.User) *userRow {
	row := &userRow{User: u}
	if u.Email != nil {
		row.EmailFolded = new(auth.FoldEmail(*u.Email))
	}
	name := strings.TrimSpace(text(u.FirstName) + " " + text(u.LastName))
	row.Search = auth.Fold(strings.Join([]string{name, text(u.Email), text(u.ExternalUserID)}, unit))
	return row
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// userColumns are the columns by which users can be sorted.
var userColumns = map[string]struct{ isTime, required bool }{
	"created_at": {isTime: true, required: true}, "last_synced_at": {isTime: true}, "email": {}, "first_name": {}, "last_name": {},
}

// Users returns the page's users and the number of all that match, as
// auth.UserQuery promises. Texts are sorted by their bytes; ties are broken by
// id, in the same direction.
func (r *reader) Users(ctx context.Context, q auth.UserQuery) ([]auth.User, int, error) {
	column, ok := userColumns[q.SortBy]
	if !ok {
		return nil, 0, fmt.Errorf("store: users are not sorted by %q", q.SortBy)
	}
	place, err := userPlace(q.After, column.isTime)
	if err != nil {
		return nil, 0, err
	}
	matching, total, err := r.matching(ctx, q)
	if err != nil || total == 0 {
		return nil, 0, err
	}
	rows, err := list[userRow](ctx, r, userOrder(q, column.required), func(s *bun.SelectQuery) {
		s.Apply(matching).Limit(int64(q.Limit))
		if q.After == nil {
			s.Offset(int64(q.Offset))
		} else {
			after(s, q, column.required, place)
		}
	})
	users, err := each(rows, err, func(row *userRow) auth.User { return row.User })
	return users, total, err
}

// matching returns a condition that users match, and how many do. A search that
// finds few reads those alone. One that finds many reads the list in its order,
// where the next page of them is not far.
func (r *reader) matching(ctx context.Context, q auth.UserQuery) (match func(*bun.SelectQuery) *bun.SelectQuery, total int, err error) {
	match = func(s *bun.SelectQuery) *bun.SelectQuery { return matchingUsers(s, q) }
	switch known := q.Total != nil; {
	case known && (!isSearch(q) || *q.Total >= auth.MaxFound):
		return match, *q.Total, nil
	case isSearch(q):
		ids, err := r.found(ctx, q.Search)
		if total = len(ids); known {
			total = *q.Total
		}
		if len(ids) < auth.MaxFound {
			match = func(s *bun.SelectQuery) *bun.SelectQuery { return s.Where("id IN (?)", bun.List(ids)) }
		}
		return match, total, err
	default:
		err = r.scan(ctx, func(ctx context.Context, on executor) error {
			n, err := matchingUsers(r.db.NewSelect().Conn(on).Model((*userRow)(nil)), q).Count(ctx)
			total = int(n)
			return err
		})
		return match, total, r.fail(ctx, err)
	}
}

// userOrder names where absent values go only if there are some: an index does
// not help PostgreSQL with an order that names it.
func userOrder(q auth.UserQuery, required bool) string {
	direction, absent := "ASC", " NULLS FIRST"
	if q.Descending {
		direction, absent = "DESC", " NULLS LAST"
	}
	if required {
		absent = ""
	}
	return q.SortBy + " " + direction + absent + ", id " + direction
}

// userPlace returns the value of a position as the column has it; nil if it has
// none.
func userPlace(at *auth.UserPosition, isTime bool) (any, error) {
	if at == nil || at.Value == nil {
		return nil, nil
	}
	if !isTime {
		return *at.Value, nil
	}
	t, err := time.Parse(time.RFC3339Nano, *at.Value)
	if err != nil {
		return nil, fmt.Errorf("store: the place in a list of users: %w", err)
	}
	return t, nil
}

func matchingUsers(s *bun.SelectQuery, q auth.UserQuery) *bun.SelectQuery {
	if q.Search != "" {
		s.Where(isPart, part(q.Search))
	}
	if q.Email != nil {
		s.Where("email_folded IN (?)", bun.List(q.Email))
	}
	if q.ExternalUserID != nil {
		s.Where("external_user_id = ?", *q.ExternalUserID)
	}
	return s
}

// after selects the rows after a position in the order of q. A nil place is the
// position of a row without the value: such rows come last in descending order
// and first in ascending order.
func after(s *bun.SelectQuery, q auth.UserQuery, required bool, place any) {
	column, id := bun.Safe(q.SortBy), q.After.ID
	switch {
	case q.Descending && place == nil:
		s.Where("? IS NULL AND id < ?", column, id)
	case q.Descending && required:
		s.Where("(?, id) < (?, ?)", column, place, id)
	case q.Descending:
		s.Where("(?, id) < (?, ?) OR ? IS NULL", column, place, id, column)
	case place == nil:
		s.Where("? IS NOT NULL OR id > ?", column, id)
	default:
		s.Where("(?, id) > (?, ?)", column, place, id)
	}
}
