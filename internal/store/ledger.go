package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/audit"
)

// ledgerLock is the name that is locked by who changes a ledger.
const ledgerLock = "ledger"

type entryRow struct {
	bun.BaseModel `bun:"table:access_ledger,alias:l"`
	audit.Entry
}

func (r *entryRow) held() audit.Entry { return r.Entry }

// AppendAccess appends the entries, in their order, to the ledgers of the users
// whose data was read: all of them or none. They should be few, since nobody else
// appends meanwhile.
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
	gone, err := t.goneReaders(ctx, entries)
	if err != nil {
		return err
	}
	heads := make(map[string]audit.Entry)
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
		head = audit.NewEntry(a, head.Seq, head.Hash)
		if gone[a.UserID] && readsOwn(&a) {
			head.Erase()
		}
		heads[a.UserID], rows[i].Entry = head, head
	}
	for chunk := range slices.Chunk(rows, 100) { // a statement stays under SQLite's 1 MB
		if _, err := t.exec(ctx, t.insert(&chunk)); err != nil {
			return err
		}
	}
	return nil
}

// readsOwn reports whether a user read its own data.
func readsOwn(a *audit.Access) bool { return a.Actor == "user:"+a.UserID }

// goneReaders returns the users who read their own data and were deleted since. On
// PostgreSQL the others stay until the transaction ends.
func (t *tx) goneReaders(ctx context.Context, entries []audit.Access) (map[string]bool, error) {
	gone := make(map[string]bool)
	for i := range entries {
		if readsOwn(&entries[i]) {
			gone[entries[i].UserID] = true
		}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(gone)), 500) {
		var there []string
		q := t.db.NewSelect().TableExpr("users").Column("id").Where("id IN (?)", bun.List(some)).Order("id")
		if t.engine.lock != "" {
			q.For("KEY SHARE")
		}
		if err := q.Conn(t.conn).Scan(ctx, &there); err != nil {
			return nil, t.fail(ctx, err)
		}
		for _, id := range there {
			delete(gone, id)
		}
	}
	return gone, nil
}

// eraseReads erases from some entries of a deleted user's ledger what names the
// reader, if that was the user. It returns how many entries that were. Entries of the
// first form stay as they are.
func (t *tx) eraseReads(ctx context.Context, userID string, most int) (int64, error) {
	return t.exec(ctx, t.db.NewRaw("UPDATE access_ledger SET ip = NULL, client = NULL, request_id = NULL, salt = NULL WHERE user_id = ? AND seq IN "+
		"(SELECT seq FROM access_ledger WHERE user_id = ? AND salt IS NOT NULL AND actor = 'user:' || user_id ORDER BY seq LIMIT ?)",
		userID, userID, most).Conn(t.conn))
}

func (t *tx) ledgerHead(ctx context.Context, userID string) (audit.Entry, error) {
	rows, err := few[entryRow](ctx, &t.reader, "seq DESC", func(q *bun.SelectQuery) {
		q.Where("user_id = ?", userID).Limit(1)
	})
	if err != nil || len(rows) == 0 {
		return audit.Entry{}, err
	}
	return rows[0].Entry, nil
}

// Accesses implements auth.Reader.
func (r *reader) Accesses(ctx context.Context, userID string, before *int64, limit int) ([]audit.Entry, error) {
	rows, err := few[entryRow](ctx, r, "seq DESC", func(q *bun.SelectQuery) {
		if q.Where("user_id = ?", userID).Limit(int64(limit)); before != nil {
			q.Where("seq < ?", *before)
		}
	})
	return each(rows, err, (*entryRow).held)
}

// storable replaces what a database cannot store in a text: invalid UTF-8 and
// NUL.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
