package store

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

const (
	endingBatch = 500              // sessions that one transaction ends
	endingLease = 10 * time.Second // for which another worker waits for the next batch
)

// endingRow is an end of sessions that is not finished. A worker deletes it once
// every session is ended and forgotten.
type endingRow struct {
	bun.BaseModel `bun:"table:endings,alias:e"`
	ID            string
	AppID         string
	MintedBy      string
	ExceptID      string
	MadeBy        *time.Time
	Worker        string
	WorkerUntil   *time.Time
}

var (
	endingByID   = selecting[endingRow]("id = ?")
	insertEnding = inserting[endingRow]()
	updateEnding = updating[endingRow]("id", "made_by", "worker", "worker_until")
)

// OnEnd sets what the store calls with the ids of the sessions that it ends after
// the transaction in which EndSessions was called. Call it before any other use.
func (s *Store) OnEnd(forget func(ctx context.Context, sessions []string)) { s.forget = forget }

// leaveRest notes that the sessions which match are still to be ended.
func (t *tx) leaveRest(ctx context.Context, which auth.SessionFilter) error {
	row := endingRow{ID: rand.Text(), AppID: which.AppID, MintedBy: which.MintedBy, ExceptID: which.Except}
	t.left = append(t.left, row.ID)
	return write(ctx, t, insertEnding, &row)
}

// writeAll runs do, and then ends the sessions that it left, in a transaction for
// each batch. If it fails then, endRests goes on.
func (s *Store) writeAll(
	ctx context.Context, do func(context.Context, func(context.Context, *tx) error) error, f func(context.Context, auth.Tx) error,
) error {
	var left []string
	err := do(ctx, func(ctx context.Context, t *tx) error {
		err := f(ctx, t)
		left = t.left
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longTimeout)
	defer cancel()
	for _, id := range left {
		if err := s.endRest(ctx, id, true); err != nil {
			return err
		}
	}
	return nil
}

// endRests goes on with the ends that no worker goes on with.
func (s *Store) endRests(ctx context.Context) error {
	rows, err := few[endingRow](ctx, s.reader, "id", func(q *bun.SelectQuery) { q.Limit(100) })
	for i := range rows {
		err = errors.Join(err, s.endRest(ctx, rows[i].ID, false))
	}
	return err
}

// endRest ends the sessions of the row with the id, batch by batch. While another
// worker does so, it waits for that one or leaves it to it.
func (s *Store) endRest(ctx context.Context, id string, wait bool) error {
	worker := rand.Text()
	for {
		ctx := WithBudget(ctx) // of this batch
		ids, mine, err := s.endBatch(ctx, id, worker)
		switch {
		case errors.Is(err, problem.ErrNotFound):
			return nil
		case err != nil || !mine && !wait:
			return err
		case !mine:
			select {
			case <-ctx.Done():
				return problem.UnavailableError(ctx.Err())
			case <-time.After(endingLease / 100):
			}
			continue
		}
		if s.forget != nil {
			s.forget(ctx, ids)
		}
		if len(ids) >= endingBatch {
			continue
		}
		return s.do(ctx, func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*endingRow)(nil)).Where("id = ? AND worker = ?", id, worker))
			return err
		})
	}
}

// endBatch ends a batch of the sessions of the row, and reports whether the row
// is the worker's to go on with.
func (s *Store) endBatch(ctx context.Context, id, worker string) (ids []string, mine bool, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		row, err := find(ctx, &t.reader, endingByID, id)
		if err != nil {
			return err
		}
		if mine = row.Worker == worker || row.WorkerUntil == nil || t.now.After(*row.WorkerUntil); !mine {
			return nil
		}
		if row.MadeBy == nil {
			row.MadeBy = &t.now
		}
		until := t.now.Add(endingLease)
		row.Worker, row.WorkerUntil = worker, &until
		if err := write(ctx, t, updateEnding, &row, id); err != nil {
			return err
		}
		ids, err = t.endSessions(ctx, auth.SessionFilter{AppID: row.AppID, MintedBy: row.MintedBy, Except: row.ExceptID}, t.now, row.MadeBy)
		return err
	})
	return ids, mine, err
}
