package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMigrateTwice(t *testing.T) {
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			at := dsn(t)
			applied := must(Migrate(t.Context(), at, Options{}))(t)
			if len(applied) != len(migrations) || applied[0] != migrations[0].name {
				t.Fatalf("applied %v", applied)
			}
			wantEqual(t, len(must(Migrate(t.Context(), at, Options{}))(t)), 0)
			s := openStore(t, at, Options{})
			s.addUser(t)
			wantEqual(t, len(must(Migrate(t.Context(), at, Options{}))(t)), 0) // beside a store that is open
		})
	}
}

// Processes that start at once on an empty database all succeed.
func TestConcurrentStart(t *testing.T) {
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				at := dsn(t)
				done := make(chan error)
				for range 5 {
					c := command("start", at)
					if err := c.Start(); err != nil {
						t.Fatal(err)
					}
					go func() { done <- c.Wait() }()
				}
				for range 5 {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
				s := openStore(t, at, Options{})
				wantEqual(t, count(t, s, "migrations"), len(migrations))
				must(s.Meta(t.Context(), "pid"))(t)
			}
		})
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			at := dsn(t)
			s := openStore(t, at, Options{})
			err := s.group.do(t.Context(), func(ctx context.Context, t *tx) error {
				_, err := t.some(ctx, t.db.NewRaw("INSERT INTO migrations (name, applied_at) VALUES ('29990101000000_later', 1)").Conn(t.conn))
				return err
			})
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			_, opened := Open(t.Context(), at, Options{})
			_, migrated := Migrate(t.Context(), at, Options{})
			for _, err := range []error{opened, migrated} {
				if err == nil || !strings.Contains(err.Error(), "newer version") || !strings.Contains(err.Error(), "29990101000000_later") {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

// A migration that fails leaves nothing, those before it stay, and once it is
// mended it is applied.
func TestMigrationIsWhole(t *testing.T) {
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			e, rest, err := engineOf(dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			readers, writer, err := e.open(t.Context(), rest)
			if err != nil {
				t.Fatal(err)
			}
			defer readers.Close()
			defer writer.Close()
			list := []migration{{"1", "CREATE TABLE a (x BIGINT)"}, {"2", "CREATE TABLE b (x BIGINT); CREATE TABLE a (x BIGINT)"}}
			applied, err := e.migrateAll(t.Context(), writer, list, time.Now)
			if err == nil || !strings.Contains(err.Error(), "migration 2") || !slices.Equal(applied, []string{"1"}) {
				t.Fatalf("%v, %v", applied, err)
			}
			wantEqual(t, hasTable(t, writer, "a"), true)
			wantEqual(t, hasTable(t, writer, "b"), false)
			list[1].script = "CREATE TABLE b (x BIGINT)"
			applied, err = e.migrateAll(t.Context(), writer, list, time.Now)
			if err != nil || !slices.Equal(applied, []string{"2"}) {
				t.Fatalf("%v, %v", applied, err)
			}
			wantEqual(t, hasTable(t, writer, "b"), true)
		})
	}
}

func hasTable(t *testing.T, db *sql.DB, name string) bool {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT 1 FROM "+name)
	if err != nil {
		return false
	}
	return rows.Close() == nil
}

func TestOpenRefusesOddDSNs(t *testing.T) {
	for _, dsn := range []string{"", "sqlite:", "x.db", "sqlite::memory:", "mysql://root:hunter2@localhost/x", "sqlite:" + t.TempDir(), "sqlite:" + t.TempDir() + "/none/x.db"} {
		s, err := Open(t.Context(), dsn, Options{})
		if err == nil {
			t.Errorf("%q was opened: %v", dsn, s.Close())
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}
