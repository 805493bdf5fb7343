package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// fill puts a stock into the database at the URL, which the product has migrated and no
// node uses, and tells w how long each table took.
func (s *stock) fill(ctx context.Context, url string, w io.Writer) (err error) {
	load, finish, err := loader(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, finish()) }()
	for _, t := range s.tables() {
		begun := time.Now()
		if err := load(t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Fprintf(w, "%s rows of %s in %s s\n", figure(float64(t.rows)), t.name, figure(time.Since(begun).Seconds()))
	}
	return nil
}

// loader returns what loads a table into the database, and what ends that.
func loader(ctx context.Context, url string) (load func(table) error, finish func() error, err error) {
	path, isFile := strings.CutPrefix(url, "sqlite:")
	if !isFile {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return nil, nil, err
		}
		return func(t table) error { return t.copy(ctx, conn) }, func() error {
			_, err := conn.Exec(ctx, "VACUUM ANALYZE")
			return errors.Join(err, conn.Close(ctx))
		}, nil
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(OFF)&_pragma=cache_size(-262144)")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	return func(t table) error { return t.insert(ctx, db) }, func() error {
		_, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		return errors.Join(err, db.Close())
	}, nil
}

// copy loads the table into PostgreSQL.
func (t table) copy(ctx context.Context, conn *pgx.Conn) error {
	n := 0
	_, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromFunc(func() ([]any, error) {
		if n == t.rows {
			return nil, nil
		}
		n++
		return t.row(n - 1), nil
	}))
	return err
}

// rowsAtOnce is how many rows of SQLite one transaction has.
const rowsAtOnce = 100_000

// insert loads the table into SQLite.
func (t table) insert(ctx context.Context, db *sql.DB) error {
	text := fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", t.name, strings.Join(t.columns, ", "), strings.Repeat(", ?", len(t.columns)-1))
	for n := 0; n < t.rows; {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		statement, err := tx.PrepareContext(ctx, text)
		for end := min(t.rows, n+rowsAtOnce); err == nil && n < end; n++ {
			_, err = statement.ExecContext(ctx, t.row(n)...)
		}
		if err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}
