package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/problem"
)

// tx is auth.Tx. A statement that fails dooms it: it cannot commit.
type tx struct {
	reader
	conn guard
	now  time.Time
}

var _ auth.Tx = (*tx)(nil)

// newTx returns the transaction that was begun on the connection. Its
// statements run under ctx, whatever the context of their callers.
func newTx(ctx context.Context, m *mapper, on executor, now time.Time) *tx {
	g := guard{on, &txState{ctx: ctx}}
	return &tx{reader{m, g, g.txState}, g, now}
}

func (t *tx) Now() time.Time { return t.now }

// run runs f, once. A panic in it becomes its error. After f ended the
// transaction runs no statement.
func (t *tx) run(log *slog.Logger, f func(context.Context, *tx) error) (err error) {
	defer func() {
		t.conn.ended = true
		if p := recover(); p != nil {
			log.Error("store: panic in a transaction", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("store: panic in a transaction: %v", p)
		}
	}()
	failpoint.Hit(failpoint.AfterBegin)
	if err = f(t.conn.ctx, t); err == nil {
		err = t.conn.err
	}
	failpoint.Hit(failpoint.AfterWrite)
	return err
}

// txState is what became of a transaction so far. One goroutine owns it.
type txState struct {
	ctx   context.Context
	err   error // the first failure; it dooms the transaction
	ended bool
}

// guard is where a transaction's statements run, for as long as they may:
// after a failure the engine may have undone the transaction already, and a
// statement would be alone.
type guard struct {
	executor
	*txState
}

func (s *txState) usable() error {
	if s.ended {
		return errTxFinished
	}
	return s.err
}

func (g guard) use(_ context.Context, f func(context.Context, executor) error) error {
	return f(g.ctx, g)
}

func (g guard) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	if err := g.usable(); err != nil {
		return nil, err
	}
	return g.executor.ExecContext(g.ctx, query, args...)
}

func (g guard) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := g.usable(); err != nil {
		return nil, err
	}
	return g.executor.QueryContext(g.ctx, query, args...)
}

func (g guard) query(_ context.Context, s *prepared, args []any) (*sql.Rows, error) {
	if err := g.usable(); err != nil {
		return nil, err
	}
	return g.executor.query(g.ctx, s, args)
}

func (g guard) exec(_ context.Context, s *prepared, args []any) (sql.Result, error) {
	if err := g.usable(); err != nil {
		return nil, err
	}
	return g.executor.exec(g.ctx, s, args)
}

// lockName holds off, until the transaction ends, every other one that locks the
// name: for a decision on what is not there, which has no row to lock.
func (t *tx) lockName(ctx context.Context, name string) error {
	if t.engine.lockName == "" {
		return nil
	}
	_, err := t.exec(ctx, t.db.NewRaw(t.engine.lockName, name).Conn(t.conn))
	return err
}

// query is one that bun built.
type query interface {
	Exec(context.Context, ...any) (sql.Result, error)
}

// exec runs a query on any number of rows.
func (t *tx) exec(ctx context.Context, q query) (n int64, err error) {
	res, err := q.Exec(ctx)
	if err == nil {
		n, err = res.RowsAffected()
	}
	return n, t.fail(ctx, err)
}

// execOne runs a query on one row, which is there or else problem.ErrNotFound.
func (t *tx) execOne(ctx context.Context, q query) error {
	res, err := q.Exec(ctx)
	return t.oneRow(ctx, res, err)
}

func (t *tx) oneRow(ctx context.Context, res sql.Result, err error) error {
	var n int64
	if err == nil {
		n, err = res.RowsAffected()
	}
	if err == nil && n == 0 {
		return problem.ErrNotFound
	}
	return t.fail(ctx, err)
}

// insert begins a query that writes a row, or a slice of them.
func (t *tx) insert(rows any) *bun.InsertQuery {
	return t.db.NewInsert().Conn(t.conn).Model(rows).Returning("NULL")
}

// remove deletes the row of R's table whose column has the value.
func remove[R any](ctx context.Context, t *tx, column, value string) error {
	return t.execOne(ctx, t.db.NewDelete().Conn(t.conn).Model((*R)(nil)).Where("? = ?", bun.Ident(column), value))
}
