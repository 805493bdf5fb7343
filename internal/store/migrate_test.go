package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMigrationsAreAppliedOnce(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
func TestProcessesThatStartAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				at := dsn(t)
				done := make(chan error, 5)
				for range 5 {
					go func() { done <- command(t, "start", at).Run() }()
				}
				for range 5 {
					if err := receive(t, done); err != nil {
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
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			s := openStore(t, at, Options{})
			err := s.do(t.Context(), func(ctx context.Context, t *tx) error {
				_, err := t.exec(ctx, t.db.NewRaw("INSERT INTO migrations (name, applied_at) VALUES ('29990101000000_later', 1)").Conn(t.conn))
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

// A database that a newer version has migrated is served while that version
// declares it.
func TestNewerDatabaseServesWhileItSaysSo(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			old := openStore(t, at, Options{})
			e, rest, err := engineOf(at)
			if err != nil {
				t.Fatal(err)
			}
			later := append(slices.Clone(migrations),
				migration{"29990101000000_expand", "ALTER TABLE users ADD COLUMN later TEXT; CREATE TABLE later (x BIGINT)", migrations[0].name},
				migration{"29990102000000_contract", "DROP TABLE later", "29990101000000_expand"})
			migrate := func(list []migration) {
				p := must(e.open(t.Context(), rest))(t)
				must(e.migrateAll(t.Context(), p.writer, list, time.Now))(t)
				if err := p.close(); err != nil {
					t.Fatal(err)
				}
			}
			migrate(later[:len(later)-1])
			u := old.addUser(t) // while it runs
			s := openStore(t, at, Options{})
			wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
			s.addSession(t)
			wantEqual(t, len(must(Migrate(t.Context(), at, Options{}))(t)), 0)
			if err := errors.Join(s.Close(), old.Close()); err != nil {
				t.Fatal(err)
			}
			migrate(later)
			if _, err := Open(t.Context(), at, Options{}); err == nil || !strings.Contains(err.Error(), "29990102000000_contract") {
				t.Errorf("%v", err)
			}
		})
	}
}

// Each migration names the release that the schema it leaves still serves.
func TestMigrationsNameTheReleaseThatTheyServe(t *testing.T) {
	for i, m := range migrations {
		if !slices.ContainsFunc(migrations[:i+1], func(known migration) bool { return known.name == m.serves }) {
			t.Errorf("%s begins with no line %q and the name of a migration up to it", m.name, servesLine)
		}
	}
}

// A database whose table of migrations lacks the newer column is served.
func TestOldMigrationsTableIsExtended(t *testing.T) {
	t.Parallel()
	s, path := openSQLiteStore(t)
	if _, err := s.backend.(*file).batcher.pool.ExecContext(t.Context(), "ALTER TABLE migrations DROP COLUMN serves"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, "sqlite:"+path, Options{})
	again.addUser(t)
	wantEqual(t, count(t, again, "migrations"), len(migrations))
}

// slow is how many slow migrations there are.
const slow = 8

// slowMigrations take long enough for a kill in the middle.
func slowMigrations(e engine) []migration {
	wait := "SELECT pg_sleep(0.05);"
	if e.argument(1) == "?" {
		wait = "CREATE TABLE t AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n; DROP TABLE t;"
	}
	list := slices.Clone(migrations)
	for i := range slow {
		name := fmt.Sprintf("3000_%02d", i)
		list = append(list, migration{name, fmt.Sprintf("CREATE TABLE a%d (x BIGINT); %s CREATE TABLE b%d (x BIGINT)", i, wait, i), name})
	}
	return list
}

// migrateSlowly is what the other process does until it is killed.
func migrateSlowly(ctx context.Context, dsn string) error {
	e, rest, err := engineOf(dsn)
	if err != nil {
		return err
	}
	p, err := e.open(ctx, rest)
	if err != nil {
		return err
	}
	_, err = e.migrateAll(ctx, p.writer, slowMigrations(e), time.Now)
	return errors.Join(err, p.close())
}

// Whenever a process is killed while it migrates, another one finishes its
// work.
func TestKilledMigrationIsFinishedByAnother(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			e, rest, err := engineOf(at)
			if err != nil {
				t.Fatal(err)
			}
			p := must(e.open(t.Context(), rest))(t)
			defer p.close()
			killed := 0
			for {
				err := migrateUntilKilled(t, at, killed > 0, p.readers)
				if name == "postgres" {
					aloneOnPostgres(t, p.readers)
				}
				for i := range slow {
					if hasTable(t, p.readers, fmt.Sprint("a", i)) != hasTable(t, p.readers, fmt.Sprint("b", i)) {
						t.Fatalf("migration %d is there by half", i)
					}
				}
				if err == nil {
					break
				}
				killed++
			}
			if t.Logf("%d kills", killed); killed == 0 {
				t.Error("it was never killed")
			}
			wantEqual(t, must(e.migrateAll(t.Context(), p.writer, slowMigrations(e), time.Now))(t), nil)
		})
	}
}

