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

// tx implements auth.Tx. A statement that fails dooms it: it cannot commit.
type tx struct {
	reader
	conn guard
	now  time.Time
	left []string // the ids of the endings that it has made
}

var _ auth.Tx = (*tx)(nil)

// newTx returns the transaction that was begun on the connection. Its
// statements run under ctx, whatever context their callers pass.
func newTx(ctx context.Context, m *mapper, on executor, now time.Time) *tx {
	g := guard{on, &txState{ctx: ctx}}
	return &tx{reader: reader{mapper: m, runner: g, tx: g.txState}, conn: g, now: now}
}

func (t *tx) Now() time.Time { return t.now }

// run runs f once and turns a panic in it into an error. After f has returned,
// the transaction runs no more statements.
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

// txState is the state of a transaction. One goroutine owns it.
type txState struct {
	ctx   context.Context
	err   error // the first failure; it dooms the transaction
	ended bool
}

// guard runs a transaction's statements while it may: after a failure the
// engine may have rolled the transaction back, and a further statement would
// commit on its own.
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

func (g guard) scan(ctx context.Context, f func(context.Context, executor) error) error {
	return g.use(ctx, f)
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

// lockName takes an advisory lock on the name until the transaction ends. It
// guards a decision about a missing row, which cannot be locked.
func (t *tx) lockName(ctx context.Context, name string) error {
	if t.engine.lockName == "" {
		return nil
	}
	_, err := t.exec(ctx, t.db.NewRaw(t.engine.lockName, name).Conn(t.conn))
	return err
}

// planByIndex has the further statements of the transaction find rows by indexes.
func (t *tx) planByIndex(ctx context.Context) error {
	if t.engine.byIndex == "" {
		return nil
	}
	_, err := t.exec(ctx, t.db.NewRaw(t.engine.byIndex).Conn(t.conn))
	return err
}

// query is a query that was built by bun.
type query interface {
	Exec(context.Context, ...any) (sql.Result, error)
}

// exec runs a query on any number of rows and returns how many it affected.
func (t *tx) exec(ctx context.Context, q query) (n int64, err error) {
	res, err := q.Exec(ctx)
	if err == nil {
		n, err = res.RowsAffected()
	}
	return n, t.fail(ctx, err)
}

// execOne runs a query on one row. If the row is missing, the error is
// problem.ErrNotFound.
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

// insert returns a query that inserts a row, or a slice of rows.
func (t *tx) insert(rows any) *bun.InsertQuery {
	return t.db.NewInsert().Conn(t.conn).Model(rows).Returning("NULL")
}

// remove deletes the row of R's table in which the column has the value.
func remove[R any](ctx context.Context, t *tx, column, value string) error {
	return t.execOne(ctx, t.db.NewDelete().Conn(t.conn).Model((*R)(nil)).Where("? = ?", bun.Ident(column), value))
}
