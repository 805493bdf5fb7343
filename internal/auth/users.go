package auth

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Users manages the account's users.
type Users struct {
	store       Store
	vault       *credential.Vault
	replays     *replays
	credentials *credentials
	mirror      *Mirror // nil: there is no upstream
	adopter     *adopter
	most        int          // users
	recounted   atomic.Int64 // when the users were last found to be as many, in unix seconds
}

// Create adds a user, upstream too. Safe to retry with an Idempotency-Key.
func (s *Users) Create(ctx context.Context, in UserPatch) (User, error) {
	p, err := RequireAccount(ctx, UsersWrite)
	if err != nil {
		return User{}, err
	}
	if err := in.check(); err != nil {
		return User{}, err
	}
	var u User
	in.apply(&u)
	k := call{"CreateUser", p.Actor(), in.values(), replayFor}
	if s.mirror != nil {
		return s.createMirrored(ctx, k, u)
	}
	return s.insert(ctx, k, u, func(_ context.Context, tx Tx, u *User) error {
		u.ID, u.CreatedAt = newID(), tx.Now()
		return nil
	})
}

// insert adds the user, to which identify gives its id and time, or answers a retry.
func (s *Users) insert(ctx context.Context, k call, u User, identify func(context.Context, Tx, *User) error) (User, error) {
	made, err := once(ctx, s.replays, k, func(ctx context.Context, tx Tx) (newUser, error) {
		if err := s.takePlace(ctx, tx); err != nil {
			return newUser{}, err
		}
		if err := identify(ctx, tx, &u); err != nil {
			return newUser{}, err
		}
		if err := tx.InsertUser(ctx, u); err != nil {
			return newUser{}, userError(err)
		}
		return newUser{u.ID, u.CreatedAt},
			tx.Record(ctx, CallerFrom(ctx).Event(audit.UserCreate, userSubject(u.ID), tx.Now()))
	})
	u.ID, u.CreatedAt = made.ID, made.CreatedAt
	return u, err
}

// newUser is what an answer to CreateUser has beside what its request said. Only
// this is kept for a retry, so that no name or address outlives a deleted user.
type newUser struct {
	ID        string
	CreatedAt time.Time
}

// recountEvery is how often the users are counted anew while their number seems
// to be full.
const recountEvery = time.Minute

// takePlace counts one user more, or returns the refusal if there are too many.
func (s *Users) takePlace(ctx context.Context, tx Tx) error {
	ok, err := tx.TakeUserPlace(ctx, s.most)
	if now := tx.Now().Unix(); err == nil && !ok && now-s.recounted.Load() >= int64(recountEvery/time.Second) {
		s.recounted.Store(now)
		if err = tx.RecountUsers(ctx); err == nil {
			ok, err = tx.TakeUserPlace(ctx, s.most)
		}
	}
	if err == nil && !ok {
		err = errFull(s.most, "users")
	}
	return err
}

// Get returns a user, to the account or to that user.
func (s *Users) Get(ctx context.Context, userID string) (User, error) {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return User{}, err
	}
	if _, err := RequireOwner(ctx, UsersRead, id); err != nil {
		return User{}, err
	}
	u, err := s.store.User(ctx, id)
	if errors.Is(err, problem.ErrNotFound) {
		if err = s.adopter.user(ctx, id); err == nil {
			u, err = s.store.User(ctx, id)
		}
	}
	if err != nil {
		return User{}, userError(err)
	}
	if s.mirror != nil {
		one := []User{u}
		s.mirror.show(ctx, one, UserList{})
		u = one[0]
	}
	return u, nil
}

// Update changes a user, upstream too.
func (s *Users) Update(ctx context.Context, userID string, in UserPatch) (User, error) {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return User{}, err
	}
	if _, err := RequireAccount(ctx, UsersWrite); err != nil {
		return User{}, err
	}
	if err := in.check(); err != nil {
		return User{}, err
	}
	if s.mirror != nil {
		return s.updateMirrored(ctx, id, in)
	}
	return s.change(ctx, id, in, func(context.Context, Tx) error { return nil })
}

// change changes the user, with what else belongs into the transaction.
func (s *Users) change(ctx context.Context, id string, in UserPatch, also func(context.Context, Tx) error) (u User, err error) {
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if u, err = tx.ClaimUser(ctx, id); err != nil {
			return userError(err)
		}
		if err := also(ctx, tx); err != nil {
			return err
		}
		in.apply(&u)
		if err := tx.UpdateUser(ctx, u); err != nil {
			return userError(err)
		}
		return tx.Record(ctx, CallerFrom(ctx).Event(audit.UserUpdate, userSubject(id), tx.Now()))
	})
	return u, err
}

