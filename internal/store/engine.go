package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// engine holds what differs between databases. Everything else in this package
// is written once, in SQL that all of them accept.
type engine struct {
	name    string // as migrations call it
	dialect func() schema.Dialect
	// open connects to a database, which SQLite creates if it is missing.
	open func(ctx context.Context, dsn string) (*pools, error)
	// serve returns the backend that runs the reads and transactions of a store.
	// Work that keeps a processor busy takes its turn in the lane.
	serve func(m *mapper, p *pools, busy *lane, o Options) backend
	// migrate is the statement that begins a transaction and excludes every other
	// migration.
	migrate string
	// text is the type of columns that migrations declare as TEXT. It sorts by
	// bytes.
	text string
	// unlogged replaces the marker of a table that may lose its rows in a crash,
	// on engines where that makes it faster.
	unlogged string
	// lock is the FOR clause of a SELECT that locks its rows until the
	// transaction ends. skip is that of a SELECT that leaves out rows which
	// others have locked.
	lock, skip string
	// byIndex is the statement by which a transaction plans its further ones with indexes,
	// also to find some of very many rows; "" if they are planned so anyway.
	byIndex string
	// lockName is the statement that takes an advisory lock on a name until the
	// transaction ends; "" if transactions are serial anyway.
	lockName string
	classify classifier
	// containing finds users in the index that a migration made for this engine.
	containing containing
	// cut limits what one part of a bulk write may hold, because all other writes wait
	// for it; the zero value sets no limit.
	cut bounds
	// stopsEarly tells that a statement can be stopped only until it has returned
	// its first row.
	stopsEarly bool
	// argument returns the placeholder of the nth argument, from 1.
	argument func(n int) string
	// log is told that a migration waits for another one; nil: nobody is.
	log *slog.Logger
}

// bounds limit the rows that are written together, and their bytes.
type bounds struct {
	rows  int
	bytes int64
}

// pools are the connections to a database. Both may be the same pool.
type pools struct {
	readers, writer *sql.DB
	// reader opens another connection that reads; nil where none is held.
	reader func() (driver.Conn, error)
	// risks are the database's settings that may lose acknowledged writes, each
	// with what to change.
	risks []string
	// exposed says what to change if others could read the connection or
	// impersonate the server; "" if they cannot.
	exposed string
	// intruders says of each other role that could run code as this server what it
	// may do, and how to end that.
	intruders []string
	// generation is that of the connections which may still be used. A connection
	// of an earlier one is closed instead of reused.
	generation *atomic.Int64
	// openShared opens the pool of the statements that callers share; nil if there is no
	// connection for them, and on SQLite.
	openShared func() (*pgxpool.Pool, error)
	// prepareMode is how pgx runs the statements that this package prepares.
	prepareMode pgx.QueryExecMode
}

func (p *pools) close() error { return errors.Join(p.readers.Close(), p.writer.Close()) }

// backend runs what a store asks of its database. Safe for concurrent use.
type backend interface {
	runner
	// do runs f in a transaction and returns once it is durable or rolled back. A
	// caller that is cancelled before its turn leaves; after that, neither f nor
	// the commit is cancelled. f may run again from its beginning after it was
	// rolled back.
	do(ctx context.Context, f func(context.Context, *tx) error) error
	// doLong is do for a transaction that grows with the data: it may take
	// longTimeout.
	doLong(ctx context.Context, f func(context.Context, *tx) error) error
	// doBulk is do for a call that writes many rows, in parts that follow each other.
	// It waits for its turn among those of its kind, and other transactions go before
	// it. Where an engine cuts (engine.cut), each part is a transaction: others come
	// between, and the first that fails is the last. Elsewhere all parts are one.
	doBulk(ctx context.Context, parts ...func(context.Context, *tx) error) error
	// ping returns nil if the database can be written and its clock agrees with
	// ours.
	ping(ctx context.Context) error
	// measure reads the database's clock, which time then tells.
	measure(ctx context.Context) error
	// lanes returns the statements that callers share; nil if there are none.
	lanes() *lanes
	// time returns the database's time.
	time() time.Time
	// truncateLog removes deleted data from the write-ahead log, where the
	// database does not do that by itself.
	truncateLog(ctx context.Context) error
	// queues returns how many calls wait in each queue, by its name.
	queues() map[string]func() int
	// close waits for the accepted transactions, refuses new ones, and closes the
	// pools.
	close() error
}

// runner runs statements: on a pool, or in a transaction. Outside a transaction
// it may call f more than once, and ends it in callTimeout.
type runner interface {
	// use calls f, which reads few rows by an index, with an executor and the
	// context for its statements. It finds a free connection whatever scans run.
	use(ctx context.Context, f func(context.Context, executor) error) error
	// scan is use for an f that may read any number of rows. It waits for the turn
	// of its caller.
	scan(ctx context.Context, f func(context.Context, executor) error) error
}

// executor runs two kinds of statements: those built by bun, and those of this
// package, which it prepares.
type executor interface {
	bun.IConn
	query(ctx context.Context, s *prepared, args []any) (*sql.Rows, error)
	exec(ctx context.Context, s *prepared, args []any) (sql.Result, error)
}

// fault is the meaning of a driver's error.
type fault uint8

const (
	broken     fault = iota // a defect, here or in the database
	transient               // the same call may succeed later
	contended               // another transaction held a lock or won a conflict
	taken                   // a unique value belongs to another row
	dangling                // a foreign key refers to a missing row
	unstorable              // a text that cannot be stored
	denied                  // the database user lacks the permission
)

// classifier returns the meaning of a driver's error. For a value that is taken
// it also returns the table and column, such as "users.email_folded".
type classifier func(error) (kind fault, column string)

// engines maps the scheme of a DSN to its engine.
var engines = map[string]engine{"sqlite": sqliteEngine, "postgres": postgresEngine, "postgresql": postgresEngine}

var errForm = errors.New(`the database must be given as sqlite:PATH or postgres://USER@HOST/NAME`)

// engineOf returns the engine of a DSN and the rest after the scheme. The error
// does not repeat the DSN, which may hold a password.
func engineOf(dsn string) (e engine, rest string, err error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	e, ok := engines[scheme]
	if !ok || rest == "" {
		return e, "", errForm
	}
	return e, rest, nil
}
