package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/audit"
)

// Entry is one stored entry of a user's access ledger: its number Seq, which
// counts from 1 for each user, and its hash, which covers the hash of the entry
// before. If that was purged, Anchor is its hash.
type Entry struct {
	audit.Access
	Seq    int64
	Hash   [32]byte
	Anchor *[32]byte
}

// ledgerLock is the name that is locked by who changes a ledger.
const ledgerLock = "ledger"

type entryRow struct {
	bun.BaseModel `bun:"table:access_ledger,alias:l"`
	Entry
}

func (r *entryRow) held() Entry { return r.Entry }

// AppendAccess appends the entries, in their order, to the ledgers of the users
// whose data was read: all of them or none.
func (s *Store) AppendAccess(ctx context.Context, entries []audit.Access) error {
	if len(entries) == 0 {
		return nil
	}
	return s.do(ctx, func(ctx context.Context, t *tx) error { return t.appendAccess(ctx, entries) })
}

func (t *tx) appendAccess(ctx context.Context, entries []audit.Access) error {
	if err := t.lockName(ctx, ledgerLock); err != nil { // the first entry of a user has no row to lock
		return err
	}
	heads := make(map[string]Entry)
	rows := make([]entryRow, len(entries))
	for i, a := range entries {
		head, ok := heads[a.UserID]
		if !ok {
			var err error
			if head, err = t.ledgerHead(ctx, a.UserID); err != nil {
				return err
			}
		}
		a.Client, a.RequestID = storable(a.Client), storable(a.RequestID)
		head = Entry{Access: a, Seq: head.Seq + 1, Hash: a.Chain(head.Hash)}
		heads[a.UserID], rows[i].Entry = head, head
	}
	for chunk := range slices.Chunk(rows, 100) { // a statement stays under SQLite's 1 MB
		if _, err := t.exec(ctx, t.insert(&chunk)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) ledgerHead(ctx context.Context, userID string) (Entry, error) {
	rows, err := few[entryRow](ctx, &t.reader, "seq DESC", func(q *bun.SelectQuery) {
		q.Where("user_id = ?", userID).Limit(1)
	})
	if err != nil || len(rows) == 0 {
		return Entry{}, err
	}
	return rows[0].Entry, nil
}

// Accesses returns the ledger of a user, oldest entry first.
func (s *Store) Accesses(ctx context.Context, userID string) ([]Entry, error) {
	rows, err := list[entryRow](ctx, s.reader, "seq", func(q *bun.SelectQuery) { q.Where("user_id = ?", userID) })
	return each(rows, err, (*entryRow).held)
}

// VerifyLedger returns an error that names the first entry of one user's ledger
// that was changed, was moved, or follows a missing one. A ledger whose first
// entries were purged begins at the anchor of the first that is left. It cannot
// detect that the last entries are missing, or that others than Purge have
// removed first ones and set the anchor.
func VerifyLedger(entries []Entry) error {
	var prev [32]byte
	next := int64(1)
	if len(entries) > 0 && entries[0].Anchor != nil {
		prev, next = *entries[0].Anchor, entries[0].Seq
	}
	for _, e := range entries {
		if e.Seq != next || e.Hash != e.Chain(prev) {
			return fmt.Errorf("store: the access ledger is not intact at entry %d", next)
		}
		prev, next = e.Hash, next+1
	}
	return nil
}

// storable replaces what a database cannot store in a text: invalid UTF-8 and
// NUL.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
