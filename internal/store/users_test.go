package store

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// sortKey returns the value that a user is sorted by, as a cursor holds it and
// as a text that sorts alike.
func sortKey(u *auth.User, column string) (value *string, order string) {
	instant := func(t *time.Time) (*string, string) {
		if t == nil {
			return nil, ""
		}
		return ptr(t.Format(time.RFC3339Nano)), t.Format("2006-01-02T15:04:05.000000")
	}
	plain := func(s *string) (*string, string) {
		if s == nil {
			return nil, ""
		}
		return s, *s
	}
	switch column {
	case "created_at":
		return instant(&u.CreatedAt)
	case "last_synced_at":
		return instant(u.LastSyncedAt)
	case "email":
		return plain(u.Email)
	case "first_name":
		return plain(u.FirstName)
	default:
		return plain(u.LastName)
	}
}

// compareUsers is the order that a list promises: absent before everything,
// then by bytes or by time, then by id.
func compareUsers(column string) func(a, b auth.User) int {
	return func(a, b auth.User) int {
		av, ao := sortKey(&a, column)
		bv, bo := sortKey(&b, column)
		switch {
		case av == nil && bv != nil:
			return -1
		case av != nil && bv == nil:
			return 1
		}
		return cmp.Or(cmp.Compare(ao, bo), cmp.Compare(a.ID, b.ID))
	}
}

var (
	someNames = []string{"", "a", "A", "Z", "z", "é", "Émile", "日本", "a b", "%", "_", "!", "O'Neil", "👟"}
	someTimes = []time.Duration{
		0, time.Microsecond, 100 * time.Millisecond, 120 * time.Millisecond, time.Second,
		time.Second + 100*time.Millisecond, 10 * time.Second, -time.Second, -time.Millisecond,
	}
)

func randomUser() auth.User {
	u := newUser()
	maybe := func(s string) *string {
		if rand.IntN(3) == 0 {
			return nil
		}
		return &s
	}
	pick := func() string { return someNames[rand.IntN(len(someNames))] }
	u.CreatedAt = epoch.Add(someTimes[rand.IntN(len(someTimes))])
	u.FirstName, u.LastName = maybe(pick()), maybe(pick())
	u.Email = maybe(pick() + u.ID + "@example.com")
	if rand.IntN(2) == 0 {
		u.LastSyncedAt = ptr(epoch.Add(someTimes[rand.IntN(len(someTimes))]))
	}
	return u
}

// Walking the pages of a list meets each user that was there all along exactly
// once and in order, however it is sorted, while others come and go between the
// pages.
func TestUserPagesAreStable(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		users := make([]auth.User, 120)
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			for i := range users {
				users[i] = randomUser()
				if err := tx.InsertUser(ctx, users[i]); err != nil {
					return err
				}
			}
			return nil
		})
		for column := range userColumns {
			for _, descending := range []bool{false, true} {
				got := walkUsers(t, s, auth.UserQuery{SortBy: column, Descending: descending, Limit: 1 + rand.IntN(13)}, users)
				want := slices.Clone(users)
				slices.SortFunc(want, compareUsers(column))
				if descending {
					slices.Reverse(want)
				}
				if !slices.EqualFunc(got, want, func(a, b auth.User) bool { return a.ID == b.ID }) {
					t.Fatalf("by %s, descending %t:\ngot  %+v\nwant %+v", column, descending, got, want)
				}
			}
		}
	})
}

// walkUsers returns those of known that the pages of q hold, in their order.
func walkUsers(t *testing.T, s *Store, q auth.UserQuery, known []auth.User) (got []auth.User) {
	for pages := 0; ; pages++ {
		page, total, err := s.Users(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if total < len(known) || len(page) > q.Limit {
			t.Fatalf("%d users in all, %d on the page", total, len(page))
		}
		for _, u := range page {
			if slices.ContainsFunc(known, func(k auth.User) bool { return k.ID == u.ID }) {
				got = append(got, u)
			}
		}
		if len(page) < q.Limit {
			return got
		}
		last := page[len(page)-1]
		value, _ := sortKey(&last, q.SortBy)
		q.After = &auth.UserPosition{Value: value, ID: last.ID}
		if pages > 20 {
			continue
		}
		come, gone := randomUser(), randomUser()
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertUser(ctx, come), tx.InsertUser(ctx, gone), tx.DeleteUser(ctx, gone.ID))
		})
	}
}

