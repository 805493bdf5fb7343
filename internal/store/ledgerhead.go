package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/audit"
)

type headRow struct {
	bun.BaseModel `bun:"table:ledger_heads,alias:h"`
	audit.Head
}

// signedAgain is how far before the last signature the entries are looked at again:
// those that were written late have an earlier time.
const signedAgain = time.Hour

// SignHeads signs the head of each ledger that has grown since it did so last. sign
// sets the Mac of a head. Any number of processes may call it at once.
func (s *Store) SignHeads(ctx context.Context, at time.Time, sign func(*audit.Head)) error {
	var last []headRow
	err := s.use(ctx, func(ctx context.Context, on executor) error {
		last = nil
		return s.db.NewSelect().Model(&last).Order("at DESC").Limit(1).Conn(on).Scan(ctx)
	})
	if err != nil {
		return s.fail(ctx, err)
	}
	after := audit.Entry{Access: audit.Access{At: time.Unix(-1<<40, 0)}} // before all times that can be stored
	if len(last) > 0 {
		after.At = last[0].At.Add(-signedAgain)
	}
	signed := make(map[string]bool) // in the entries of one walk, of few hours
	for {
		rows, err := few[entryRow](ctx, s.reader, "at, user_id, seq", func(q *bun.SelectQuery) {
			q.Column("user_id", "at", "seq").Where("(at, user_id, seq) > (?, ?, ?)", after.At, after.UserID, after.Seq).Limit(purgeBatch)
		})
		if err != nil || len(rows) == 0 {
			return err
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
		if err := s.signHeads(ctx, users, at, sign); err != nil {
			return err
		}
	}
}

func (s *Store) signHeads(ctx context.Context, users []string, at time.Time, sign func(*audit.Head)) error {
	for some := range slices.Chunk(users, 100) {
		heads := make([]headRow, 0, len(some))
		for _, id := range some {
			newest, err := s.Accesses(ctx, id, nil, 1)
			if err != nil {
				return err
			}
			if len(newest) == 1 { // a purge leaves the newest
				h := audit.Head{UserID: id, Seq: newest[0].Seq, Hash: newest[0].Hash, At: at.UTC().Truncate(time.Microsecond)}
				sign(&h)
				heads = append(heads, headRow{Head: h})
			}
		}
		err := s.do(ctx, func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, t.insert(&heads).On("CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, "+
				"at = excluded.at, mac = excluded.mac").Where("excluded.seq > h.seq"))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
