package auth

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// Mirror keeps the users upstream as they are here. Safe for concurrent use.
type Mirror struct {
	store    Store
	upstream Upstream         // nil: this process cannot ask it, and leaves that to the nodes
	now      func() time.Time // of the store
	machine  func() time.Time
	log      *slog.Logger
	missing  func(ctx context.Context, id string) error // adopts a user; nil = nobody does
	known    knownUsers
	quiet    atomic.Int64 // until when Syncs are not asked for, in unix nanoseconds of the machine
	waiting  atomic.Int64
}

// Ensure returns nil if the user is there on both sides, so that what is forwarded for it
// arrives. Its errors are problem.ErrNotFound for one who is not here, a *problem.Error
// of kind Conflict and reason user_not_upstream for one who is not there, and one of
// kind Unavailable if it is being deleted or nobody can tell. It asks the upstream once a
// minute for each user.
func (m *Mirror) Ensure(ctx context.Context, userID string) error {
	_, err := m.store.User(ctx, userID)
	if errors.Is(err, problem.ErrNotFound) && m.missing != nil {
		err = m.missing(ctx, userID)
	}
	if err != nil {
		return err
	}
	switch task, err := m.store.MirrorTask(ctx, userID); {
	case err == nil && task.Action == MirrorDelete:
		return errBeingDeleted(nil)
	case err != nil && !errors.Is(err, problem.ErrNotFound):
		return err
	}
	now := m.machine()
	if m.known.has(userID, now) {
		return nil
	}
	switch err := m.upstream.UserExists(ctx, userID); {
	case errors.Is(err, problem.ErrNotFound):
		return errNotUpstream()
	case err != nil:
		return unavailable(err)
	}
	m.known.add(userID, now)
	return nil
}

// Waiting returns how many tasks waited when Count was last called.
func (m *Mirror) Waiting() int { return int(m.waiting.Load()) }

// Count counts the tasks that wait for the upstream.
func (m *Mirror) Count(ctx context.Context) error {
	n, err := m.store.CountMirrorTasks(ctx)
	if err == nil {
		m.waiting.Store(int64(n))
	}
	return err
}

// unavailable returns the refusal of a call since the upstream failed.
func unavailable(err error) error {
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Unavailable {
		return err
	}
	return problem.UnavailableError(err)
}

// begin runs f in a transaction. It waits for a while if another call is at the task
// which f claims.
func (m *Mirror) begin(ctx context.Context, f func(ctx context.Context, tx Tx) error) error {
	for tries := 0; ; tries++ {
		err := m.store.Write(ctx, f)
		if !errors.Is(err, errTaskTaken) || tries == 30 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// claim stores a task of the caller's, or takes over the one with that id which nobody is
// at. Whoever claims one of a user that there is has claimed the user before.
func (m *Mirror) claim(ctx context.Context, tx Tx, id, action, actor string) (c mirrorClaim, err error) {
	c.MirrorTask = MirrorTask{ID: id, Action: action, Actor: actor, Worker: newID(), Until: tx.Now().Add(mirrorLease), CreatedAt: tx.Now()}
	switch before, err := tx.MirrorTask(ctx, id); {
	case errors.Is(err, problem.ErrNotFound):
		n, err := tx.CountMirrorTasks(ctx)
		if err == nil && n >= maxMirrorTasks {
			err = problem.UnavailableError(errors.New("too many changes of users wait for the upstream"))
		}
		if err != nil {
			return c, err
		}
	case err != nil:
		return c, err
	case before.Worker != "" && tx.Now().Before(before.Until):
		return c, problem.UnavailableError(errTaskTaken)
	case before.Action == MirrorDelete && action != MirrorDelete:
		return c, errBeingDeleted(nil)
	default:
		c.resumed, c.Attempts, c.CreatedAt = true, before.Attempts, before.CreatedAt
		if before.Action == MirrorDelete { // whoever asked first
			c.Actor = before.Actor
		}
	}
	return c, tx.PutMirrorTask(ctx, c.MirrorTask)
}

// resume takes over a task that is due, and reports false if it is no more.
func (m *Mirror) resume(ctx context.Context, id string) (c mirrorClaim, ok bool, err error) {
	err = m.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		t, err := tx.MirrorTask(ctx, id)
		if ok = err == nil && !tx.Now().Before(t.Until); !ok {
			return err
		}
		t.Worker, t.Until = newID(), tx.Now().Add(mirrorLease)
		c = mirrorClaim{t, true}
		return tx.PutMirrorTask(ctx, t)
	})
	if errors.Is(err, problem.ErrNotFound) {
		err = nil
	}
	return c, ok, err
}

// hold returns nil if the task is still the caller's.
func (m *Mirror) hold(ctx context.Context, tx Tx, c mirrorClaim) error {
	now, err := tx.MirrorTask(ctx, c.ID)
	if errors.Is(err, problem.ErrNotFound) || err == nil && now.Worker != c.Worker {
		err = problem.UnavailableError(errTaskTaken)
	}
	return err
}

// end removes the task, in the transaction that does its work here. If it is another's by
// now, that one decides.
func (m *Mirror) end(ctx context.Context, tx Tx, c mirrorClaim) error {
	if err := m.hold(ctx, tx, c); err != nil {
		return err
	}
	return tx.DeleteMirrorTask(ctx, c.ID)
}

// drop removes the task, of which nothing is left to be done.
func (m *Mirror) drop(ctx context.Context, c mirrorClaim) {
	m.note(ctx, m.store.Write(ctx, func(ctx context.Context, tx Tx) error { return m.end(ctx, tx, c) }))
}

