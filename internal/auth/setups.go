package auth

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Setup brings a new installation to its first developer. Safe for concurrent use.
type Setup struct {
	store     Store
	vault     *credential.Vault
	passwords *passwords
	replays   *replays
	logins    *Logins
	trail     *trail
	now       func() time.Time
}

// Open returns a setup token, or "" if there is a developer. It is a secret, which
// every process of the installation honours once, for a day, while there is no
// developer. The node's next one ends it.
func (s *Setup) Open(ctx context.Context, node string) (token string, err error) {
	token = rand.Text()
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if n, err := tx.CountDevelopers(ctx); err != nil || n > 0 {
			token = ""
			return err
		}
		return tx.PutSetupToken(ctx, StoredSetupToken{
			Node: node, Hash: s.hash(token), CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(setupFor),
		}, maxSetupTokens)
	})
	return token, err
}

func (s *Setup) hash(token string) credential.Hash { return s.vault.HashParts("setup-token", token) }

// CreateFirstDeveloper creates the first developer with a setup token, and opens a
// session for it. A token that is wrong, used or over gets one and the same answer. A
// request with other faults spends nothing. Safe to retry with an Idempotency-Key.
func (s *Setup) CreateFirstDeveloper(ctx context.Context, in SetupInput) (Grant, error) {
	in.Token = strings.TrimSpace(in.Token) // what is copied with it
	var v problem.Check
	v.Text("token", in.Token, 1, problem.MaxText)
	in.Email = checkEmail(&v, "email", in.Email)
	s.passwords.check(&v, "password", in.Password, in.Email)
	if err := v.Err(); err != nil {
		return Grant{}, err
	}
	h := s.hash(in.Token)
	k := call{"CreateFirstDeveloper", hex.EncodeToString(h[:]), []any{in.Email, in.UseCookie}, replayTokensFor}
	if answered, err := s.replays.answered(ctx, k); err != nil {
		return Grant{}, err
	} else if answered {
		return s.repeat(ctx, in, k, h)
	}
	settling, end := settle(ctx)
	defer end()
	t, err := s.store.SetupToken(settling, h)
	switch {
	case errors.Is(err, problem.ErrNotFound) || err == nil && !t.live(s.now()):
		return Grant{}, s.trail.refuse(settling, audit.DeveloperCreate, "", errInvalidSetupToken())
	case err != nil:
		return Grant{}, err
	}
	hash, err := s.passwords.hash(ctx, in.Password)
	if err != nil {
		return Grant{}, err
	}
	return s.create(settling, in, k, h, hash)
}

// create spends the token in the transaction that creates the developer. Of several
// calls at once, with whichever tokens, one finds no developer.
func (s *Setup) create(ctx context.Context, in SetupInput, k call, h credential.Hash, passwordHash string) (Grant, error) {
	c := CallerFrom(ctx)
	d := StoredDeveloper{Developer: Developer{ID: newID(), Email: in.Email}, PasswordHash: passwordHash}
	grant, err := once(ctx, s.replays, k, func(ctx context.Context, tx Tx) (Grant, error) {
		n, err := tx.CountDevelopers(ctx)
		if err != nil {
			return Grant{}, err
		}
		t, err := tx.SetupToken(ctx, h)
		if n > 0 || errors.Is(err, problem.ErrNotFound) || err == nil && !t.live(tx.Now()) || passwordHash == "" {
			return Grant{}, errInvalidSetupToken()
		} else if err != nil {
			return Grant{}, err
		}
		d.CreatedAt, d.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.InsertDeveloper(ctx, d); err != nil {
			return Grant{}, err
		}
		if err := tx.DeleteSetupTokens(ctx); err != nil {
			return Grant{}, err
		}
		e := c.Event(audit.DeveloperCreate, developerSubject(d.ID), tx.Now())
		e.Actor = e.Subject
		if err := tx.Record(ctx, e); err != nil {
			return Grant{}, err
		}
		return s.logins.begin(ctx, tx, c, &d, deviceID{}, in.UseCookie)
	})
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Reason == reasonSetupToken {
		return Grant{}, s.trail.refuse(ctx, audit.DeveloperCreate, "", e)
	}
	if err == nil && !c.Replayed {
		c.proved = Holder{Kind: DeveloperToken, ID: d.ID}
	}
	return grant, err
}

// repeat answers a call whose Idempotency-Key has been used with its token. It is the
// same call if its password is the one of then.
func (s *Setup) repeat(ctx context.Context, in SetupInput, k call, h credential.Hash) (grant Grant, err error) {
	g := guess{password: in.Password, known: true, bucket: "setup:" + k.caller, action: audit.DeveloperCreate, refusal: errKeyReused}
	err = s.passwords.attempt(ctx, g, func(ctx context.Context) (StoredDeveloper, error) {
		d, err := s.store.DeveloperByEmail(ctx, in.Email)
		if errors.Is(err, problem.ErrNotFound) {
			return d, nil
		}
		return d, err
	}, func(ctx context.Context, _ StoredDeveloper) error {
		grant, err = s.create(ctx, in, k, h, "")
		return err
	})
	return grant, err
}
