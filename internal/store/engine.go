package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// engine is what differs between databases. Everything else in this package is
// written once, in SQL that all of them take.
type engine struct {
	dialect func() schema.Dialect
	// open returns the pools of a database, which it makes where it can.
	open func(ctx context.Context, dsn string) (*pools, error)
	// serve runs the reads and transactions of a store.
	serve func(m *mapper, p *pools, o Options) backend
	// migrate starts a transaction that holds off every other migration.
	migrate string
	// text is the type of a column that migrations declare as TEXT: one that
	// is put in order by its bytes.
	text string
	// unlogged makes a table that migrations declare so forget its rows in a
	// crash, where that is faster.
	unlogged string
	// lock is the FOR of a SELECT whose rows stay as they are until the
	// transaction ends, and skip of one that leaves out those of others.
	lock, skip string
	// lockName holds off, until the transaction ends, every other one that locks
	// the same name.
	lockName string
	classify classifier
	// argument is the placeholder of the nth argument, from 1.
	argument func(n int) string
}

// pools are the connections to a database. The two may be one.
type pools struct {
	readers, writer *sql.DB
	// risks are settings of the database under which what was acknowledged may
	// be lost, each with what to change.
	risks []string
	// exposed is what to change where others on the way to the database could
	// read along or stand in for it; "" where they cannot.
	exposed string
	// generation of the connections that may be used: those of another are not used
	// again.
	generation *atomic.Int64
	// prepareMode is how what this package prepares is sent, where that can be chosen.
	prepareMode pgx.QueryExecMode
}

func (p *pools) close() error { return errors.Join(p.readers.Close(), p.writer.Close()) }

// backend runs what a store asks of its database. Safe for concurrent use.
type backend interface {
	runner
	// do runs f in a transaction and returns once it is durable or undone. A
	// caller that is cancelled before its turn leaves; from then on f and the
	// commit are not cancelled. f may run again from its beginning after what
	// it did was undone.
	do(ctx context.Context, f func(context.Context, *tx) error) error
	// doLong is do for a transaction that grows with the data: it may take
	// longTimeout.
	doLong(ctx context.Context, f func(context.Context, *tx) error) error
	// ping is nil if the database can be written and its time is ours.
	ping(ctx context.Context) error
	// truncateLog is called after much was deleted.
	truncateLog(ctx context.Context) error
	// close waits for what was accepted, refuses more, and closes the pools.
	close() error
}

// runner is where statements run.
type runner interface {
	// use calls f, with the context of its statements; for reads perhaps more
	// than once.
	use(ctx context.Context, f func(context.Context, executor) error) error
}

// executor runs statements: those that bun built, and those of this package,
// which it prepares.
type executor interface {
	bun.IConn
	query(ctx context.Context, s *prepared, args []any) (*sql.Rows, error)
	exec(ctx context.Context, s *prepared, args []any) (sql.Result, error)
}

// fault is what a driver's error means.
type fault uint8

const (
	broken     fault = iota // a defect, of ours or of the database
	transient               // the same call may succeed in a while
	contended               // another transaction was in the way
	taken                   // a unique value belongs to another row
	dangling                // a row that is referred to is not there
	unstorable              // a text that no row can hold
	denied                  // the user of the database may not do this
)

// classifier says what a driver's error means, and for a value that is taken of
// which table and column, such as "users.email_folded".
type classifier func(error) (kind fault, column string)

// engines holds each engine under the scheme of its DSN.
var engines = map[string]engine{"sqlite": sqliteEngine, "postgres": postgresEngine, "postgresql": postgresEngine}

var errForm = errors.New(`the database must be given as sqlite:PATH or postgres://USER@HOST/NAME`)

// engineOf finds the engine of a DSN. The error does not repeat the DSN, which
// may hold a password.
func engineOf(dsn string) (e engine, rest string, err error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	e, ok := engines[scheme]
	if !ok || rest == "" {
		return e, "", errForm
	}
	return e, rest, nil
}
