package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered change of the schema. Its name orders it.
type migration struct{ name, script string }

// migrations are in the order of their names.
var migrations = readMigrations()

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
		list[i] = migration{strings.TrimSuffix(path.Base(file), ".sql"), string(script)}
	}
	return list
}

// Migrate brings the schema of the database up to date and returns the names
// of the migrations that it applied. Each is applied whole or not at all, and
// once, whoever else migrates at the same time. It refuses, as Open does, a
// database that a newer version has migrated.
func Migrate(ctx context.Context, dsn string, o Options) (applied []string, err error) {
	e, rest, err := engineOf(dsn)
	if err != nil {
		return nil, err
	}
	readers, writer, err := e.open(ctx, rest)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, readers.Close(), writer.Close()) }()
	return e.migrateAll(ctx, writer, migrations, o.clock())
}

// migrateAll applies those of the list that the database has not had.
func (e engine) migrateAll(ctx context.Context, writer *sql.DB, list []migration, now func() time.Time) (applied []string, err error) {
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	_, err = conn.ExecContext(ctx, "SELECT 1 FROM migrations")
	if err != nil { // there is none yet
		err = e.inTransaction(ctx, conn, func() error {
			_, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)")
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	for _, m := range list {
		did, err := e.migrateOne(ctx, conn, list, m, micros(now()))
		if err != nil {
			return applied, fmt.Errorf("store: migration %s: %w", m.name, err)
		}
		if did {
			applied = append(applied, m.name)
		}
	}
	return applied, nil
}

// migrateOne applies m unless it is applied. Only if there is something to do
// does it hold off other writers.
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
		if _, err := conn.ExecContext(ctx, m.script); err != nil {
			return err
		}
		insert := "INSERT INTO migrations (name, applied_at) VALUES (" + e.argument(1) + ", " + e.argument(2) + ")"
		_, err := conn.ExecContext(ctx, insert, m.name, at)
		return err
	})
	return did, err
}

// appliedMigrations returns the names of those that the database has had, or
// an error if known lacks one of them.
func appliedMigrations(ctx context.Context, conn *sql.Conn, known []migration) (names []string, err error) {
	rows, err := conn.QueryContext(ctx, "SELECT name FROM migrations ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(known, func(m migration) bool { return m.name == name }) {
			return nil, fmt.Errorf("the database was migrated by a newer version of openwearables (%s): run that version or a later one, or restore a backup from before it", name)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func (e engine) inTransaction(ctx context.Context, conn *sql.Conn, f func() error) error {
	err := e.fault.patiently(ctx, func() error {
		_, err := conn.ExecContext(ctx, e.migrate)
		return err
	})
	if err != nil {
		return err
	}
	end := "COMMIT"
	if err = f(); err != nil {
		end = "ROLLBACK"
	}
	_, ended := conn.ExecContext(context.WithoutCancel(ctx), end)
	return errors.Join(err, ended)
}
