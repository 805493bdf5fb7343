package auth

import (
	"context"
	"errors"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

// Sessions returns a page of the sessions of a user that have not ended, newest first.
func (s *Tokens) Sessions(ctx context.Context, userID string, in PageInput) (Page[UserSession], error) {
	id, err := s.require(ctx, userID)
	if err != nil {
		return Page[UserSession]{}, err
	}
	fetch := func(ctx context.Context, after *Place, limit int) ([]UserSession, error) {
		if _, err := s.store.User(ctx, id); err != nil {
			return nil, userError(err)
		}
		rows, err := s.store.UserSessions(ctx, id, s.now(), after, limit)
		list := make([]UserSession, len(rows))
		for i := range rows {
			list[i] = rows[i].forOthers(s.uses.latest(rows[i].ID, rows[i].LastUsedAt))
		}
		return list, err
	}
	page, err := readPage(ctx, s.vault, "user-sessions:"+id, in, fetch, func(u *UserSession) Place { return Place{u.CreatedAt, u.ID} })
	if err != nil {
		return Page[UserSession]{}, err
	}
	return page, s.nameMinters(ctx, page.Items)
}

// EndSession ends one session of a user. Its tokens are refused once it returns. It is
// a 404 if the session has ended, or is not one of the user.
func (s *Tokens) EndSession(ctx context.Context, userID, sessionID string) error {
	if _, err := UserID(userID); err != nil {
		return err
	}
	session, err := problem.UUID("session_id", sessionID)
	if err != nil {
		return err
	}
	id, err := s.require(ctx, userID)
	if err != nil {
		return err
	}
	c := CallerFrom(ctx)
	var ended []string
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := tx.User(ctx, id); err != nil {
			return userError(err)
		}
		if ended, err = tx.EndSessions(ctx, SessionFilter{ID: session, UserID: id}, tx.Now()); err != nil {
			return err
		}
		if len(ended) == 0 {
			return problem.NotFoundError("Session")
		}
		return recordSessions(ctx, tx, c, audit.Revoke, ended)
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, ended)
	}
	return err
}

// require admits those who may end the tokens of users, and returns the canonical form
// of the user's id.
func (s *Tokens) require(ctx context.Context, userID string) (string, error) {
	id, err := UserID(userID)
	if err != nil {
		return "", err
	}
	_, err = RequireAccount(ctx, TokensWrite)
	return id, err
}

// nameMinters adds the names of the minters that there still are. A page has few. API
// keys do not learn the emails of developers.
func (s *Tokens) nameMinters(ctx context.Context, list []UserSession) error {
	developer := CallerFrom(ctx).Principal.Kind == DeveloperToken
	type minter struct{ kind, id string }
	names := make(map[minter]*string)
	for i := range list {
		m := minter{list[i].MintedBy, list[i].MinterID}
		if m.kind == byDeveloper && !developer {
			continue
		}
		name, known := names[m]
		if !known {
			found, err := s.minterName(ctx, m.kind, m.id)
			switch {
			case err == nil:
				name = &found
			case !errors.Is(err, problem.ErrNotFound):
				return err
			}
			names[m] = name
		}
		list[i].MinterName = name
	}
	return nil
}

func (s *Tokens) minterName(ctx context.Context, kind, id string) (string, error) {
	switch kind {
	case byDeveloper:
		d, err := s.store.Developer(ctx, id)
		return d.Email, err
	case byKey:
		k, err := s.store.Key(ctx, id)
		return k.Name, err
	default:
		a, err := s.store.Application(ctx, id)
		return a.Name, err
	}
}
