package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// searched are the characters of texts and searches: those that some syntax
// takes for its own, and some of two, three and four bytes.
var searched = []rune(`aab "'%_!\*&|:.@-é日👟` + unit)

func searchedText(most int) string {
	chars := make([]rune, 1+rand.IntN(most))
	for i := range chars {
		chars[i] = searched[rand.IntN(len(searched))]
	}
	return string(chars)
}

func searchedUser() auth.User {
	u := newUser()
	u.CreatedAt = epoch.Add(time.Duration(rand.IntN(50)) * time.Second)
	u.FirstName, u.LastName = ptr(searchedText(8)), ptr(searchedText(8))
	if rand.IntN(2) == 0 {
		u.ExternalUserID = ptr(searchedText(3) + u.ID[:8])
	}
	return u
}

// naively returns the ids of the users that a search finds, newest first,
// without any index.
func naively(users map[string]auth.User, text string) []string {
	var found []auth.User
	for _, u := range users {
		if strings.Contains(newUserRow(u).Search, text) {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, compareUsers("created_at"))
	slices.Reverse(found)
	ids := make([]string, len(found))
	for i, u := range found {
		ids[i] = u.ID
	}
	return ids
}

// searchAll returns the ids that a search finds, page by page.
func searchAll(t *testing.T, s *Store, q auth.UserQuery) (ids []string) {
	t.Helper()
	for q.SortBy, q.Descending = "created_at", true; ; {
		page, total, err := s.Users(t.Context(), q)
		if err != nil {
			t.Fatalf("%q: %v", q.Search, err)
		}
		for _, u := range page {
			ids = append(ids, u.ID)
		}
		if len(page) < q.Limit {
			if total != len(ids) && q.Total == nil {
				t.Fatalf("%q: %d in all, %d found", q.Search, total, len(ids))
			}
			return ids
		}
		last := page[len(page)-1]
		value, _ := sortKey(&last, q.SortBy)
		q.After = &auth.UserPosition{Value: value, ID: last.ID}
	}
}

func wantFound(t *testing.T, s *Store, users map[string]auth.User, search string) {
	t.Helper()
	want := naively(users, search)
	if got := searchAll(t, s, auth.UserQuery{Search: search, Limit: 1000}); !slices.Equal(got, want) {
		t.Fatalf("%q finds %d, want %d:\n%q\n%q", search, len(got), len(want), got, want)
	}
	some := 1 + len(want)/3
	if got := searchAll(t, s, auth.UserQuery{Search: search, Limit: some, Total: ptr(len(want))}); !slices.Equal(got, want) {
		t.Fatalf("%q by pages of %d: %q, want %q", search, some, got, want)
	}
	// As many as are not looked up in the index.
	if got := searchAll(t, s, auth.UserQuery{Search: search, Limit: some, Total: ptr(auth.MaxFound)}); !slices.Equal(got, want) {
		t.Fatalf("%q from the list: %q, want %q", search, got, want)
	}
}

// A search finds what a look at every text finds, while users come, change and
// go.
func TestSearchFindsWhatTheTextsHold(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		users := map[string]auth.User{}
		for range 4 {
			s.write(t, func(ctx context.Context, tx auth.Tx) (err error) {
				for id, u := range users {
					switch rand.IntN(4) {
					case 0:
						err = errors.Join(err, tx.DeleteUser(ctx, id))
						delete(users, id)
					case 1:
						u.FirstName = ptr(searchedText(8))
						err = errors.Join(err, tx.UpdateUser(ctx, u))
						users[id] = u
					}
				}
				for range 60 {
					u := searchedUser()
					err = errors.Join(err, tx.InsertUser(ctx, u))
					users[u.ID] = u
				}
				return err
			})
			for range 60 {
				wantFound(t, s, users, auth.Fold(searchedText(1+rand.IntN(6))))
			}
			for _, u := range users { // parts of what is there
				text := []rune(newUserRow(u).Search)
				from := rand.IntN(len(text))
				wantFound(t, s, users, string(text[from:from+1+rand.IntN(len(text)-from)]))
			}
		}
		wantFound(t, s, users, strings.Repeat("l", 255))
		checkSearchIndex(t, s, len(users))
	})
}

