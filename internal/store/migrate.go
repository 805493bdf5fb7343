package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one change of the schema. Migrations are applied in the order of
// their names. The previous release keeps serving while one is applied and
// after it: so a migration may add anything, but remove only what the release
// named in serves does not need.
type migration struct {
	name, script string
	// serves names the migration that a binary must know to serve on the schema
	// that this one leaves.
	serves string
}

// migrations lists every migration, ordered by name.
var migrations = readMigrations()

// servesLine begins the first line of each script.
const servesLine = "-- serves: "

func readMigrations() []migration {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is well formed
	}
	list := make([]migration, len(files))
	for i, file := range files {
		script, err := migrationFiles.ReadFile(file)
		if err != nil {
			panic(err) // it is embedded
		}
		first, _, _ := strings.Cut(string(script), "\n")
		list[i] = migration{strings.TrimSuffix(path.Base(file), ".sql"), string(script), strings.TrimPrefix(first, servesLine)}
	}
	return list
}

// Migrate brings the schema of the database up to date and returns the names of
// the migrations that it applied. Each migration is applied whole or not at
// all, and once, even if several processes migrate at the same time. Like Open,
// Migrate refuses a database that a newer version has migrated beyond what this
// one can serve.
func Migrate(ctx context.Context, dsn string, o Options) (applied []string, err error) {
	e, rest, err := engineOf(dsn)
	if err != nil {
		return nil, err
	}
	p, err := e.open(ctx, rest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	e.log = o.logger()
	return e.migrateAll(ctx, p.writer, migrations, o.clock())
}

// migrateAll applies the migrations of the list that were not applied yet.
func (e engine) migrateAll(ctx context.Context, writer *sql.DB, list []migration, now func() time.Time) (applied []string, err error) {
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() {
		if closed := conn.Close(); !errors.Is(closed, sql.ErrConnDone) { // a wait that was given up ends the connection
			err = errors.Join(err, closed)
		}
	}()
	if err := e.prepareMigrations(ctx, conn); err != nil {
		return nil, fmt.Errorf("store: %w", e.permitted(err))
	}
	for _, m := range list {
		did, err := e.migrateOne(ctx, conn, list, m, micros(now()))
		if err != nil {
			return applied, fmt.Errorf("store: migration %s: %w", m.name, e.permitted(err))
		}
		if did {
			applied = append(applied, m.name)
		}
	}
	return applied, nil
}

// permitted adds to an error about a missing permission what to change.
func (e engine) permitted(err error) error {
	if kind, _ := e.classify(err); kind == denied {
		return fmt.Errorf("%w: GRANT CREATE ON SCHEMA public to the user in --database, or run openwearables migrate as one who owns the tables", err)
	}
	return err
}

// prepareMigrations creates the table of applied migrations.
func (e engine) prepareMigrations(ctx context.Context, conn *sql.Conn) error {
	exists := func() bool {
		_, err := conn.ExecContext(ctx, "SELECT name, serves FROM migrations WHERE 1 = 0")
		return err == nil
	}
	if exists() {
		return nil
	}
	return e.inTransaction(ctx, conn, func() error {
		_, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations "+
			"(name "+e.text+" PRIMARY KEY, applied_at BIGINT NOT NULL, serves "+e.text+" NOT NULL DEFAULT '')")
		if err == nil && !exists() { // created before the column existed
			_, err = conn.ExecContext(ctx, "ALTER TABLE migrations ADD COLUMN serves "+e.text+" NOT NULL DEFAULT ''")
		}
		return err
	})
}

// migrateOne applies m unless it is applied already. Only then does it exclude
// other migrations.
func (e engine) migrateOne(ctx context.Context, conn *sql.Conn, known []migration, m migration, at int64) (did bool, err error) {
	due := func() (bool, error) {
		names, err := appliedMigrations(ctx, conn, known)
		return !slices.Contains(names, m.name), err
	}
	if did, err = due(); err != nil || !did {
		return false, err
	}
	err = e.inTransaction(ctx, conn, func() error {
		if did, err = due(); err != nil || !did { // another process may have been first
			return err
		}
		if _, err := conn.ExecContext(ctx, e.script(m)); err != nil {
			return err
		}
		if step := steps[m.name]; step != nil {
			if err := step(ctx, e, conn); err != nil {
				return err
			}
		}
		failpoint.Hit(failpoint.MidMigration)
		insert := fmt.Sprintf("INSERT INTO migrations (name, applied_at, serves) VALUES (%s, %s, %s)",
			e.argument(1), e.argument(2), e.argument(3))
		_, err := conn.ExecContext(ctx, insert, m.name, at, m.serves)
		return err
	})
	return did, err
}

var textColumn = regexp.MustCompile(`\bTEXT\b`)

// sectionLine begins a line that names an engine: what follows, up to the next
// such line, is for that engine alone.
const sectionLine = "\n-- on "

// script returns the migration in the dialect of the engine.
func (e engine) script(m migration) string {
	sections := strings.Split(m.script, sectionLine)
	script := sections[0]
	for _, section := range sections[1:] {
		if name, text, _ := strings.Cut(section, "\n"); name == e.name {
			script += "\n" + text
		}
	}
	return strings.ReplaceAll(textColumn.ReplaceAllString(script, e.text), "/* unlogged */", e.unlogged)
}

// appliedMigrations returns the names of the applied migrations. It returns an
// error if a newer version left a schema that a binary with the known
// migrations cannot serve.
func appliedMigrations(ctx context.Context, conn *sql.Conn, known []migration) (names []string, err error) {
	knows := func(name string) bool {
		return slices.ContainsFunc(known, func(m migration) bool { return m.name == name })
	}
	rows, err := conn.QueryContext(ctx, "SELECT name, serves FROM migrations ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name, serves string
		if err := rows.Scan(&name, &serves); err != nil {
			return nil, err
		}
		if !knows(name) && !knows(serves) {
			return nil, fmt.Errorf("the database was migrated by a newer version of openwearables (%s): run that version or a later one, or restore a backup from before it", name)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// sayWaiting is how long a migration waits for another one before it says so.
const sayWaiting = time.Second

// beginAlone begins a transaction once no other process migrates.
func (e engine) beginAlone(ctx context.Context, conn *sql.Conn) error {
	say := time.AfterFunc(sayWaiting, func() {
		if e.log != nil {
			e.log.Warn("another process migrates the database, or holds the lock for that: this one waits for it to end")
		}
	})
	defer say.Stop()
	_, err := conn.ExecContext(ctx, e.migrate)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("the wait for another process that migrates the database was given up: %w", context.Cause(ctx))
	}
	return err
}

// inTransaction runs f in a transaction that excludes every other migration. If
// other transactions are in its way, it waits for them and runs f again.
func (e engine) inTransaction(ctx context.Context, conn *sql.Conn, f func() error) error {
	return e.classify.retry(ctx, func() error {
		err := e.beginAlone(ctx, conn)
		if err == nil {
			if err = f(); err == nil {
				_, err = conn.ExecContext(context.WithoutCancel(ctx), "COMMIT")
			}
		}
		if err != nil { // ROLLBACK fails if no transaction is open
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		return err
	})
}