// leave lets others go on with the task, after the time.
func (m *Mirror) leave(ctx context.Context, c mirrorClaim, after time.Duration) {
	m.note(ctx, m.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if err := m.hold(ctx, tx, c); err != nil {
			return err
		}
		t := c.MirrorTask
		t.Worker, t.Until = "", tx.Now().Add(after)
		t.Attempts++
		return tx.PutMirrorTask(ctx, t)
	}))
}

// note logs why a task could not be changed: others go on with it when its lease is over.
func (m *Mirror) note(ctx context.Context, err error) {
	if err != nil && !errors.Is(err, errTaskTaken) {
		m.log.WarnContext(ctx, "a change of a user upstream is gone on with when its lease is over", "error", err)
	}
}

// settle ends a task for which the upstream was asked and answered with err, unless there
// is more to do.
func (m *Mirror) settle(ctx context.Context, c mirrorClaim, err error) {
	switch {
	case unknown(err):
		m.leave(ctx, c, lateness)
	case err != nil && c.resumed:
		m.leave(ctx, c, backoff(c.Attempts))
	default:
		m.drop(ctx, c)
	}
}

// create makes the user upstream, and returns its id there. Unless adopt makes it a user
// here, it is deleted there again.
func (m *Mirror) create(ctx context.Context, u User, actor string) (c mirrorClaim, id string, err error) {
	err = m.begin(ctx, func(ctx context.Context, tx Tx) (err error) {
		c, err = m.claim(ctx, tx, markerOf+newID(), MirrorCreate, actor)
		return err
	})
	if err != nil {
		return c, "", err
	}
	if id, err = m.upstream.CreateUser(ctx, c.ID, u); err != nil {
		m.settle(ctx, c, err)
		return c, "", upstreamError(err)
	}
	return c, id, nil
}

// adopt turns the task of create into one that gives the user upstream its external id.
// Call it in the transaction that makes the user here.
func (m *Mirror) adopt(ctx context.Context, tx Tx, c mirrorClaim, id string) (mirrorClaim, error) {
	if err := m.end(ctx, tx, c); err != nil {
		return c, err
	}
	c.ID, c.Action, c.resumed = id, MirrorUpdate, true
	return c, tx.PutMirrorTask(ctx, c.MirrorTask)
}

// undo deletes the user upstream whom create made and nobody adopted.
func (m *Mirror) undo(ctx context.Context, c mirrorClaim) error {
	id, err := m.upstream.FindUser(ctx, c.ID)
	if errors.Is(err, problem.ErrNotFound) && m.now().Sub(c.CreatedAt) < markerFor {
		m.leave(ctx, c, backoff(c.Attempts))
		return nil
	}
	if err == nil {
		m.log.InfoContext(ctx, "a user who was made upstream and not here is deleted there", "user", id)
		err = m.upstream.DeleteUser(ctx, id)
	}
	if err == nil || errors.Is(err, problem.ErrNotFound) {
		m.drop(ctx, c)
		return nil
	}
	return err
}

// push gives the user upstream the values that it has here. What fails is gone on with.
func (m *Mirror) push(ctx context.Context, c mirrorClaim, u User) error {
	err := m.upstream.UpdateUser(ctx, u)
	if errors.Is(err, problem.ErrNotFound) {
		m.log.WarnContext(ctx, "a user is not upstream", "user", u.ID)
		err = nil
	}
	m.settle(ctx, c, err)
	return err
}

// update changes the user upstream, as in is about to change it here. One who is not there
// is changed here alone.
func (m *Mirror) update(ctx context.Context, id string, in UserPatch, actor string) (c mirrorClaim, err error) {
	var u User
	err = m.begin(ctx, func(ctx context.Context, tx Tx) (err error) {
		if u, err = tx.ClaimUser(ctx, id); err != nil {
			return userError(err)
		}
		in.apply(&u)
		c, err = m.claim(ctx, tx, id, MirrorUpdate, actor)
		return err
	})
	if err != nil {
		return c, err
	}
	if err = m.upstream.UpdateUser(ctx, u); err != nil && !errors.Is(err, problem.ErrNotFound) {
		m.settle(ctx, c, err)
		return c, upstreamError(err)
	}
	return c, nil
}

// delete removes the user upstream. If it fails, the deletion is decided all the same, and
// gone on with until both sides have done it.
func (m *Mirror) delete(ctx context.Context, id, actor string) (c mirrorClaim, err error) {
	err = m.begin(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := tx.ClaimUser(ctx, id); err != nil {
			return userError(err)
		}
		if c, err = m.claim(ctx, tx, id, MirrorDelete, actor); err != nil || m.upstream != nil {
			return err
		}
		t := c.MirrorTask
		t.Worker, t.Until = "", tx.Now()
		return tx.PutMirrorTask(ctx, t)
	})
	switch {
	case err != nil:
		return c, err
	case m.upstream == nil:
		return c, errBeingDeleted(errNotHere)
	}
	m.known.forget(id)
	if err = m.upstream.DeleteUser(ctx, id); err != nil && !errors.Is(err, problem.ErrNotFound) {
		m.leave(ctx, c, backoff(c.Attempts))
		return c, errBeingDeleted(err)
	}
	return c, nil
}

// upstreamError returns the refusal of a call for which the upstream was asked.
func upstreamError(err error) error {
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Conflict {
		return err
	}
	return unavailable(err)
}