// Delete removes a user with its sessions and tokens, and returns the user as it
// was. Its data can no longer be read, and is removed soon after. If there is an upstream,
// the user and its data are gone there before. If that fails, Delete returns an error of
// kind Unavailable, and Reconcile goes on until it is done.
func (s *Users) Delete(ctx context.Context, userID string) (User, error) {
	id, err := problem.UUID("id", userID)
	if err != nil {
		return User{}, err
	}
	if _, err := RequireAccount(ctx, UsersWrite); err != nil {
		return User{}, err
	}
	return s.delete(ctx, id)
}

// delete removes a user, for the caller or the operator.
func (s *Users) delete(ctx context.Context, id string) (User, error) {
	if s.mirror != nil {
		return s.deleteMirrored(ctx, id)
	}
	return s.remove(ctx, id, nil)
}

// remove removes a user, and the task of its deletion upstream unless that is nil.
func (s *Users) remove(ctx context.Context, id string, c *mirrorClaim) (User, error) {
	var u User
	var ended []string
	err := s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) (err error) {
		if err := tx.GiveUserPlace(ctx); err != nil {
			return err
		}
		if u, err = tx.User(ctx, id); err != nil {
			return userError(err)
		}
		if c != nil {
			if err := s.mirror.end(ctx, tx, *c); err != nil {
				return err
			}
		}
		if ended, err = tx.EndSessions(ctx, SessionFilter{UserID: id}, tx.Now()); err != nil {
			return err
		}
		if err := tx.DeleteUser(ctx, id); err != nil {
			return err
		}
		e := operableEvent(ctx, audit.UserDelete, userSubject(id), tx.Now())
		if c != nil {
			e.Actor = c.Actor
		}
		return tx.Record(ctx, e)
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, ended)
	}
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// List returns one page of the account's users. Ties are broken by id; users
// without the value come last in descending order and first in ascending.
func (s *Users) List(ctx context.Context, in UserList) (UserPage, error) {
	if _, err := RequireAccount(ctx, UsersRead); err != nil {
		return UserPage{}, err
	}
	page, q, err := s.query(in)
	if err != nil {
		return UserPage{}, err
	}
	if s.mirror != nil && q.SortBy == "last_synced_at" {
		return s.listBySync(ctx, in, page, q)
	}
	users, total, err := s.store.Users(ctx, q) // one more than the limit tells whether there is another page
	if err != nil {
		return UserPage{}, err
	}
	out := UserPage{
		Items: users, Total: total, Page: page, Limit: q.Limit - 1,
		Pages: (total + q.Limit - 2) / (q.Limit - 1), HasPrev: page > 1 || q.After != nil,
	}
	if out.HasNext = len(users) == q.Limit; out.HasNext {
		out.Items = users[:out.Limit]
		cursor, err := s.userCursor(q, page+1, total, &out.Items[out.Limit-1])
		if err != nil {
			return UserPage{}, err
		}
		out.NextCursor = &cursor
	}
	if s.mirror != nil {
		s.mirror.show(ctx, out.Items, in.at(page, &q))
	}
	return out, nil
}

func (s *Users) query(in UserList) (page int, q UserQuery, err error) {
	var v problem.Check
	page, limit, order := 1, 20, "desc"
	q.SortBy = "created_at"
	for _, p := range []struct {
		from *int
		to   *int
	}{{in.Page, &page}, {in.Limit, &limit}} {
		if p.from != nil {
			*p.to = *p.from
		}
	}
	v.Between("page", page, 1, maxPage)
	v.Between("limit", limit, 1, 100)
	if in.SortBy != nil {
		q.SortBy = *in.SortBy
	}
	if in.SortOrder != nil {
		order = *in.SortOrder
	}
	v.OneOf("sort_by", q.SortBy, userOrders...)
	v.OneOf("sort_order", order, "asc", "desc")
	v.Optional("search", in.Search, problem.MaxText)
	v.Optional("email", in.Email, problem.MaxEmail)
	v.Optional("external_user_id", in.ExternalUserID, problem.MaxText)
	q.Descending, q.Limit = order == "desc", limit+1
	if in.ExternalUserID != nil && *in.ExternalUserID != "" {
		q.ExternalUserID = in.ExternalUserID
	}
	if in.Search != nil {
		q.Search = Fold(*in.Search)
	}
	if in.Email != nil && trimEmail(*in.Email) != "" {
		q.Email = EmailKeys(*in.Email)
	}
	if in.Cursor != nil {
		page = s.readUserCursor(&v, &q, *in.Cursor)
	}
	q.Offset = (page - 1) * limit
	return page, q, v.Err()
}

func (s *Users) userCursor(q UserQuery, page, total int, last *User) (string, error) {
	return s.vault.SealCursor(q.filters(), userCursor{page, &total, UserPosition{last.sortValue(q.SortBy), last.ID}})
}

func (s *Users) readUserCursor(v *problem.Check, q *UserQuery, cursor string) int {
	var at userCursor
	if !s.vault.OpenCursor(q.filters(), cursor, &at) {
		v.Fail("cursor", "must be a next_cursor of the same list with the same filters")
		return 1
	}
	q.After, q.Total = &at.UserPosition, at.Total
	return at.Page
}
