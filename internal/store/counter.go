package store

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/problem"
)

// counterRow is the number of rows of a table that are too many to be counted
// often.
type counterRow struct {
	bun.BaseModel `bun:"table:counters,alias:c"`
	Name          string
	Value         int64
}

var (
	counterByName = selecting[counterRow]("name = ?")
	updateCounter = updating[counterRow]("name")
)

// userCounter is the name of the counter of users.
const userCounter = "users"

// userCount returns the locked counter of users, which it makes if it is missing.
func (t *tx) userCount(ctx context.Context) (counterRow, error) {
	row, err := find(ctx, &t.reader, counterByName, userCounter)
	if !errors.Is(err, problem.ErrNotFound) {
		return row, err
	}
	n, err := countAll[userRow](ctx, t, "counter:"+userCounter)
	if err != nil {
		return row, err
	}
	row, err = find(ctx, &t.reader, counterByName, userCounter) // another may have made it meanwhile
	if !errors.Is(err, problem.ErrNotFound) {
		return row, err
	}
	row = counterRow{Name: userCounter, Value: int64(n)}
	_, err = t.exec(ctx, t.insert(&row))
	return row, err
}

// TakeUserPlace implements auth.Tx.
func (t *tx) TakeUserPlace(ctx context.Context, most int) (bool, error) {
	row, err := t.userCount(ctx)
	if err != nil || row.Value >= int64(most) {
		return false, err
	}
	row.Value++
	return true, write(ctx, t, updateCounter, &row, userCounter)
}

// GiveUserPlace implements auth.Tx.
func (t *tx) GiveUserPlace(ctx context.Context) error {
	row, err := t.userCount(ctx)
	if err != nil {
		return err
	}
	row.Value = max(0, row.Value-1)
	return write(ctx, t, updateCounter, &row, userCounter)
}

// RecountUsers implements auth.Tx.
func (t *tx) RecountUsers(ctx context.Context) error {
	row, err := t.userCount(ctx)
	if err != nil {
		return err
	}
	n, err := t.db.NewSelect().Conn(t.conn).Model((*userRow)(nil)).Count(ctx)
	if err != nil {
		return t.fail(ctx, err)
	}
	row.Value = n
	return write(ctx, t, updateCounter, &row, userCounter)
}

// countAll returns the number of R's rows. Until the transaction ends, no other
// one that counts under the name goes on.
func countAll[R any](ctx context.Context, t *tx, name string) (int, error) {
	if err := t.lockName(ctx, name); err != nil {
		return 0, err
	}
	n, err := t.db.NewSelect().Conn(t.conn).Model((*R)(nil)).Count(ctx)
	return int(n), t.fail(ctx, err)
}
