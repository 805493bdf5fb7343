// Package importer reads the database of an Open Wearables backend, of 0.6 and later,
// for an import. It writes nothing there. Of each key and token it hands on a digest and no
// secret; of a pairing code, the code.
package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Source is such a database, as one transaction sees it, which only reads. It is not safe
// for concurrent use.
type Source struct {
	conn   *pgx.Conn
	tx     pgx.Tx
	tables map[string][]string // the columns of each
	readAt time.Time
}

// needed are the tables without which a database is none of a backend.
var needed = []string{"developer", "user", "application", "api_key", "refresh_token"}

var errAddress = errors.New("the database to import from must be given as postgres://USER@HOST/NAME")

// Open connects to the database at dsn, postgres://..., and begins the transaction. Its
// errors repeat no password. The caller must Close the source.
func Open(ctx context.Context, dsn string) (*Source, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil || config.Host == "" {
		return nil, errAddress
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("the database to import from: %w", err)
	}
	s := &Source{conn: conn, tables: map[string][]string{}}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the database to import from: %w", err), conn.Close(ctx))
	}
	return s, nil
}

// Close ends the transaction and the connection.
func (s *Source) Close(ctx context.Context) error { return s.conn.Close(ctx) }

func (s *Source) begin(ctx context.Context) (err error) {
	s.tx, err = s.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	// A page is read when the one before has been written.
	_, err = s.tx.Exec(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL search_path = public")
	if err != nil {
		return err
	}
	if err := s.tx.QueryRow(ctx, "SELECT now()").Scan(&s.readAt); err != nil {
		return err
	}
	var table, column string
	rows, err := s.tx.Query(ctx, "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'")
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, []any{&table, &column}, func() error {
		s.tables[table] = append(s.tables[table], column)
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range needed {
		if len(s.tables[name]) == 0 {
			return fmt.Errorf("it is none of an Open Wearables backend: it has no table %q that this user may read", name)
		}
	}
	return nil
}

// ReadAt is when the transaction began, by the clock of the database.
func (s *Source) ReadAt() time.Time { return s.readAt.UTC() }

// Generation says of which versions the schema is.
func (s *Source) Generation() string {
	if s.hashedKeys() {
		return "0.8 or later"
	}
	return "0.6 or 0.7"
}

// hashedKeys reports whether the database holds digests of keys, and not the keys.
func (s *Source) hashedKeys() bool { return slices.Contains(s.tables["api_key"], "key_hash") }

// has reports whether there is the table.
func (s *Source) has(table string) bool { return len(s.tables[table]) > 0 }

// HasDeveloper reports whether one of the ids is that of a developer.
func (s *Source) HasDeveloper(ctx context.Context, ids []string) (there bool, err error) {
	err = s.tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM developer WHERE id::text = ANY($1))", ids).Scan(&there)
	return there, err
}
