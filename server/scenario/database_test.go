package scenario_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// openDatabase opens the node's database from outside the node, as another process would.
func (n *node) openDatabase(t *testing.T) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite", "file:"+n.database+"?_pragma=busy_timeout(5000)"
	if strings.HasPrefix(n.dsn, "postgres:") {
		driver, dsn = "pgx", n.dsn
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// query runs f on the node's database.
func (n *node) query(t *testing.T, f func(*sql.DB) error) {
	t.Helper()
	db := n.openDatabase(t)
	if err := errors.Join(f(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// exec runs a statement on the node's database, unknown to the node. Parameters are $1 and so on,
// which both engines accept.
func (n *node) exec(t *testing.T, query string, values ...any) {
	t.Helper()
	n.query(t, func(db *sql.DB) error {
		_, err := db.ExecContext(t.Context(), query, values...)
		return err
	})
}

// lockDatabase blocks the node's use of its database until unlock is called.
func (n *node) lockDatabase(t *testing.T) (unlock func()) {
	t.Helper()
	db := n.openDatabase(t)
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range map[bool][]string{
		false: {"BEGIN IMMEDIATE"},
		true: {"BEGIN", `DO $$ DECLARE name text; BEGIN
			FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP EXECUTE 'LOCK TABLE ' || name; END LOOP; END $$`},
	}[strings.HasPrefix(n.dsn, "postgres:")] {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		if err := errors.Join(err, conn.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

// masterSecret returns the node's master secret.
func (n *node) masterSecret(t *testing.T) []byte {
	t.Helper()
	if n.secret != nil {
		return n.secret
	}
	master, err := os.ReadFile(n.database + ".secret")
	if err != nil {
		t.Fatal(err)
	}
	return master
}
