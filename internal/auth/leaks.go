package auth

import (
	"context"
	"errors"
	"strings"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// maxReported is the length of the longest credential that is reported, in
// characters.
const maxReported = 8192

// Leaks ends credentials that were found where they do not belong. Safe for
// concurrent use.
type Leaks struct {
	store       Store
	vault       *credential.Vault
	finder      *finder
	revoker     *revoker
	credentials *credentials
	adopter     *adopter
}

// Report ends a credential, for whoever holds it: the secret of an API key, with
// the sessions that the key minted; the secret of an application; or the session of
// a token. What it ends is refused once it returns nil. It returns nil also for
// what is no credential here. A key or token that only the upstream knows is adopted first,
// so that it ends.
//
// White space around it is removed, as when it was copied with the end of its line.
func (s *Leaks) Report(ctx context.Context, secret string) error {
	var v problem.Check
	v.Text("credential", secret, 1, maxReported)
	if err := v.Err(); err != nil {
		return err
	}
	secret = strings.TrimSpace(secret)
	err := s.end(ctx, secret)
	if errors.Is(err, problem.ErrNotFound) && s.adopter != nil {
		if err = s.adopt(ctx, secret); err == nil {
			err = s.end(ctx, secret)
		}
	}
	if errors.Is(err, problem.ErrNotFound) {
		CallerFrom(ctx).Foreign = true
		return nil
	}
	return err
}

// adopt adopts what only the upstream may know.
func (s *Leaks) adopt(ctx context.Context, secret string) error {
	switch {
	case credential.IsImportedKey(secret):
		return s.adopter.key(ctx, secret, CallerFrom(ctx).AddressID())
	case credential.IsImportedRefresh(secret):
		return s.adopter.token(ctx, secret)
	default:
		return problem.ErrNotFound
	}
}

func (s *Leaks) end(ctx context.Context, secret string) (err error) {
	switch {
	case credential.ValidKey(secret):
		err = s.endKey(ctx, secret)
	case credential.Valid(credential.AppSecret, secret), credential.IsImportedAppSecret(secret):
		err = s.endApplicationSecret(ctx, s.vault.Hash(secret))
	default:
		err = s.endSession(ctx, secret)
	}
	return err
}

func (s *Leaks) endSession(ctx context.Context, token string) error {
	id, _, err := s.finder.byToken(ctx, token)
	if err != nil {
		return err
	}
	ctx, end := settle(ctx)
	defer end()
	_, err = s.revoker.revoke(ctx, audit.CredentialReport, SessionFilter{ID: id})
	return err
}

// endKey puts a secret that nobody has in the place of the key's newest one, or
// drops the older one.
func (s *Leaks) endKey(ctx context.Context, secret string) error {
	h := s.vault.HashKey(secret)
	found, err := s.store.KeyByHash(ctx, h)
	if err != nil {
		return err
	}
	ctx, end := settle(ctx)
	defer end()
	var ended []string
	err = s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) error {
		k, err := tx.Key(ctx, found.ID)
		if err != nil {
			return err
		}
		switch {
		case k.Hash == h:
			k.Hash = s.vault.Hash(credential.Mint(credential.LiveKey))
			if ended, err = endKey(ctx, tx, k.ID); err != nil {
				return err
			}
		case k.PreviousHash != nil && *k.PreviousHash == h:
			k.PreviousHash, k.PreviousExpiresAt = nil, nil
		default: // it was rotated away meanwhile
			return nil
		}
		if err := tx.UpdateKey(ctx, k); err != nil {
			return err
		}
		return tx.Record(ctx, CallerFrom(ctx).Event(audit.CredentialReport, keySubject(k.ID), tx.Now()))
	})
	if undecided(err) {
		s.credentials.forget(ctx, keySubject(found.ID))
		s.credentials.forgetSessions(ctx, ended)
	}
	return err
}

// endApplicationSecret is endKey for the secret of an application.
func (s *Leaks) endApplicationSecret(ctx context.Context, h credential.Hash) error {
	found, err := s.store.ApplicationByHash(ctx, h)
	if err != nil {
		return err
	}
	ctx, end := settle(ctx)
	defer end()
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		a, err := tx.ClaimApplication(ctx, found.AppID)
		if err != nil {
			return err
		}
		switch {
		case a.Hash == h:
			a.Hash = s.vault.Hash(credential.Mint(credential.AppSecret))
		case a.PreviousHash != nil && *a.PreviousHash == h:
			a.PreviousHash, a.PreviousExpiresAt = nil, nil
		default:
			return nil
		}
		if err := tx.UpdateApplication(ctx, a); err != nil {
			return err
		}
		return tx.Record(ctx, CallerFrom(ctx).Event(audit.CredentialReport, applicationSubject(a.AppID), tx.Now()))
	})
}
