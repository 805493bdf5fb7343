package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// token adopts a refresh token of a user, which the upstream spends: until that is stored
// here, nobody has it. What it says is stored before anything else is asked.
func (a *adopter) token(ctx context.Context, token string) error {
	s := a.imports
	id := formatID(importedSessionID(s.vault, credential.ImportDigest(token)))
	known, err := a.spent(ctx, id)
	if err != nil && !errors.Is(err, errNotSpent) {
		return err
	}
	name := s.vault.HashParts("adopted-token", token)
	if known != nil { // its refusal elsewhere is no reason to leave it
		name = s.vault.HashParts("spent-token", token)
	}
	return a.ask(ctx, adoptedToken, name, CallerFrom(ctx).AddressID(), func(ctx context.Context) error {
		known, err := a.spent(ctx, id)
		if !errors.Is(err, errNotSpent) {
			if err == nil {
				err = a.finishToken(ctx, known)
			}
			return err
		}
		of, err := a.upstream.SpendToken(ctx, token)
		if errors.Is(err, problem.ErrNotFound) { // another node may have spent it
			if known, err := a.spent(ctx, id); err == nil {
				return a.finishToken(ctx, known)
			}
		}
		if err != nil {
			return err
		}
		spent := &spentSession{id: id, userID: of.UserID, appID: of.AppID}
		if of.Successor != "" {
			spent.successor = formatID(importedSessionID(s.vault, credential.ImportDigest(of.Successor)))
			defer a.upstream.EndToken(ctx, of.Successor)
		}
		return a.finishToken(ctx, spent)
	})
}

// errNotSpent says that nothing is known here of a refresh token.
var errNotSpent = errors.New("auth: the token was not spent upstream")

// spent returns the refresh token whose session has the id if the upstream has spent it and
// it is no session yet, errNotSpent if nothing is known of it, and problem.ErrNotFound if
// it is or was a session.
func (a *adopter) spent(ctx context.Context, id string) (*spentSession, error) {
	imported, err := a.imports.store.Imported(ctx, ImportedSession, id)
	if errors.Is(err, problem.ErrNotFound) {
		return nil, errNotSpent
	} else if err != nil {
		return nil, err
	}
	if known, pending := readSpent(imported); pending {
		return known, nil
	}
	return nil, problem.ErrNotFound
}

// insist runs f until it does not fail as Unavailable or the time of the question is over:
// for what would be lost otherwise.
func insist(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || problem.AsError(err).Kind != problem.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// finishToken makes the session of a spent token, for which it fetches the user and the
// application if they are not here.
func (a *adopter) finishToken(ctx context.Context, spent *spentSession) error {
	s, done := a.imports, false
	try := func(ctx context.Context, in *importing) (err error) {
		done, err = in.adoptSession(ctx, spent)
		return err
	}
	subject := userSubject(spent.userID)
	err := insist(ctx, func() error { return s.adopt(a.fresh(ctx), subject, try) })
	if err != nil || done {
		return err
	}
	if err := a.bringUser(ctx, spent.userID); err != nil && !errors.Is(err, errSeen) {
		return err
	}
	if !HasNoApplication(spent.appID) {
		app, err := a.upstream.Application(ctx, spent.appID)
		if err != nil {
			return err
		}
		err = s.adopt(ctx, applicationSubject(spent.appID), func(ctx context.Context, in *importing) error {
			return in.adoptApplication(ctx, named(app), nil)
		})
		if err != nil {
			return err
		}
	}
	if err := s.adopt(ctx, subject, try); err != nil || done {
		return err
	}
	return problem.ErrNotFound
}
