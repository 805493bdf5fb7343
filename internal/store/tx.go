package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

// tx is auth.Tx. A statement that fails dooms it: it cannot commit.
type tx struct {
	reader
	state txState
	now   time.Time
}

var _ auth.Tx = (*tx)(nil)

func newTx(c *connection, now time.Time) *tx {
	t := &tx{now: now}
	t.reader = reader{statements: &c.statements, conn: guard{c.conn, &t.reader}, tx: &t.state}
	return t
}

func (t *tx) Now() time.Time { return t.now }

// query is one that bun built.
type query interface {
	Exec(context.Context, ...any) (sql.Result, error)
}

// some runs a query on any number of rows.
func (t *tx) some(ctx context.Context, q query) (n int64, err error) {
	res, err := q.Exec(ctx)
	if err == nil {
		n, err = res.RowsAffected()
	}
	return n, t.fail(ctx, err)
}

// only runs a query on one row, which is there or else auth.ErrNotFound.
func (t *tx) only(ctx context.Context, q query) error {
	res, err := q.Exec(ctx)
	return t.one(ctx, res, err)
}

func (t *tx) one(ctx context.Context, res sql.Result, err error) error {
	var n int64
	if err == nil {
		n, err = res.RowsAffected()
	}
	if err == nil && n == 0 {
		return auth.ErrNotFound
	}
	return t.fail(ctx, err)
}

// insert begins a query that writes a row, or a slice of them.
func (t *tx) insert(rows any) *bun.InsertQuery {
	return t.db.NewInsert().Conn(t.conn).Model(rows).Returning("NULL")
}

// remove deletes the row of R's table whose column has the value.
func remove[R any](ctx context.Context, t *tx, column, value string) error {
	return t.only(ctx, t.db.NewDelete().Conn(t.conn).Model((*R)(nil)).Where("? = ?", bun.Ident(column), value))
}
