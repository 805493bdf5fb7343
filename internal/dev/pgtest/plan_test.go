package pgtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Of the statements of a server that logs their plans, those show which read a whole
// table although they need a part.
func TestWholeScansShow(t *testing.T) {
	s, err := Start(slices.Concat(explained, []string{"fsync=off", "auto_explain.sample_rate=1"})...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	db, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, town text NOT NULL)",
		"CREATE INDEX people_town ON people (town, id)",
		"INSERT INTO people SELECT n, 'a', 'b' FROM generate_series(1, 10) n",
		"SELECT name FROM people WHERE id = 7",
		"SELECT name FROM people WHERE town = 'b' ORDER BY id",
		"SELECT name FROM people ORDER BY town, id LIMIT 3",
		"SELECT id FROM people WHERE name = 'a'",
		"SELECT name, 1 FROM people ORDER BY town, id",
		"SELECT id FROM people WHERE id = 3 AND id IN (SELECT id FROM people WHERE name = 'c')",
		"UPDATE people SET town = 'c' WHERE name = 'c'",
	} {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = s.checkPlans(func(s Scan) bool { return strings.Contains(s.Statement, "SELECT id FROM people WHERE name") })
	const want = "people is read whole by: SELECT name, 1 FROM people ORDER BY town, id\n" +
		"people is read whole by: UPDATE people SET town = 'c' WHERE name = 'c'"
	if err == nil || err.Error() != want {
		t.Errorf("the plans show:\n%v\nwant:\n%s", err, want)
	}
}