// checkSearchIndex asks the database whether the index and its table agree.
func checkSearchIndex(t *testing.T, s *Store, users int) {
	t.Helper()
	wantEqual(t, count(t, s, "user_texts"), users)
	wantEqual(t, count(t, s, "user_texts JOIN users ON user_id = id WHERE user_texts.search = users.search"), users)
	if s.engine.name == "sqlite" {
		err := s.do(t.Context(), func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, t.db.NewRaw("INSERT INTO user_search (user_search) VALUES ('integrity-check')").Conn(t.conn))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What a deleted user was called is not left in the index.
func TestDeletedUserLeavesNoTrigram(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		kept, gone := newUser(), newUser()
		kept.FirstName, gone.FirstName = ptr("kept"), ptr("quixotic")
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertUser(ctx, kept), tx.InsertUser(ctx, gone))
		})
		left := []string{"user_grams WHERE term = 'xot'", "user_search_data WHERE instr(block, CAST('xot' AS BLOB)) > 0"}
		for _, rows := range left {
			wantEqual(t, count(t, s, rows), 1)
		}
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, gone.ID) })
		for _, rows := range left {
			wantEqual(t, count(t, s, rows), 0)
		}
	})
}

// Users that were there before the index are found, and so are the writes of
// the release before, which knows nothing of it.
func TestSearchFindsUsersFromBeforeTheIndex(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			e, rest, err := engineOf(at)
			if err != nil {
				t.Fatal(err)
			}
			before := slices.IndexFunc(migrations, func(m migration) bool { return strings.HasSuffix(m.name, "_user_search") })
			p := must(e.open(t.Context(), rest))(t)
			must(e.migrateAll(t.Context(), p.writer, migrations[:before], time.Now))(t)
			exec := func(query string, args ...any) {
				t.Helper()
				if _, err := p.writer.ExecContext(t.Context(), e.arguments(query), args...); err != nil {
					t.Fatal(err)
				}
			}
			users := map[string]auth.User{}
			insert := func() {
				for i := range 20 {
					u := searchedUser()
					u.ID = fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", len(users), i)
					u.ExternalUserID = nil
					users[u.ID] = u
					exec("INSERT INTO users (id, created_at, has_active_connection, search) VALUES (?, ?, FALSE, ?)",
						u.ID, micros(u.CreatedAt), newUserRow(u).Search)
				}
			}
			insert()
			must(e.migrateAll(t.Context(), p.writer, migrations[:before+1], time.Now))(t)
			insert()
			for id, u := range users {
				if u.FirstName = ptr("new name"); strings.HasSuffix(id, "1") {
					users[id] = u
					exec("UPDATE users SET search = ? WHERE id = ?", newUserRow(u).Search, id)
				} else if strings.HasSuffix(id, "2") {
					delete(users, id)
					exec("DELETE FROM users WHERE id = ?", id)
				}
			}
			if err := p.close(); err != nil {
				t.Fatal(err)
			}
			s := openStore(t, at, Options{}).unhurried()
			for _, u := range users {
				wantFound(t, s, users, newUserRow(u).Search)
			}
			wantFound(t, s, users, "new name")
			checkSearchIndex(t, s, len(users))
		})
	}
}

// A search that finds more than it counts is read to its end, and what an
// earlier page counted is not counted anew.
func TestSearchThatFindsManyIsCountedUpToABound(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		users := map[string]auth.User{}
		rows := make([]*userRow, auth.MaxFound+50)
		for i := range rows {
			u := newUser()
			u.FirstName = ptr("Common")
			users[u.ID], rows[i] = u, newUserRow(u)
		}
		err := s.doLong(t.Context(), func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, t.insert(&rows))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, search := range []string{"common", "c", "mm"} {
			q := auth.UserQuery{Search: search, SortBy: "created_at", Descending: true, Limit: 3}
			for _, known := range []*int{nil, ptr(auth.MaxFound), ptr(7)} {
				q.Total = known
				page, total, err := s.Users(t.Context(), q)
				want := auth.MaxFound
				if known != nil {
					want = *known
				}
				if err != nil || len(page) != q.Limit || total != want {
					t.Errorf("%q finds %d of %d, want %d, %v", search, len(page), total, want, err)
				}
			}
			q.Limit, q.Total = 400, ptr(auth.MaxFound)
			if got := searchAll(t, s, q); !slices.Equal(got, naively(users, search)) {
				t.Errorf("%q finds %d", search, len(got))
			}
		}
	})
}
