package auth

import (
	"context"
	"errors"

	"github.com/openwearables/openwearables/internal/problem"
)

// createMirrored is Create where the user is upstream too: there first, with the id that it
// then has here.
func (s *Users) createMirrored(ctx context.Context, k call, u User) (User, error) {
	refused := s.refuseTaken(ctx, u)
	switch again, err := s.replays.answered(ctx, k); { // asked last: the first call may have taken the values just now
	case err != nil:
		return User{}, err
	case again:
		return s.insert(ctx, k, u, func(context.Context, Tx, *User) error { return problem.UnavailableError(errTaskTaken) })
	case refused != nil:
		return User{}, refused
	}
	ctx = context.WithoutCancel(ctx)
	c, id, err := s.mirror.create(ctx, u, k.caller)
	if err != nil {
		return User{}, err
	}
	var pushing mirrorClaim
	made, err := s.insert(ctx, k, u, func(ctx context.Context, tx Tx, u *User) (err error) {
		u.ID, u.CreatedAt = id, tx.Now()
		pushing, err = s.mirror.adopt(ctx, tx, c, id)
		return err
	})
	if err != nil || CallerFrom(ctx).Replayed {
		s.mirror.leave(ctx, c, 0)
		return made, err
	}
	_ = s.mirror.push(ctx, pushing, made)
	return made, nil
}

// refuseTaken refuses values that another user has, here or upstream, before the user is
// made there. Whether they are decides the transaction that makes it here.
func (s *Users) refuseTaken(ctx context.Context, u User) error {
	taken := func(q UserQuery, column string) error {
		q.SortBy, q.Limit = "created_at", 1
		users, _, err := s.store.Users(ctx, q)
		if err == nil && len(users) > 0 {
			err = userError(&problem.TakenError{Column: column})
		}
		return err
	}
	if u.Email != nil {
		if err := taken(UserQuery{Email: EmailKeys(*u.Email)}, "email"); err != nil {
			return err
		}
	}
	if u.ExternalUserID == nil {
		return nil
	}
	const column = "external_user_id"
	if err := taken(UserQuery{ExternalUserID: u.ExternalUserID}, column); err != nil {
		return err
	}
	switch _, err := s.mirror.upstream.FindUser(ctx, *u.ExternalUserID); {
	case errors.Is(err, problem.ErrNotFound):
		return nil
	case err != nil:
		return unavailable(err)
	}
	return userError(&problem.TakenError{Column: column})
}

// updateMirrored is Update where the user is upstream too: there first, so that what is
// refused there changes nothing here.
func (s *Users) updateMirrored(ctx context.Context, id string, in UserPatch) (User, error) {
	ctx = context.WithoutCancel(ctx)
	c, err := s.mirror.update(ctx, id, in, CallerFrom(ctx).Principal.Actor())
	if err != nil {
		return User{}, err
	}
	u, err := s.change(ctx, id, in, func(ctx context.Context, tx Tx) error { return s.mirror.end(ctx, tx, c) })
	if err != nil { // the user upstream gets back what it has here
		s.mirror.leave(ctx, c, 0)
	}
	return u, err
}

// deleteMirrored deletes the user upstream and then here.
func (s *Users) deleteMirrored(ctx context.Context, id string) (User, error) {
	ctx = context.WithoutCancel(ctx)
	c, err := s.mirror.delete(ctx, id, operableEvent(ctx, "", "", s.mirror.now()).Actor)
	if err != nil {
		return User{}, err
	}
	u, err := s.remove(ctx, id, &c)
	if err != nil {
		s.mirror.leave(ctx, c, 0)
	}
	return u, err
}

// listBySync is List in the order of the last sync, which the upstream knows. Its users who
// are not here are left out of their pages, and counted.
func (s *Users) listBySync(ctx context.Context, in UserList, page int, q UserQuery) (UserPage, error) {
	limit := q.Limit - 1
	syncs, total, err := s.mirror.upstream.Syncs(ctx, in.at(page, &q))
	if err != nil {
		return UserPage{}, unavailable(err)
	}
	out := UserPage{
		Items: make([]User, 0, len(syncs)), Total: total, Page: page, Limit: limit,
		Pages: (total + limit - 1) / limit, HasPrev: page > 1, HasNext: page*limit < total,
	}
	for _, sync := range syncs {
		u, err := s.store.User(ctx, sync.UserID)
		if errors.Is(err, problem.ErrNotFound) {
			continue
		} else if err != nil {
			return UserPage{}, err
		}
		sync.apply(&u)
		out.Items = append(out.Items, u)
	}
	if out.HasNext {
		cursor, err := s.userCursor(q, page+1, total, &User{})
		if err != nil {
			return UserPage{}, err
		}
		out.NextCursor = &cursor
	}
	return out, nil
}

// reconcileBatch is how many tasks one call of Reconcile goes on with at most.
const reconcileBatch = 50

// Reconcile goes on with the changes of users upstream that nobody is at, since a process
// ended or the upstream failed. It returns when nothing is due or the upstream fails, with
// its error. Any number of processes may call it at once.
func (s *Users) Reconcile(ctx context.Context) error {
	if s.mirror == nil || s.mirror.upstream == nil {
		return nil
	}
	due, err := s.store.DueMirrorTasks(ctx, s.mirror.now(), reconcileBatch)
	if err != nil {
		return err
	}
	for _, t := range due {
		c, ok, err := s.mirror.resume(ctx, t.ID)
		if err == nil && ok {
			err = s.finish(context.WithoutCancel(ctx), c)
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// finish does what the task says.
func (s *Users) finish(ctx context.Context, c mirrorClaim) (err error) {
	m := s.mirror
	switch c.Action {
	case MirrorCreate:
		err = m.undo(ctx, c)
	case MirrorUpdate:
		u, err := s.store.User(ctx, c.ID)
		switch {
		case err == nil:
			return m.push(ctx, c, u)
		case errors.Is(err, problem.ErrNotFound):
			m.drop(ctx, c)
			return nil
		}
		return err
	case MirrorDelete:
		if err = m.upstream.DeleteUser(ctx, c.ID); err == nil || errors.Is(err, problem.ErrNotFound) {
			_, err = s.remove(ctx, c.ID, &c)
		}
		if gone := problem.AsError(err); err != nil && gone.Kind == problem.NotFound { // here too, by a node without an upstream
			m.drop(ctx, c)
			return nil
		}
	}
	if err != nil {
		m.leave(ctx, c, backoff(c.Attempts))
	}
	return err
}
