package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

// reader is auth.Reader, on the pool that reads or within a transaction.
type reader struct {
	*statements
	conn bun.IConn
	tx   *txState // nil outside a transaction
}

// txState is what became of a transaction so far. One goroutine owns it.
type txState struct {
	err   error // the first failure; it dooms the transaction
	ended bool
}

// usable returns why no statement may run any more. After a failure the engine
// may have undone the transaction already, and a statement would be alone.
func (r *reader) usable() error {
	switch {
	case r.tx == nil:
		return nil
	case r.tx.ended:
		return errTxFinished
	default:
		return r.tx.err
	}
}

// whole is the context of a statement. One of a transaction is not cancelled:
// SQLite would undo all that shares the commit.
func (r *reader) whole(ctx context.Context) context.Context {
	if r.tx == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// fail gives a driver's error its meaning in the domain. Whatever a driver
// makes of a caller who went away, it is not an answer.
func (r *reader) fail(ctx context.Context, err error) error {
	if err != nil && r.tx == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	err = r.engine.domain(err)
	if r.tx != nil && r.tx.err == nil && !errors.Is(err, auth.ErrNotFound) {
		r.tx.err = err
	}
	return err
}

// locked makes the rows that a transaction selects stay as they are until it
// ends.
func (r *reader) locked(q *bun.SelectQuery) *bun.SelectQuery {
	if r.tx != nil && r.engine.lock != "" {
		q = q.For(r.engine.lock)
	}
	return q
}

// list selects rows of the type R in an order.
func list[R any](ctx context.Context, r *reader, order string, narrow func(*bun.SelectQuery)) ([]R, error) {
	var rows []R
	q := r.locked(r.db.NewSelect().Conn(r.conn).Model(&rows)).OrderExpr(order)
	if narrow != nil {
		narrow(q)
	}
	err := q.Scan(ctx)
	return rows, r.fail(ctx, err)
}

// each turns rows into what they hold.
func each[R, T any](rows []R, err error, hold func(*R) T) ([]T, error) {
	if err != nil {
		return nil, err
	}
	out := make([]T, len(rows))
	for i := range rows {
		out[i] = hold(&rows[i])
	}
	return out, nil
}
