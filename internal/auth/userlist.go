package auth

import (
	"encoding/json"
	"time"
)

// UserList is what ListUsers takes; nil is the default. An empty filter is none.
type UserList struct {
	Page, Limit       *int
	SortBy, SortOrder *string
	Search            *string // part of a name, email or external id, without regard to case
	Email             *string // exact, without regard to case
	ExternalUserID    *string // exact
	Cursor            *string // from an earlier page; wins over Page
}

// at returns the list with the page, the limit and the order that q has, and without a
// cursor.
func (in UserList) at(page int, q *UserQuery) UserList {
	limit, order := q.Limit-1, "asc"
	if q.Descending {
		order = "desc"
	}
	in.Page, in.Limit, in.SortBy, in.SortOrder, in.Cursor = &page, &limit, &q.SortBy, &order, nil
	return in
}

// MaxFound bounds how many users a search counts. Whoever finds more narrows the
// search down instead of paging through.
const MaxFound = 1000

// UserQuery asks the store for one page of users, and how many match in all. A
// search without another filter counts MaxFound at most.
type UserQuery struct {
	SortBy         string // a column
	Descending     bool
	Search         string   // folded
	Email          []string // the keys of one; nil: any
	ExternalUserID *string
	After          *UserPosition // nil: Offset counts
	Offset, Limit  int
	Total          *int // how many match, from an earlier page; nil: the store counts
}

// UserPosition is a user's place in an order: the value that is sorted by, and
// the id that breaks ties.
type UserPosition struct {
	Value *string `json:"v"` // text, or RFC 3339 with nanoseconds for a time
	ID    string  `json:"i"`
}

// UserPage is one page of users.
type UserPage struct {
	Items      []User
	Total      int // when the first page was read; MaxFound at most of a search
	Page       int
	Limit      int
	Pages      int
	HasNext    bool
	HasPrev    bool
	NextCursor *string
}

var userOrders = []string{"created_at", "email", "first_name", "last_name", "last_synced_at"}

type userCursor struct {
	Page  int  `json:"p"`
	Total *int `json:"t"`
	UserPosition
}

// filters returns what a cursor is bound to: the list that it pages over.
func (q *UserQuery) filters() []byte {
	var email *string
	if n := len(q.Email); n > 0 {
		email = &q.Email[n-1]
	}
	b, _ := json.Marshal([]any{q.SortBy, q.Descending, q.Search, email, q.ExternalUserID}) // plain values always marshal
	return append([]byte("users:"), b...)
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
