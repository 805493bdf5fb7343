package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

// reader implements auth.Reader on the pool that reads, or within a
// transaction.
type reader struct {
	*mapper
	runner
	tx    *txState // nil outside a transaction
	lanes *lanes   // nil in a transaction, and where callers share no statements
}

// fail translates a driver's error for the domain, and in a transaction dooms
// it. If the context has ended, every error becomes the context's, since a
// driver may report a cancelled query as anything, even as no rows.
func (r *reader) fail(ctx context.Context, err error) error {
	if r.tx != nil {
		ctx = r.tx.ctx
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, errTxFinished) {
		err = ctx.Err()
	}
	meaning := r.engine.domainError(err)
	if r.tx != nil && r.tx.err == nil && !errors.Is(err, sql.ErrNoRows) {
		r.tx.err = meaning
	}
	return meaning
}

// newestFirst is the order in which rows of one table are locked. Sharing one
// order keeps transactions from deadlocking.
const newestFirst = "created_at DESC, id DESC"

// locked makes a query of a transaction lock its rows until the transaction
// ends.
func (r *reader) locked(q *bun.SelectQuery) *bun.SelectQuery {
	if r.tx != nil && r.engine.lock != "" {
		q = q.For(r.engine.lock)
	}
	return q
}

// list returns rows of the type R, in the given order; narrow, if not nil, adds
// conditions. It may read any number of rows: it is a scan.
func list[R any](ctx context.Context, r *reader, order string, narrow func(*bun.SelectQuery)) ([]R, error) {
	var rows []R
	err := r.scan(ctx, func(ctx context.Context, on executor) error {
		rows = nil
		if r.engine.stopsEarly {
			// The first row comes when all are found.
			found := r.selectRows((*R)(nil), order, narrow)
			return r.db.NewRaw("WITH found AS MATERIALIZED (?) SELECT * FROM found ORDER BY "+order, found).Conn(on).Scan(ctx, &rows)
		}
		return r.selectRows(&rows, order, narrow).Conn(on).Scan(ctx)
	})
	return rows, r.fail(ctx, err)
}

// few is list for rows that an index finds one after the other and whose number
// has a low bound.
func few[R any](ctx context.Context, r *reader, order string, narrow func(*bun.SelectQuery)) ([]R, error) {
	var rows []R
	err := r.use(ctx, func(ctx context.Context, on executor) error {
		rows = nil
		return r.selectRows(&rows, order, narrow).Conn(on).Scan(ctx)
	})
	return rows, r.fail(ctx, err)
}

func (r *reader) selectRows(model any, order string, narrow func(*bun.SelectQuery)) *bun.SelectQuery {
	q := r.locked(r.db.NewSelect().Model(model)).OrderExpr(order)
	if narrow != nil {
		narrow(q)
	}
	return q
}

// beyond narrows a list that is ordered newest first, then by the column id.
func beyond(id string, after *auth.Place, limit int) func(*bun.SelectQuery) {
	return func(q *bun.SelectQuery) {
		if q.Limit(int64(limit)); after != nil {
			q.Where("(created_at, ?) < (?, ?)", bun.Ident(id), after.At, after.ID)
		}
	}
}

// each converts rows to what they hold.
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