// migrateUntilKilled runs a process that migrates and kills it: during its
// start, or shortly after it has applied a migration. It returns nil if the
// process finished first.
func migrateUntilKilled(t *testing.T, dsn string, afterOne bool, db *sql.DB) error {
	applied := func() (n int) {
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM migrations").Scan(&n); err != nil {
			return 0 // it has not begun
		}
		return n
	}
	before := applied()
	c := command(t, "migrate", dsn)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for afterOne && applied() == before && len(ended) == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(rand.N(50 * time.Millisecond))
	_ = c.Process.Kill() // fails if it has ended
	err := receive(t, ended)
	if err != nil && c.ProcessState.Exited() {
		t.Fatal("the process was not killed but failed: ", err)
	}
	return err
}

// A migration that needs a table which a long transaction holds, or that comes
// after another one, waits and does not block reads and writes meanwhile.
func TestPostgresMigrationWaitsAndLetsOthersPass(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]string{
		"table": "SELECT 1 FROM users", "another migration": "SELECT pg_advisory_xact_lock(" + migrationLock + ")",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			migrationWaits(t, openPostgresStore(t), held)
		})
	}
}

func migrationWaits(t *testing.T, s *Store, held string) {
	u := s.addUser(t)
	long := must(s.pools.writer.BeginTx(t.Context(), nil))(t)
	if _, err := long.ExecContext(t.Context(), "SET LOCAL idle_in_transaction_session_timeout = 0; "+held); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := postgresEngine.migrateAll(context.Background(), s.pools.writer, append(slices.Clone(migrations),
			migration{"3000_later", "ALTER TABLE users ADD COLUMN later TEXT", migrations[0].name}), time.Now)
		done <- err
	}()
	for end := time.Now().Add(2500 * time.Millisecond); time.Now().Before(end); {
		must(s.User(t.Context(), u.ID))(t)
		s.addUser(t)
	}
	select {
	case err := <-done:
		t.Fatal("it did not wait: ", err)
	default:
	}
	if err := long.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
}

// A migration that fails leaves nothing behind, the ones before it stay, and
// once mended it is applied.
func TestMigrationIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, rest, err := engineOf(dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			p := must(e.open(t.Context(), rest))(t)
			defer p.close()
			writer := p.writer
			list := []migration{
				{"1", "CREATE TABLE a (x BIGINT)", "1"}, {"2", "CREATE TABLE b (x BIGINT); CREATE TABLE a (x BIGINT)", "1"},
			}
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
	t.Parallel()
	for _, dsn := range []string{"", "sqlite:", "x.db", "sqlite::memory:", "mysql://root:hunter2@localhost/x", "sqlite:" + t.TempDir(), "sqlite:" + t.TempDir() + "/none/x.db"} {
		s, err := Open(t.Context(), dsn, Options{})
		if err == nil {
			t.Errorf("%q was opened: %v", dsn, s.Close())
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}
