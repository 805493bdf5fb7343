package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// manyUsers is a size at which a list that reads every user is slow.
const manyUsers = 200_000

// fillUsers stores users with names that repeat, and emails of one domain.
func fillUsers(b *testing.B, s *Store, n int) {
	b.Helper()
	names := strings.Fields("Anna Bob Carla Dmitri Émile Fatima George Hannah Ivan Julia Karl Lena Maria Nils Olga Paul Rosa Tina Yusuf Zoë")
	for from := 0; from < n; from += 1000 {
		rows := make([]*userRow, 1000)
		for i := range rows {
			u := newUser()
			u.CreatedAt = epoch.Add(time.Duration(from+i) * time.Second)
			u.FirstName, u.LastName = ptr(names[rand.IntN(len(names))]), ptr(names[rand.IntN(len(names))]+"son")
			u.Email, u.ExternalUserID = ptr(fmt.Sprintf("%s%d@example.com", *u.LastName, from+i)), ptr(fmt.Sprint("ext_", (from+i)*7919))
			rows[i] = newUserRow(u)
		}
		err := s.doLong(context.Background(), func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, t.insert(&rows))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUsers measures pages and searches of a long list.
func BenchmarkUsers(b *testing.B) {
	benchEach(b, func(b *testing.B, s *Store) {
		s.unhurried()
		fillUsers(b, s, manyUsers)
		at := func(nth int) *auth.UserPosition {
			return &auth.UserPosition{Value: ptr(epoch.Add(time.Duration(nth) * time.Second).Format(time.RFC3339Nano))}
		}
		if s.engine.name == "postgres" { // as autovacuum does by itself
			if _, err := s.pools.writer.ExecContext(b.Context(), "SET LOCAL statement_timeout = 0; ANALYZE users, user_texts"); err != nil {
				b.Fatal(err)
			}
		}
		for name, q := range map[string]auth.UserQuery{
			"first page": {}, "last page": {After: at(20), Total: ptr(manyUsers)}, "last page by number": {Offset: manyUsers - 20},
			"none, 255 times l": {Search: strings.Repeat("l", 255)}, "one user": {Search: "son199999@"},
			"one in 400": {Search: "anna annason"}, "one in 20": {Search: "zoëson"}, "all": {Search: "example.com"},
			"all, in the middle": {Search: "example.com", After: at(manyUsers / 2), Total: ptr(auth.MaxFound)},
			"none, %":            {Search: "%"}, "one in 10, zo": {Search: "zo"}, "all, _": {Search: "_"}, "most, e": {Search: "e"},
		} {
			q.SortBy, q.Descending, q.Limit = "created_at", true, 21
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					if _, _, err := s.Users(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
