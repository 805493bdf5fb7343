package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Sizes of the WAL, in pages.
const (
	dueWAL  = 1000 // that are not in the database file yet: a pass is worth it
	longWAL = 4096 // in all: it is to begin anew
)

// checkpointer moves the WAL into the database file on a connection of its own, so
// that no commit waits for it. SQLite lets the WAL begin anew when all of it has been
// moved before a write begins, which never is so while writes follow each other
// closely: once it is long, the writer moves the little that a pass has left. Safe
// for concurrent use.
type checkpointer struct {
	pool *sql.DB
	log  *slog.Logger

	passing sync.Mutex // held while the WAL is moved
	conn    *sql.Conn  // nil before the first pass and after a failure
	failing bool
	closed  bool

	long    atomic.Bool   // the WAL is to begin anew
	moving  atomic.Bool   // a pass moves a long WAL; it should become no longer meanwhile
	passed  chan struct{} // has one when such a pass has ended
	woken   chan struct{}
	stopped chan struct{}
}

func newCheckpointer(pool *sql.DB, log *slog.Logger) *checkpointer {
	c := &checkpointer{pool: pool, log: log, passed: make(chan struct{}, 1), woken: make(chan struct{}, 1), stopped: make(chan struct{})}
	go func() {
		defer close(c.stopped)
		for range c.woken {
			c.pass()
		}
	}()
	return c
}

// wake has a pass made soon, after a commit. It does not block.
func (c *checkpointer) wake() {
	select {
	case c.woken <- struct{}{}:
	default: // one will be made anyway
	}
}

// shorten makes a pass if the WAL is long and none is under way, so that the writer
// has little left to move.
func (c *checkpointer) shorten() {
	if c.long.Load() && c.passing.TryLock() {
		defer c.passing.Unlock()
		c.passAlone()
	}
}

// pass moves what is in the WAL, if that is much. A failure is logged when the
// passes begin to fail; the next pass goes on.
func (c *checkpointer) pass() {
	c.passing.Lock()
	defer c.passing.Unlock()
	c.passAlone()
}

// passAlone is pass for a caller that holds passing.
func (c *checkpointer) passAlone() {
	if c.closed {
		return
	}
	err := c.move(context.Background())
	if err != nil && c.conn != nil {
		_ = c.conn.Close() // the failure was said
		c.conn = nil
	}
	if failing := err != nil; failing != c.failing {
		c.failing = failing
		if failing {
			c.log.Warn("store: the WAL grows, since it cannot be moved into the database file", "error", err)
		}
	}
}

func (c *checkpointer) move(ctx context.Context) (err error) {
	if c.conn == nil {
		if c.conn, err = c.pool.Conn(ctx); err != nil {
			return err
		}
	}
	pages, moved, err := checkpointWAL(ctx, c.conn, "NOOP")
	if long := pages >= longWAL && pages > moved; err == nil && (long || pages-moved >= dueWAL) {
		c.moving.Store(long)
		pages, _, err = checkpointWAL(ctx, c.conn, "PASSIVE")
	}
	c.long.Store(err == nil && pages >= longWAL)
	if c.moving.Swap(false) {
		select {
		case c.passed <- struct{}{}:
		default: // the writer will look
		}
	}
	return err
}

// finish moves the rest of a long WAL on the connection that writes, between two
// transactions.
func (c *checkpointer) finish(writer sqliteQueryer) error {
	if !c.long.Load() || !c.passing.TryLock() {
		return nil
	}
	defer c.passing.Unlock()
	c.long.Store(false) // the next pass looks again
	_, _, err := checkpointWAL(context.Background(), writer, "PASSIVE")
	return err
}

// close ends the passes. It must not be called concurrently with wake.
func (c *checkpointer) close() {
	close(c.woken)
	<-c.stopped
	c.passing.Lock()
	defer c.passing.Unlock()
	c.closed = true
	if c.conn != nil {
		_ = c.conn.Close() // all that it wrote is on the disk
	}
}

// sqliteQueryer is a connection.
type sqliteQueryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// empty moves all of the WAL on the connection that writes, between two transactions,
// and empties its file. It fails while a pass is under way or a read needs the WAL.
func (c *checkpointer) empty(writer sqliteQueryer) error {
	if !c.passing.TryLock() {
		return errWALInUse
	}
	defer c.passing.Unlock()
	var busy, pages, moved int
	err := writer.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err == nil && busy != 0 {
		err = errWALInUse
	}
	return err
}

var errWALInUse = errors.New("store: the WAL is in use, and was not emptied")

// checkpointWAL moves what it can of the WAL into the database file, and returns how
// many pages the WAL has and how many of them are moved. Another process that does
// the same is no error.
func checkpointWAL(ctx context.Context, conn sqliteQueryer, mode string) (pages, moved int, err error) {
	var busy int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &moved)
	return pages, moved, err
}
