package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun/schema"
)

// finder is a runner that finds a row with less work than database/sql and bun. Safe
// for concurrent use.
type finder interface {
	// find reads the row that a statement finds by an index into row, a struct. If there
	// is none, the error is sql.ErrNoRows.
	find(ctx context.Context, s *prepared, args []any, row reflect.Value) error
}

// find implements finder. It ends as use does.
func (p filePool) find(ctx context.Context, s *prepared, args []any, row reflect.Value) error {
	begun, budget := time.Now(), budgetFrom(ctx)
	defer func() { budget.use(time.Since(begun)) }()
	c, err := p.held.take(ctx, p.callTimeout-budget.used())
	if err != nil {
		return err
	}
	sound := false
	defer func() { p.held.put(c, sound) }() // after a panic too
	err = c.find(s, args, row)
	sound = err == nil || errors.Is(err, sql.ErrNoRows)
	return err
}

// tracedFinder is a traced backend that is a finder too.
type tracedFinder struct {
	traced
	finder finder
}

func (b tracedFinder) find(ctx context.Context, s *prepared, args []any, row reflect.Value) error {
	if !b.tracer.Traces(ctx) {
		return b.finder.find(ctx, s, args, row)
	}
	ctx, span := b.tracer.Query(ctx, b.system, s.text)
	err := b.finder.find(ctx, s, args, row)
	if errors.Is(err, sql.ErrNoRows) {
		span.End(nil)
		return err
	}
	span.End(err)
	return err
}

// heldConns are connections that are kept open for single rows. One of them reads a row
// in less time than it takes to hand it from one to the other through database/sql.
type heldConns struct {
	free  chan *heldConn // closed by close
	open  func() (driver.Conn, error)
	close func() error // waits until all are given back, and closes them; once
}

func newHeldConns(n int, open func() (driver.Conn, error)) *heldConns {
	h := &heldConns{free: make(chan *heldConn, n), open: open}
	for range n {
		h.free <- new(heldConn)
	}
	h.close = sync.OnceValue(h.closeAll)
	return h
}

// take waits for a connection until ctx or the time ends.
func (h *heldConns) take(ctx context.Context, within time.Duration) (*heldConn, error) {
	switch err := ctx.Err(); {
	case err != nil:
		return nil, err
	case within <= 0:
		return nil, context.DeadlineExceeded
	}
	var c *heldConn
	select {
	case c = <-h.free:
	default:
		timer := time.NewTimer(within)
		defer timer.Stop()
		select {
		case c = <-h.free:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, context.DeadlineExceeded
		}
	}
	if c == nil {
		return nil, errClosed
	}
	if c.Conn == nil {
		conn, err := h.open()
		if err != nil {
			h.free <- c
			return nil, err
		}
		c.Conn, c.stmts = conn, make(map[*prepared]*heldStmt)
	}
	return c, nil
}

// put gives a connection back. One that is not well is closed, and opened again by
// the next who takes it.
func (h *heldConns) put(c *heldConn, well bool) {
	if !well {
		_ = c.close() // the failure that made it unwell is the one that counts
	}
	h.free <- c
}

func (h *heldConns) closeAll() (err error) {
	for range cap(h.free) {
		err = errors.Join(err, (<-h.free).close())
	}
	close(h.free)
	return err
}

// heldConn is a connection, nil until it is needed, and its statements. One goroutine
// uses it at a time.
type heldConn struct {
	driver.Conn
	stmts map[*prepared]*heldStmt
}

// heldStmt is a prepared statement, with room for what goes in and comes out.
type heldStmt struct {
	driver.StmtQueryContext
	args   []driver.NamedValue
	fields []*schema.Field // of the columns; nil before the first row
	values []driver.Value
}

func (c *heldConn) stmt(s *prepared) (*heldStmt, error) {
	if known := c.stmts[s]; known != nil {
		return known, nil
	}
	stmt, err := c.Prepare(s.text)
	if err != nil {
		return nil, err
	}
	made := &heldStmt{StmtQueryContext: stmt.(driver.StmtQueryContext)}
	c.stmts[s] = made
	return made, nil
}

func (c *heldConn) close() (err error) {
	if c.Conn == nil {
		return nil
	}
	for _, s := range c.stmts {
		err = errors.Join(err, s.StmtQueryContext.(driver.Stmt).Close())
	}
	err = errors.Join(err, c.Conn.Close())
	*c = heldConn{}
	return err
}

// find runs the statement to its end: to stop it would take longer.
func (c *heldConn) find(s *prepared, args []any, row reflect.Value) (err error) {
	stmt, err := c.stmt(s)
	if err != nil {
		return err
	}
	if err := stmt.bind(args); err != nil {
		return err
	}
	rows, err := stmt.QueryContext(context.Background(), stmt.args)
	if err != nil {
		return err
	}
	defer func() {
		clear(stmt.args)
		clear(stmt.values)
		err = errors.Join(err, rows.Close())
	}()
	if stmt.fields == nil {
		if err := stmt.describe(s, rows.Columns()); err != nil {
			return err
		}
	}
	switch err := rows.Next(stmt.values); {
	case errors.Is(err, io.EOF):
		return sql.ErrNoRows
	case err != nil:
		return err
	}
	for i, f := range stmt.fields {
		if err := f.ScanValue(row, stmt.values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *heldStmt) bind(args []any) error {
	s.args = s.args[:0]
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return err
		}
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	return nil
}

// describe finds the field of each column.
func (s *heldStmt) describe(p *prepared, columns []string) error {
	fields := make([]*schema.Field, len(columns))
	for i, column := range columns {
		at := slices.IndexFunc(p.fields, func(f *schema.Field) bool { return f.Name == column })
		if at < 0 {
			return fmt.Errorf("store: no field holds the column %q", column)
		}
		fields[i] = p.fields[at]
	}
	s.fields, s.values = fields, make([]driver.Value, len(columns))
	return nil
}
