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

// endingBatch is how many sessions one transaction revokes.
const endingBatch = 500

// endingRow is an end of any number of sessions: of AppID or of MintedBy, whichever is
// set, except one and those that it minted, which were made no later than MadeBy; nil is
// for ever. Whoever asks whether a session counts looks for these too, so that all have
// ended once the row is committed. Remove revokes them one by one, and then deletes it.
type endingRow struct {
	bun.BaseModel `bun:"table:endings,alias:e"`
	ID            string
	AppID         string
	MintedBy      string
	ExceptID      string
	MadeBy        *time.Time
}

var (
	insertEnding = inserting[endingRow]()
	updateEnding = updating[endingRow]("id", "made_by")
)

// In a statement on sessions s: what finds the endings e that end s, by each column of
// what minted it; the condition that s is neither revoked nor ended by one; and when it
// was revoked or ended, NULL if it was not.
const (
	itsEnding = "s.created_at <= coalesce(e.made_by, s.created_at) " +
		"AND s.id IS DISTINCT FROM e.except_id AND (s.minted_by IS DISTINCT FROM e.except_id OR e.except_id IS NULL)"
	endingOfApp    = "FROM endings e WHERE e.app_id = s.app_id AND " + itsEnding
	endingOfMinter = "FROM endings e WHERE e.minted_by = s.minted_by AND " + itsEnding

	notEnded  = "s.revoked_at IS NULL AND NOT EXISTS (SELECT 1 " + endingOfApp + ") AND NOT EXISTS (SELECT 1 " + endingOfMinter + ")"
	whenEnded = "coalesce(s.revoked_at, (SELECT min(coalesce(e.made_by, s.created_at)) " + endingOfApp + "), " +
		"(SELECT min(coalesce(e.made_by, s.created_at)) " + endingOfMinter + "))"
)

// OnEnd sets what the store calls after a transaction that has ended more sessions than
// EndSessions returned. Call it before any other use.
func (s *Store) OnEnd(forget func(context.Context)) { s.forget = forget }

// leaveRest ends all sessions that match, which Remove will revoke.
func (t *tx) leaveRest(ctx context.Context, which auth.SessionFilter) error {
	row := endingRow{ID: rand.Text(), AppID: which.AppID, MintedBy: which.MintedBy, ExceptID: which.Except}
	t.left = append(t.left, row.ID)
	return write(ctx, t, insertEnding, &row)
}

// writeAll runs f by do. If f has left sessions to be revoked, it has what may be cached of
// them forgotten, also if nobody knows whether the transaction was made. What is minted
// after it returns is not ended.
func (s *Store) writeAll(
	ctx context.Context, do func(context.Context, func(context.Context, *tx) error) error, f func(context.Context, auth.Tx) error,
) error {
	var left []string
	err := do(ctx, func(ctx context.Context, t *tx) error {
		err := f(ctx, t)
		left = t.left
		return err
	})
	if len(left) == 0 {
		return err
	}
	if err == nil {
		err = s.limitEndings(WithBudget(context.WithoutCancel(ctx)), left)
	}
	if s.forget != nil {
		s.forget(ctx)
	}
	return err
}

// limitEndings makes endings those of no session that is made from now on.
func (s *Store) limitEndings(ctx context.Context, ids []string) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.db.NewUpdate().Conn(t.conn).Model((*endingRow)(nil)).Set("made_by = ?", t.now).
			Where("made_by IS NULL AND id IN (?)", bun.List(ids)))
		return err
	})
}

// endSome revokes some of the sessions of an ending, and reports whether there was one.
func (s *Store) endSome(ctx context.Context) (more bool, err error) {
	if more, err = s.any(ctx, "endings"); err != nil || !more {
		return false, err
	}
	err = s.doBulk(ctx, func(ctx context.Context, t *tx) (err error) {
		more, err = t.endSome(ctx)
		return err
	})
	return more, err
}

// endSome revokes some of the sessions of an ending that no other transaction works on,
// and with the last ones deletes it. It reports whether there was one.
func (t *tx) endSome(ctx context.Context) (bool, error) {
	var row endingRow
	err := t.db.NewRaw("SELECT id, app_id, minted_by, except_id, made_by FROM endings ORDER BY id LIMIT 1"+t.engine.skip).Conn(t.conn).Scan(ctx, &row)
	if err = t.fail(ctx, err); errors.Is(err, problem.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if row.MadeBy == nil { // its process has ended before it could say
		row.MadeBy = &t.now
		if err := write(ctx, t, updateEnding, &row, row.ID); err != nil {
			return false, err
		}
	}
	which := auth.SessionFilter{AppID: row.AppID, MintedBy: row.MintedBy, Except: row.ExceptID}
	_, all, err := t.endMinted(ctx, which, t.now, row.MadeBy)
	if err == nil && all {
		err = remove[endingRow](ctx, t, "id", row.ID)
	}
	return true, err
}
