package auth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

// User is one of the account's own users: whose data it is.
type User struct {
	ID                  string // UUID
	CreatedAt           time.Time
	FirstName           *string
	LastName            *string
	Email               *string // unique without regard to case
	ExternalUserID      *string // unique
	LastSyncedAt        *time.Time
	LastSyncedProvider  *string
	HasActiveConnection bool
}

// UserPatch changes a user. Nil leaves a member as it is; a nil inside clears
// it.
type UserPatch struct {
	FirstName, LastName, Email, ExternalUserID **string
}

// Users manages the account's users.
type Users struct{ *core }

// Create adds a user.
func (s *Users) Create(ctx context.Context, in UserPatch) (User, error) {
	if _, err := RequireAccount(ctx, UsersWrite); err != nil {
		return User{}, err
	}
	u := User{ID: newID()}
	if err := in.apply(&u); err != nil {
		return User{}, err
	}
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		u.CreatedAt = tx.Now()
		if err := tx.InsertUser(ctx, u); err != nil {
			return userError(err)
		}
		return tx.Record(ctx, CallerFrom(ctx).event(audit.UserCreate, "user:"+u.ID, tx.Now()))
	})
	return u, err
}

// apply checks the patch and carries it out on u.
func (in UserPatch) apply(u *User) error {
	var v problem.Check
	set := func(field string, from **string, to **string, most int) {
		if from != nil {
			v.Optional(field, *from, most)
			*to = *from
		}
	}
	set("first_name", in.FirstName, &u.FirstName, problem.MaxText)
	set("last_name", in.LastName, &u.LastName, problem.MaxText)
	set("external_user_id", in.ExternalUserID, &u.ExternalUserID, problem.MaxText)
	if in.ExternalUserID != nil && *in.ExternalUserID != nil && **in.ExternalUserID == "" {
		v.Fail("external_user_id", "must not be empty; send null for none")
	}
	if in.Email != nil {
		if u.Email = *in.Email; u.Email != nil {
			v.Email("email", *u.Email)
		}
	}
	return v.Err()
}

// Get returns a user, to the account or to the user itself.
func (s *Users) Get(ctx context.Context, userID string) (User, error) {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return User{}, err
	}
	if _, err := RequireOwner(ctx, UsersRead, id); err != nil {
		return User{}, err
	}
	u, err := s.store.User(ctx, id)
	return u, userError(err)
}

// Update changes a user.
func (s *Users) Update(ctx context.Context, userID string, in UserPatch) (User, error) {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return User{}, err
	}
	if _, err := RequireAccount(ctx, UsersWrite); err != nil {
		return User{}, err
	}
	if err := in.apply(new(User)); err != nil {
		return User{}, err
	}
	var u User
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if u, err = tx.User(ctx, id); err != nil {
			return userError(err)
		}
		if err := in.apply(&u); err != nil {
			return err
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return userError(err)
		}
		return tx.Record(ctx, CallerFrom(ctx).event(audit.UserUpdate, "user:"+id, tx.Now()))
	})
	return u, err
}

// Delete removes a user with its data, sessions and tokens, and returns it as
// it was.
func (s *Users) Delete(ctx context.Context, userID string) (User, error) {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return User{}, err
	}
	if _, err := RequireAccount(ctx, UsersWrite); err != nil {
		return User{}, err
	}
	var u User
	var ended []string
	err = s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) (err error) {
		if u, err = tx.User(ctx, id); err != nil {
			return userError(err)
		}
		if ended, err = tx.EndSessions(ctx, SessionFilter{UserID: id}, tx.Now()); err != nil {
			return err
		}
		if err := tx.DeleteUser(ctx, id); err != nil {
			return err
		}
		return tx.Record(ctx, CallerFrom(ctx).event(audit.UserDelete, "user:"+id, tx.Now()))
	})
	if err != nil {
		return User{}, err
	}
	s.forgetSessions(ctx, ended)
	return u, nil
}

func userError(err error) error {
	if taken, ok := errors.AsType[*problem.TakenError](err); ok {
		e := &problem.Error{Kind: problem.Conflict, Reason: "email_taken", Detail: "Another user has this email"}
		if taken.Column == "external_user_id" {
			e.Reason, e.Detail = "external_user_id_taken", "Another user has this external_user_id"
		}
		return e
	}
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("User")
	}
	return err
}

// UserList is what ListUsers takes; nil is the default.
type UserList struct {
	Page, Limit       *int
	SortBy, SortOrder *string
	Search            *string // part of a name, email or external id, without regard to case
	Email             *string // exact, without regard to case
	ExternalUserID    *string // exact
	Cursor            *string // from an earlier page; wins over Page
}