func TestUserPagesByOffset(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		var ids []string
		for i := range 7 {
			u := newUser()
			u.CreatedAt = epoch.Add(time.Duration(i) * time.Microsecond)
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, u) })
			ids = append(ids, u.ID)
		}
		page, total, err := s.Users(t.Context(), auth.UserQuery{SortBy: "created_at", Offset: 5, Limit: 10})
		if err != nil || total != 7 || len(page) != 2 || page[0].ID != ids[5] || page[1].ID != ids[6] {
			t.Fatalf("%+v, %d, %v", page, total, err)
		}
		page, total, err = s.Users(t.Context(), auth.UserQuery{SortBy: "created_at", Offset: 7, Limit: 10})
		if err != nil || total != 7 || len(page) != 0 {
			t.Fatalf("%+v, %d, %v", page, total, err)
		}
	})
}

func TestUsersAreFilteredAndSearched(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		users := map[string]auth.User{
			"jane":  {FirstName: ptr("Jane"), LastName: ptr("O'Neil"), Email: ptr("Jane@Example.com"), ExternalUserID: ptr("x_1")},
			"jorge": {FirstName: ptr("JÖRGE"), Email: ptr("straße@example.com"), ExternalUserID: ptr("xy1")},
			"odd":   {LastName: ptr(`100% "!" \ ?`), ExternalUserID: ptr("X_1")},
			"none":  {},
		}
		ids := map[string]string{}
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			for name, u := range users {
				u.ID, u.CreatedAt = newUser().ID, epoch
				ids[u.ID] = name
				if err := tx.InsertUser(ctx, u); err != nil {
					return err
				}
			}
			return nil
		})
		for _, c := range []struct {
			query auth.UserQuery
			want  []string
		}{
			{auth.UserQuery{}, []string{"jane", "jorge", "none", "odd"}},
			{auth.UserQuery{Search: "jane o'n"}, []string{"jane"}},
			{auth.UserQuery{Search: auth.Fold("jörge")}, []string{"jorge"}},
			{auth.UserQuery{Search: auth.Fold("STRASSE@")}, []string{"jorge"}},
			{auth.UserQuery{Search: "example"}, []string{"jane", "jorge"}},
			{auth.UserQuery{Search: "x_1"}, []string{"jane", "odd"}}, // a _ is itself
			{auth.UserQuery{Search: "%"}, []string{"odd"}},
			{auth.UserQuery{Search: `"!" \ ?`}, []string{"odd"}},
			{auth.UserQuery{Search: "neil jane"}, nil}, // not across members
			{auth.UserQuery{Email: auth.EmailKeys("jane@EXAMPLE.com")}, []string{"jane"}},
			{auth.UserQuery{Email: auth.EmailKeys("jane@example")}, nil},
			{auth.UserQuery{Email: auth.EmailKeys("STRAẞE@example.com")}, []string{"jorge"}},
			{auth.UserQuery{Email: auth.EmailKeys("strasse@example.com")}, nil},
			{auth.UserQuery{ExternalUserID: ptr("x_1")}, []string{"jane"}},
			{auth.UserQuery{ExternalUserID: ptr("x_1"), Search: "jorge"}, nil},
			{auth.UserQuery{Email: []string{""}}, nil},
		} {
			c.query.SortBy, c.query.Limit = "created_at", 10
			page, total, err := s.Users(t.Context(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range page {
				got = append(got, ids[u.ID])
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) || total != len(c.want) {
				t.Errorf("%+v: %v of %d, want %v", c.query, got, total, c.want)
			}
		}
		// A change of a member is found at once, by its new value alone.
		for id, name := range ids {
			if name == "none" {
				s.write(t, func(ctx context.Context, tx auth.Tx) error {
					return tx.UpdateUser(ctx, auth.User{ID: id, CreatedAt: epoch, FirstName: ptr("Zoë")})
				})
			}
		}
		_, total, err := s.Users(t.Context(), auth.UserQuery{SortBy: "email", Limit: 1, Search: auth.Fold("zoë")})
		if err != nil || total != 1 {
			t.Fatalf("%d, %v", total, err)
		}
	})
}

func TestUsersRefusesOddQueries(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		for _, q := range []auth.UserQuery{
			{SortBy: "search; DROP TABLE users", Limit: 1},
			{SortBy: "created_at", Limit: 1, After: &auth.UserPosition{Value: ptr("yesterday")}},
		} {
			if page, _, err := s.Users(t.Context(), q); err == nil {
				t.Errorf("%+v: %+v", q, page)
			}
		}
	})
}
