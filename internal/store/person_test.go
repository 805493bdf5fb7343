package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// What is stored of a person is of one instant, though others write meanwhile, and is as
// much as is counted.
func TestPeopleReadOneInstant(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 3000
			at := dsn(t)
			s := openStore(t, at, Options{}).unhurried()
			u, other := s.addUser(t), s.addUser(t)
			s.giveWorkouts(t, u.ID, n)
			s.giveWorkouts(t, other.ID, 1)
			people := must(OpenPeople(t.Context(), at, Options{}))(t)
			defer people.Close()
			rows := make(map[string]int64)
			err := people.Rows(t.Context(), u.ID, func(r Row) error {
				if len(rows) == 0 {
					s.write(t, func(ctx context.Context, any auth.Tx) error {
						t := any.(*tx)
						_, err := t.exec(ctx, t.db.NewRaw("DELETE FROM workouts WHERE user_id = ?", u.ID).Conn(t.conn))
						return err
					})
				}
				if rows[r.Table]++; r.Table == "users" {
					wantEqual(t, r.Values["created_at"], any(u.CreatedAt.UTC()))
					wantEqual(t, r.Values["has_active_connection"], any(false))
				} else if r.Table == "workouts" {
					if start, ok := r.Values["start_time"].(time.Time); !ok || start.Year() != 1970 || r.Values["user_id"] != u.ID {
						t.Fatalf("a workout is %v", r.Values)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, rows["workouts"], n)
			wantEqual(t, rows["users"], 1)
			for _, r := range must(people.Remains(t.Context(), u.ID))(t) {
				if r.Table == "workouts" {
					wantEqual(t, r.Rows, 0)
				} else {
					wantEqual(t, r.Rows, rows[r.Table])
				}
			}
		})
	}
}

// A table that names users in a column of its own is one of those that are exported.
func TestEveryTableOfUsersIsKnown(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		rows := must(s.pools.readers.QueryContext(t.Context(),
			"SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'user_id'"))(t)
		defer rows.Close()
		var found int
		for rows.Next() {
			var table string
			if err := rows.Scan(&table); err != nil {
				t.Fatal(err)
			}
			found++
			if !slices.ContainsFunc(aboutUsers, func(p personal) bool { return p.table == table }) {
				t.Errorf("%s is not exported", table)
			}
		}
		if rows.Err() != nil || found < 6 {
			t.Errorf("%d tables name users, %v", found, rows.Err())
		}
	})
}