// UserQuery is one page of users for the store.
type UserQuery struct {
	SortBy         string // a column
	Descending     bool
	Search         string  // folded
	Email          *string // folded
	ExternalUserID *string
	After          *UserPosition // nil: Offset counts
	Offset, Limit  int
}

// UserPosition is a user's place in an order: the value that is sorted by,
// and the id that breaks ties.
type UserPosition struct {
	Value *string `json:"v"` // text, or RFC 3339 with nanoseconds for a time
	ID    string  `json:"i"`
}

// UserPage is one page of users.
type UserPage struct {
	Items      []User
	Total      int
	Page       int
	Limit      int
	Pages      int
	HasNext    bool
	HasPrev    bool
	NextCursor *string
}

var userOrders = []string{"created_at", "email", "first_name", "last_name", "last_synced_at"}

// List returns one page of the account's users. Ties are broken by id; users
// without the value come last in descending order and first in ascending.
func (s *Users) List(ctx context.Context, in UserList) (UserPage, error) {
	if _, err := RequireAccount(ctx, UsersRead); err != nil {
		return UserPage{}, err
	}
	page, q, err := s.query(in)
	if err != nil {
		return UserPage{}, err
	}
	users, total, err := s.store.Users(ctx, q) // one more than the limit tells whether there is another page
	if err != nil {
		return UserPage{}, err
	}
	out := UserPage{
		Items: users, Total: total, Page: page, Limit: q.Limit - 1,
		Pages: (total + q.Limit - 2) / (q.Limit - 1), HasPrev: page > 1 || q.After != nil,
	}
	if out.HasNext = len(users) == q.Limit; out.HasNext {
		out.Items = users[:out.Limit]
		cursor, err := s.userCursor(q, page+1, &out.Items[out.Limit-1])
		if err != nil {
			return UserPage{}, err
		}
		out.NextCursor = &cursor
	}
	return out, nil
}

func (s *Users) query(in UserList) (page int, q UserQuery, err error) {
	var v problem.Check
	page, limit, order := 1, 20, "desc"
	q.SortBy = "created_at"
	for _, p := range []struct {
		from *int
		to   *int
	}{{in.Page, &page}, {in.Limit, &limit}} {
		if p.from != nil {
			*p.to = *p.from
		}
	}
	v.Between("page", page, 1, maxPage)
	v.Between("limit", limit, 1, 100)
	if in.SortBy != nil {
		q.SortBy = *in.SortBy
	}
	if in.SortOrder != nil {
		order = *in.SortOrder
	}
	v.OneOf("sort_by", q.SortBy, userOrders...)
	v.OneOf("sort_order", order, "asc", "desc")
	v.Optional("search", in.Search, problem.MaxText)
	v.Optional("email", in.Email, problem.MaxEmail)
	v.Optional("external_user_id", in.ExternalUserID, problem.MaxText)
	q.Descending, q.Limit, q.ExternalUserID = order == "desc", limit+1, in.ExternalUserID
	if in.Search != nil {
		q.Search = Fold(*in.Search)
	}
	if in.Email != nil {
		folded := Fold(*in.Email)
		q.Email = &folded
	}
	if in.Cursor != nil {
		page = s.readUserCursor(&v, &q, *in.Cursor)
	}
	q.Offset = (page - 1) * limit
	return page, q, v.Err()
}

type userCursor struct {
	Page int `json:"p"`
	UserPosition
}

// filters binds a cursor to what it pages over.
func (q *UserQuery) filters() []byte {
	b, _ := json.Marshal([]any{q.SortBy, q.Descending, q.Search, q.Email, q.ExternalUserID}) // plain values always marshal
	return append([]byte("users:"), b...)
}

func (s *Users) userCursor(q UserQuery, page int, last *User) (string, error) {
	return s.SealCursor(q.filters(), userCursor{page, UserPosition{last.sortValue(q.SortBy), last.ID}})
}

func (s *Users) readUserCursor(v *problem.Check, q *UserQuery, cursor string) int {
	var at userCursor
	if !s.OpenCursor(q.filters(), cursor, &at) {
		v.Fail("cursor", "must be a next_cursor of the same list with the same filters")
		return 1
	}
	q.After = &at.UserPosition
	return at.Page
}

func (u *User) sortValue(column string) *string {
	switch column {
	case "email":
		return u.Email
	case "first_name":
		return u.FirstName
	case "last_name":
		return u.LastName
	case "last_synced_at":
		if u.LastSyncedAt == nil {
			return nil
		}
		t := u.LastSyncedAt.Format(time.RFC3339Nano)
		return &t
	default:
		t := u.CreatedAt.Format(time.RFC3339Nano)
		return &t
	}
}

func listed(set []string) string { return strings.Join(slices.Clone(set), ", ") }
