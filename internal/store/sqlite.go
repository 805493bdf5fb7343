package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// sqliteEngine keeps the database in one file, in WAL mode. Transactions run
// one after the other, so that reads within them need no locks.
var sqliteEngine = engine{
	name:       "sqlite",
	dialect:    func() schema.Dialect { return sqlitedialect.New() },
	open:       openSQLite,
	serve:      serveSQLite,
	migrate:    "BEGIN IMMEDIATE",
	text:       "TEXT",
	classify:   classifySQLite,
	containing: containingSQLite,
	argument:   func(int) string { return "?" },
	stopsEarly: true,
	cut:        bounds{rows: 100, bytes: 128 << 10},
}

// file is a backend whose writes share commits.
type file struct {
	filePool
	*batcher
}

func serveSQLite(m *mapper, p *pools, busy *lane, o Options) backend {
	p.writer.SetMaxOpenConns(2) // one that writes, and one that moves the WAL
	return &file{
		filePool{
			p.readers, &statements{prepare: p.readers.PrepareContext},
			newHeldConns(max(2, runtime.GOMAXPROCS(0)), p.reader),
			newLane(min(2, runtime.GOMAXPROCS(0)/2), acquireTimeout), callTimeout,
		},
		newBatcher(m, p.writer, busy, &clock{now: o.clock()}, o),
	}
}

func (f *file) measure(context.Context) error { return nil }

// lanes returns nil: a read has no way to go that callers could share, and the batcher
// shares the commits.
func (f *file) lanes() *lanes { return nil }

func (f *file) time() time.Time { return f.clock.now() }

func (f *file) queues() map[string]func() int {
	return map[string]func() int{
		"writes": func() int { return len(f.queue) }, "bulk writes": f.bulkTurns.length, "scans": f.scans.length,
	}
}

// close closes the connection that writes last: SQLite then moves the WAL into
// the database file and removes it, with whatever deleted data it held.
func (f *file) close() error {
	err := errors.Join(f.held.close(), f.filePool.Close())
	f.batcher.close()
	return errors.Join(err, f.batcher.pool.Close())
}

// filePool runs the reads, with statements that are prepared once. A scan keeps a
// processor busy, so that half of them, two at most, are the places for scans.
type filePool struct {
	*sql.DB
	*statements
	held        *heldConns
	scans       *lane
	callTimeout time.Duration
}

// use ends f when the time of the request is over, or after the one statement that
// runs then, which takes no time worth stopping. The connection on which a statement
// was stopped is closed.
func (p filePool) use(ctx context.Context, f func(context.Context, executor) error) error {
	begun, budget := time.Now(), budgetFrom(ctx)
	defer func() { budget.use(time.Since(begun)) }()
	within, cancel := context.WithDeadline(ctx, begun.Add(p.callTimeout-budget.used()))
	defer cancel()
	err := f(within, p)
	if err != nil && within.Err() != nil { // err may hide the timeout
		err = fmt.Errorf("%w: %v", within.Err(), err)
	}
	return err
}

func (p filePool) scan(ctx context.Context, f func(context.Context, executor) error) error {
	return p.scans.run(ctx, func() error {
		return p.use(ctx, func(ctx context.Context, _ executor) error { return p.stoppable(ctx, f) })
	})
}

// lasting is a statement that runs until its rows are closed.
const lasting = "VALUES (1), (2)"

// scanner is a connection that a scan has to itself.
type scanner struct {
	*sql.Conn
	*statements
}

// stoppable calls f with a connection on which another statement runs. SQLite
// forgets an interrupt as soon as a statement begins while no other runs, and the
// driver interrupts only once: a context that ended just then would stop nothing.
func (p filePool) stoppable(ctx context.Context, f func(context.Context, executor) error) (err error) {
	conn, err := p.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	running, err := conn.QueryContext(context.WithoutCancel(ctx), lasting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Close()) }()
	on := scanner{conn, &statements{prepare: conn.PrepareContext}}
	defer func() { err = errors.Join(err, on.close()) }()
	return f(ctx, on)
}

// openSQLite opens the file, and creates it if it is missing, readable by its
// owner alone. SQLite gives the WAL and the shared memory file the same
// permissions. It refuses files that another user could have put there.
func openSQLite(ctx context.Context, path string) (*pools, error) {
	path = filepath.Clean(strings.TrimPrefix(path, "//"))
	if path == ":memory:" {
		return nil, errors.New("store: the database must be a file")
	}
	if err := prepareFiles(ctx, path); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	uri := "file:" + (&url.URL{Path: path}).EscapedPath()
	writer, err := sql.Open("sqlite", uri+"?mode=rw&_txlock=immediate&"+pragmas(
		"busy_timeout(150)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"secure_delete(ON)", "journal_size_limit(16777216)", "wal_autocheckpoint(0)", "cache_size(-16384)", "trusted_schema(OFF)",
	))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	writer.SetMaxOpenConns(1)
	if err := errors.Join(checkSQLite(ctx, writer, path), checkCompanions(path)); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	if _, err := checkPages(ctx, writer, "PRAGMA quick_check(1)", path, quickCheckTime); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), writer.Close())
	}
	remark(ctx, writer, path)
	uri += "?mode=ro&" + pragmas("busy_timeout(500)", "query_only(ON)", "trusted_schema(OFF)")
	readers, err := sql.Open("sqlite", uri)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), writer.Close())
	}
	n := max(4, runtime.NumCPU())
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	reader := func() (driver.Conn, error) { return readers.Driver().Open(uri) }
	return &pools{readers: readers, writer: writer, reader: reader}, nil
}

// prepareFiles creates the file of the database if it is missing. It refuses the
// file, and those that SQLite keeps beside it, if another user put them there, and
// a WAL that belongs to another file.
func prepareFiles(ctx context.Context, path string) error {
	if _, err := privatefile.Ensure(path); err != nil {
		return err
	}
	if err := checkCompanions(path); err != nil {
		return err
	}
	return checkMark(ctx, path)
}

// checkCompanions checks the files that SQLite opens or makes beside the
// database.
func checkCompanions(path string) error {
	for _, end := range []string{"-wal", "-shm", "-journal", MarkSuffix} {
		err := privatefile.Tolerate(privatefile.Check(path + end))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func pragmas(list ...string) string {
	return url.Values{"_pragma": list}.Encode()
}

// checkSQLite refuses a damaged file, and a file system on which commits would not
// be durable.
func checkSQLite(ctx context.Context, writer *sql.DB, path string) error {
	return classifier(classifySQLite).retry(ctx, func() error {
		var mode string
		var synchronous int
		err := errors.Join(
			writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode),
			writer.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous),
		)
		switch {
		case isDamage(err):
			return fmt.Errorf("store: %w", damaged(path, err.Error()))
		case err != nil:
			return fmt.Errorf("store: the database does not open: %w", err)
		case mode != "wal" || synchronous != 2:
			return fmt.Errorf("store: the file system does not take SQLite's WAL (journal_mode=%s, synchronous=%d); put the database on a local disk", mode, synchronous)
		}
		return nil
	})
}

func classifySQLite(err error) (fault, string) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return broken, ""
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		_, column, _ := strings.Cut(e.Error(), "UNIQUE constraint failed: ")
		column, _, _ = strings.Cut(column, " ")
		return taken, column
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return dangling, ""
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return contended, ""
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY:
		return transient, ""
	}
	return broken, ""
}
