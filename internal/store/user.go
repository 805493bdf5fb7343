package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

type userRow struct {
	bun.BaseModel `bun:"table:users,alias:u"`
	auth.User
	EmailFolded *string
	Search      string // folded; the text that a search looks through
}

var (
	userByID   = selecting[userRow]("id = ?")
	insertUser = inserting[userRow]()
	updateUser = updating[userRow]("id")
)

func (r *reader) User(ctx context.Context, id string) (auth.User, error) {
	row, err := find(ctx, r, userByID, id)
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
	return write(ctx, t, updateUser, newUserRow(u), u.ID)
}

func (t *tx) DeleteUser(ctx context.Context, id string) error {
	return remove[userRow](ctx, t, "id", id)
}

// unit separates the texts in which a search looks, so that no match spans two.
const unit = "\x1f"

// newUserRow derives the folded columns. A search matches a part of the full
// name, of the email, or of the external id.
func newUserRow(u auth.User) *userRow {
	row := &userRow{User: u}
	if u.Email != nil {
		folded := auth.Fold(*u.Email)
		row.EmailFolded = &folded
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
var userColumns = map[string]struct{ isTime bool }{
	"created_at": {true}, "last_synced_at": {true}, "email": {}, "first_name": {}, "last_name": {},
}

// Users returns the page's users and the number of all that match. Texts are
// sorted by their bytes; ties are broken by id, in the same direction.
func (r *reader) Users(ctx context.Context, q auth.UserQuery) ([]auth.User, int, error) {
	column, ok := userColumns[q.SortBy]
	if !ok {
		return nil, 0, fmt.Errorf("store: users are not sorted by %q", q.SortBy)
	}
	matching := func(s *bun.SelectQuery) *bun.SelectQuery { return matchingUsers(s, q) }
	var total int64
	err := r.use(ctx, func(ctx context.Context, on executor) (err error) {
		total, err = r.db.NewSelect().Conn(on).Model((*userRow)(nil)).Apply(matching).Count(ctx)
		return err
	})
	if err != nil {
		return nil, 0, r.fail(ctx, err)
	}
	key := q.SortBy
	order := fmt.Sprintf("%s ASC NULLS FIRST, id ASC", key)
	if q.Descending {
		order = fmt.Sprintf("%s DESC NULLS LAST, id DESC", key)
	}
	var place any
	if q.After != nil && q.After.Value != nil {
		if place, err = userPlace(*q.After.Value, column.isTime); err != nil {
			return nil, 0, err
		}
	}
	rows, err := list[userRow](ctx, r, order, func(s *bun.SelectQuery) {
		s.Apply(matching).Limit(int64(q.Limit))
		if q.After == nil {
			s.Offset(int64(q.Offset))
		} else {
			after(s, key, q.Descending, place, q.After.ID)
		}
	})
	users, err := each(rows, err, func(row *userRow) auth.User { return row.User })
	return users, int(total), err
}

func userPlace(value string, isTime bool) (any, error) {
	if !isTime {
		return value, nil
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		return nil, fmt.Errorf("store: the place in a list of users: %w", err)
	}
	return t, nil
}

func matchingUsers(s *bun.SelectQuery, q auth.UserQuery) *bun.SelectQuery {
	if q.Search != "" {
		s.Where("search LIKE ? ESCAPE '!'", "%"+likeEscaper.Replace(q.Search)+"%")
	}
	if q.Email != nil {
		s.Where("email_folded = ?", *q.Email)
	}
	if q.ExternalUserID != nil {
		s.Where("external_user_id = ?", *q.ExternalUserID)
	}
	return s
}

var likeEscaper = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// after selects the rows after a position in the order of key, then id. A nil
// place is the position of a row without the value: such rows come last in
// descending order and first in ascending order.
func after(s *bun.SelectQuery, key string, descending bool, place any, id string) {
	column := bun.Safe(key)
	switch {
	case descending && place == nil:
		s.Where("? IS NULL AND id < ?", column, id)
	case descending:
		s.Where("(?, id) < (?, ?) OR ? IS NULL", column, place, id, column)
	case place == nil:
		s.Where("? IS NOT NULL OR id > ?", column, id)
	default:
		s.Where("(?, id) > (?, ?)", column, place, id)
	}
}
