package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

type headRow struct {
	bun.BaseModel `bun:"table:ledger_heads,alias:h"`
	audit.Head
}

const (
	// signedUntil is the meta value up to which all ledgers are signed, in
	// microseconds.
	signedUntil = "ledgers_signed_until"
	// signedAgain is how far before that entries are looked at again: those that were
	// written late have an earlier time.
	signedAgain = time.Hour
	// signBatch is how many heads one transaction signs.
	signBatch = 20
)

// SignHeads signs the head of each ledger that has grown since it did so last. One
// that is not as its head says is left alone, and is part of the error. Any number of
// processes may call it at once.
func (s *Store) SignHeads(ctx context.Context, at time.Time, by audit.Signer) error {
	after := audit.Entry{Access: audit.Access{At: time.Unix(-1<<40, 0)}} // before all times that can be stored
	switch until, err := s.Meta(ctx, signedUntil); {
	case err == nil:
		n, err := strconv.ParseInt(until, 10, 64)
		if err != nil {
			return fmt.Errorf("store: meta %s: %w", signedUntil, err)
		}
		after.At = time.UnixMicro(n).Add(-signedAgain)
	case !errors.Is(err, problem.ErrNotFound):
		return err
	}
	var broken error
	signed := make(map[string]bool) // in the entries of one walk, usually of few hours
	for {
		rows, err := few[entryRow](ctx, s.reader, "at, user_id, seq", func(q *bun.SelectQuery) {
			q.Column("user_id", "at", "seq").Where("(at, user_id, seq) > (?, ?, ?)", after.At, after.UserID, after.Seq).Limit(purgeBatch)
		})
		if err != nil {
			return errors.Join(broken, err)
		}
		if len(rows) == 0 {
			return errors.Join(broken, s.PutMeta(ctx, signedUntil, strconv.FormatInt(micros(at), 10)))
		}
		after = rows[len(rows)-1].Entry
		var users []string
		for i := range rows {
			if id := rows[i].UserID; !signed[id] {
				signed[id] = true
				users = append(users, id)
			}
		}
		if len(signed) > 100_000 { // some are then looked at twice
			clear(signed)
		}
		slices.Sort(users)
		for some := range slices.Chunk(users, signBatch) {
			var left error
			err := s.do(ctx, func(ctx context.Context, t *tx) error {
				left = nil
				if err := t.lockName(ctx, ledgerLock); err != nil { // entries come and go
					return err
				}
				for _, id := range some {
					if err := t.signHead(ctx, id, at, by); errors.Is(err, errBrokenLedger) {
						left = errors.Join(left, err)
					} else if err != nil {
						return err
					}
				}
				return nil
			})
			if broken = errors.Join(broken, left); err != nil {
				return errors.Join(broken, err)
			}
		}
	}
}

var errBrokenLedger = errors.New("the ledger is not as it was signed: run openwearables audit verify")

// signHead signs how far the ledger of a user has come, if it still is as it was
// signed before.
func (t *tx) signHead(ctx context.Context, user string, at time.Time, by audit.Signer) error {
	newest, err := t.entry(ctx, user, "seq DESC", nil)
	if err != nil || newest == nil { // the newest is never purged
		return err
	}
	first, err := t.entry(ctx, user, "seq", nil)
	if err != nil {
		return err
	}
	h, err := t.head(ctx, user)
	if err != nil || h != nil && h.Seq >= newest.Seq {
		return err
	}
	if h != nil {
		intact := by.Genuine(h) && h.BeginsAt(first)
		if intact && h.Seq >= first.Seq {
			e, err := t.entry(ctx, user, "seq", &h.Seq)
			if err != nil {
				return err
			}
			intact = e != nil && e.Hash == h.Hash
		}
		if !intact {
			return fmt.Errorf("user %s: %w", user, errBrokenLedger)
		}
	} else {
		h = &audit.Head{UserID: user, First: first.Seq}
		if first.Anchor != nil {
			h.Anchor = *first.Anchor
		}
	}
	h.Seq, h.Hash = newest.Seq, newest.Hash
	return t.putHead(ctx, h, at, by)
}

func (t *tx) putHead(ctx context.Context, h *audit.Head, at time.Time, by audit.Signer) error {
	h.At = at.UTC().Truncate(time.Microsecond)
	by.SignHead(h)
	_, err := t.exec(ctx, t.insert(&headRow{Head: *h}).On("CONFLICT (user_id) DO UPDATE SET first = excluded.first, anchor = excluded.anchor, "+
		"seq = excluded.seq, hash = excluded.hash, at = excluded.at, mac = excluded.mac"))
	return err
}

// head returns the head of a user's ledger, or nil. Until the transaction ends, no
// other signs it.
func (t *tx) head(ctx context.Context, user string) (*audit.Head, error) {
	rows, err := few[headRow](ctx, &t.reader, "user_id", func(q *bun.SelectQuery) { q.Where("user_id = ?", user) })
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0].Head, nil
}

// entry returns the first entry of a user in the order, or the one with the number,
// or nil.
func (t *tx) entry(ctx context.Context, user, order string, seq *int64) (*audit.Entry, error) {
	var rows []entryRow
	q := t.db.NewSelect().Model(&rows).Where("user_id = ?", user).OrderExpr(order).Limit(1)
	if seq != nil {
		q.Where("seq = ?", *seq)
	}
	if err := q.Conn(t.conn).Scan(ctx); err != nil || len(rows) == 0 {
		return nil, t.fail(ctx, err)
	}
	return &rows[0].Entry, nil
}

// moveHead signs the head of a user anew after a purge, which has removed the entries
// up to last from a ledger that began as the head says. It leaves another one alone.
func (t *tx) moveHead(ctx context.Context, user string, began int64, last oldEntry, at time.Time, by audit.Signer) error {
	h, err := t.head(ctx, user)
	if err != nil || h == nil || h.First != began || !by.Genuine(h) {
		return err
	}
	if h.First, h.Anchor = last.Seq+1, last.Hash; h.Seq < last.Seq {
		h.Seq, h.Hash = last.Seq, last.Hash
	}
	return t.putHead(ctx, h, at, by)
}
