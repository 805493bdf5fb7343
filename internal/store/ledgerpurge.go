package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
)

// oldEntry is an entry of the ledger that may be purged, with the numbers of the
// oldest and the newest entry of its user.
type oldEntry struct {
	UserID         string
	Seq            int64
	At             time.Time
	Hash           [32]byte
	Oldest, Newest int64
}

const oldEntries = "SELECT user_id, seq, at, hash, " +
	"(SELECT min(seq) FROM access_ledger AS o WHERE o.user_id = l.user_id) AS oldest, " +
	"(SELECT max(seq) FROM access_ledger AS n WHERE n.user_id = l.user_id) AS newest " +
	"FROM access_ledger AS l WHERE at <= ? AND (at, user_id, seq) > (?, ?, ?) ORDER BY at, user_id, seq LIMIT ?"

// purgeLedger removes entries that are older than keep. What is left of a ledger
// still verifies, since its first entry keeps the hash of the one before as its
// anchor, and goes on, since the newest entry stays.
//
// The heads of what it purges are signed anew by signer, unless that is nil.
func (s *Store) purgeLedger(ctx context.Context, keep time.Duration, by audit.Signer) error {
	after := oldEntry{At: time.Unix(-1<<40, 0)} // before all times that can be stored
	return s.inBatches(ctx, func(ctx context.Context, t *tx) (bool, error) {
		if err := t.lockName(ctx, ledgerLock); err != nil {
			return false, err
		}
		var old []oldEntry
		err := t.db.NewRaw(oldEntries, t.now.Add(-keep), after.At, after.UserID, after.Seq, purgeBatch).Conn(t.conn).Scan(ctx, &old)
		if err != nil {
			return false, t.fail(ctx, err)
		}
		if len(old) == 0 {
			return false, nil
		}
		next := old[len(old)-1]
		slices.SortFunc(old, func(a, b oldEntry) int {
			return cmp.Or(cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Seq, b.Seq))
		})
		for len(old) > 0 {
			n := slices.IndexFunc(old, func(e oldEntry) bool { return e.UserID != old[0].UserID })
			if n < 0 {
				n = len(old)
			}
			if err := t.purgeEntries(ctx, old[:n], by); err != nil {
				return false, err
			}
			old = old[n:]
		}
		after = next
		return true, nil
	})
}

// purgeEntries removes those of one user's old entries that nothing older
// precedes. They are ordered by their numbers.
func (t *tx) purgeEntries(ctx context.Context, old []oldEntry, by audit.Signer) error {
	last := -1
	for i, e := range old {
		if e.Seq != e.Oldest+int64(i) || e.Seq == e.Newest {
			break
		}
		last = i
	}
	if last < 0 {
		return nil
	}
	e := old[last]
	_, err := t.exec(ctx, t.db.NewRaw("DELETE FROM access_ledger WHERE user_id = ? AND seq <= ?", e.UserID, e.Seq).Conn(t.conn))
	if err != nil {
		return err
	}
	err = t.execOne(ctx, t.db.NewRaw("UPDATE access_ledger SET anchor = ? WHERE user_id = ? AND seq = ?", e.Hash[:], e.UserID, e.Seq+1).Conn(t.conn))
	if err != nil || by == nil {
		return err
	}
	return t.moveHead(ctx, e.UserID, old[0].Seq, e, t.now, by)
}
