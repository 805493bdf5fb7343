// Package store keeps the domain's rows in a database: SQLite so far. It
// implements the domain's ports and holds none of its rules.
package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
)

// Options are the settings of a store. The zero value is ready.
type Options struct {
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default
}

func (o Options) clock() func() time.Time {
	if o.Now == nil {
		return time.Now
	}
	return o.Now
}

func (o Options) logger() *slog.Logger {
	if o.Log == nil {
		return slog.Default()
	}
	return o.Log
}

// Store keeps everything durable: it is auth.Store, auth.LastUses and
// event.Store. Safe for concurrent use.
type Store struct {
	*reader
	pool, writer *sql.DB
	group        *group
}

var (
	_ auth.Store  = (*Store)(nil)
	_ event.Store = (*Store)(nil)
)

// Open opens the database, makes it where there is none, and migrates it. The
// DSN is "sqlite:<path>"; the file is created readable by its owner alone. It
// refuses a database that a newer version has migrated.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	e, rest, err := engineOf(dsn)
	if err != nil {
		return nil, err
	}
	pool, writer, err := e.open(ctx, rest)
	if err != nil {
		return nil, err
	}
	if _, err := e.migrateAll(ctx, writer, migrations, o.clock()); err != nil {
		return nil, errors.Join(err, pool.Close(), writer.Close())
	}
	m := newMapper(e, pool)
	s := &Store{pool: pool, writer: writer, group: newGroup(m, writer, o.clock(), o.logger())}
	s.reader = &reader{statements: &statements{mapper: m, prepare: pool.PrepareContext}, conn: pool}
	return s, nil
}

// Close waits for the writes that were accepted, refuses others, and closes
// the database: the connection that writes last, since SQLite then leaves
// everything in the one file, and nothing of what was deleted beside it.
func (s *Store) Close() error {
	err := s.pool.Close()
	s.group.close()
	return errors.Join(err, s.writer.Close())
}

// Ping says whether the store can read and write: nil, or Unavailable.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.Meta(ctx, "ping"); err != nil && !errors.Is(err, auth.ErrNotFound) {
		return err
	}
	return s.group.do(ctx, func(context.Context, *tx) error { return nil })
}

// Write runs f in one transaction, as auth.Store promises.
func (s *Store) Write(ctx context.Context, f func(ctx context.Context, tx auth.Tx) error) error {
	return s.group.do(ctx, func(ctx context.Context, t *tx) error { return f(ctx, t) })
}
