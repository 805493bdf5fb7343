package store

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// removalBatch is how many rows of deleted data one transaction removes.
const removalBatch = 100

// Remove goes on with what was left for later: it revokes the sessions that have ended,
// and removes the data of deleted users, in small transactions with pauses. It returns
// once nothing is left. What it has not done when the process ends, the next call does.
// Any number of processes may call it at once.
func (s *Store) Remove(ctx context.Context) error {
	for {
		begun := time.Now()
		ended, err := s.endSome(ctx)
		removed := false
		if err == nil {
			removed, err = s.removeSome(ctx)
		}
		if errors.Is(err, errNoTurn) { // bulk writes are busy; the next call goes on
			return nil
		} else if err != nil {
			return err
		}
		if removed {
			s.unemptied.Store(true)
		} else if !ended {
			break
		}
		select {
		case <-time.After(time.Since(begun)): // the others have half of the time
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.emptyLog(ctx)
}

// emptyLog empties SQLite's WAL if deleted data may still be in it. If a read needs
// it, the next call does.
func (s *Store) emptyLog(ctx context.Context) error {
	if !s.unemptied.Swap(false) {
		return nil
	}
	err := s.truncateLog(ctx)
	if err != nil {
		s.unemptied.Store(true)
	}
	if errors.Is(err, errWALInUse) {
		return nil
	}
	return err
}

// any reports whether the table has rows.
func (s *Store) any(ctx context.Context, table string) (has bool, err error) {
	err = s.use(ctx, func(ctx context.Context, on executor) error {
		return s.db.NewRaw("SELECT EXISTS (SELECT 1 FROM "+table+")").Conn(on).Scan(ctx, &has)
	})
	return has, s.fail(ctx, err)
}

// removeSome removes some of the data, and reports whether there was any.
func (s *Store) removeSome(ctx context.Context) (more bool, err error) {
	if more, err = s.any(ctx, "removals"); err != nil || !more {
		return false, err
	}
	err = s.doBulk(ctx, func(ctx context.Context, t *tx) (err error) {
		more, err = t.removeSome(ctx)
		return err
	})
	return more, err
}

// removeSome removes some of the data of a deleted user whom no other
// transaction works on. It reports whether there was such a user.
func (t *tx) removeSome(ctx context.Context) (bool, error) {
	var user string
	err := t.db.NewRaw("SELECT user_id FROM removals ORDER BY user_id LIMIT 1"+t.engine.skip).Conn(t.conn).Scan(ctx, &user)
	if err = t.fail(ctx, err); errors.Is(err, problem.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, t.removeSomeOf(ctx, user)
}

// removeSomeOf removes some of the data of a deleted user, or else counts of its
// requests. With the last one it strikes the user off the removals.
func (t *tx) removeSomeOf(ctx context.Context, user string) error {
	more, err := t.removeData(ctx, user)
	if err == nil && !more {
		more, err = t.removeUsageOf(ctx, user)
	}
	if err == nil && !more {
		// A release that knows nothing of removals may have removed some of them too.
		_, err = t.exec(ctx, t.db.NewRaw("DELETE FROM removals WHERE user_id = ? AND NOT EXISTS (SELECT 1 FROM workouts WHERE user_id = ?)",
			user, user).Conn(t.conn))
	}
	return err
}

// removeData removes up to removalBatch workouts of a deleted user, and erases the
// user's name from as many entries of its ledger. It reports whether there may be
// more. The counts of its requests, which a lock of the installation guards, it leaves.
func (t *tx) removeData(ctx context.Context, user string) (more bool, err error) {
	removed, err := t.exec(ctx, t.db.NewRaw("DELETE FROM workouts WHERE id IN (SELECT id FROM workouts WHERE user_id = ? LIMIT ?)",
		user, removalBatch).Conn(t.conn))
	if err != nil {
		return false, err
	}
	erased, err := t.eraseReads(ctx, user, removalBatch)
	return removed == removalBatch || erased == removalBatch, err
}
