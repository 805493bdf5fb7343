package auth

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/problem"
)

// credentials proves what callers present and remembers what it proved. Safe for
// concurrent use.
type credentials struct {
	store    Reader
	vault    *credential.Vault
	signer   *signer
	versions Versions
	cache    *cache
	uses     *lastUses
	now      func() time.Time
	log      *slog.Logger
}

// authenticate takes an earlier proof of the caller's credential or makes one.
func (s *credentials) authenticate(ctx context.Context, c *Caller) {
	if c.presentsKey() && !credential.ValidKey(c.presented) {
		c.Principal, c.Refused = nil, errInvalidKey()
		return
	}
	h, now := s.vault.Hash(c.presented), s.now()
	p, epoch := s.cache.get(h)
	if p != nil && p.expired(now) { // a session may have been prolonged since
		s.cache.remove(h)
		p = nil
	}
	if c.verified = p == nil; c.verified {
		s.authenticateFresh(ctx, c, h, epoch, 0)
		return
	}
	c.Principal, c.Refused = p, nil
	p.used.touch(now)
}

// authenticateFresh proves the caller's credential by the store. The version is that of its
// subject before, 0 if unknown.
func (s *credentials) authenticateFresh(ctx context.Context, c *Caller, h credential.Hash, epoch, version uint64) {
	now := s.now()
	verify := s.verifyToken
	if c.presentsKey() {
		verify = s.verifyKey
	}
	p, err := verify(ctx, c.presented, h, now)
	if err != nil {
		c.Principal, c.Refused = nil, problem.AsError(err)
		return
	}
	p.version, p.verifiedAt = version, now
	s.cache.put(epoch, h, p)
	c.Principal, c.Refused = p, nil
	p.used.touch(now)
}

// revalidate holds the caller's proof against the version that its subject has now, and
// makes a new one where it is from before that. The caller may be without a
// principal then.
func (s *credentials) revalidate(ctx context.Context, c *Caller, version uint64) {
	p, lease := c.Principal, s.versions.Lease()
	if c.verified || p.version == version && (lease == 0 || s.now().Sub(p.verifiedAt) < lease) {
		return
	}
	h := s.vault.Hash(c.presented)
	_, epoch := s.cache.get(h)
	if s.authenticateFresh(ctx, c, h, epoch, version); c.Principal == nil {
		s.cache.remove(h)
	}
}

func (s *credentials) verifyKey(ctx context.Context, _ string, h credential.Hash, now time.Time) (*Principal, error) {
	k, err := s.store.KeyByHash(ctx, h)
	if errors.Is(err, problem.ErrNotFound) {
		return nil, errInvalidKey()
	} else if err != nil {
		return nil, err
	}
	p := &Principal{Kind: APIKey, ID: k.ID, Scopes: k.Scopes, used: s.uses.key(k.ID), subject: keySubject(k.ID)}
	if k.ExpiresAt != nil {
		p.Until = *k.ExpiresAt
	}
	if h != k.Hash { // the older secret, for as long as the overlap lasts
		p.DeprecatedAt = *k.RotatedAt
		if end := *k.PreviousExpiresAt; p.Until.IsZero() || end.Before(p.Until) {
			p.Until = end
		}
	}
	if !k.Enabled || p.expired(now) {
		return nil, errInvalidKey()
	}
	return p, nil
}

func (s *credentials) verifyToken(ctx context.Context, token string, _ credential.Hash, now time.Time) (*Principal, error) {
	claims, err := s.signer.verify(token, now)
	if errors.Is(err, credential.ErrInvalidToken) && s.signer.learn(ctx, token) {
		claims, err = s.signer.verify(token, now)
	}
	if errors.Is(err, credential.ErrTokenExpired) {
		return nil, errTokenExpired()
	} else if err != nil {
		return nil, errInvalidToken()
	}
	row, err := s.store.Session(ctx, claims.SessionID)
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return nil, err
	}
	p := &Principal{Kind: DeveloperToken, ID: claims.Subject, SessionID: claims.SessionID, subject: sessionSubject(claims.SessionID)}
	holder := row.DeveloperID
	if claims.Audience == userAudience {
		p.Kind, p.AppID, holder = UserToken, claims.AppID, row.UserID
	}
	if err != nil || !row.live(now) || holder != claims.Subject ||
		(p.Kind == UserToken) != (claims.Scope == userScope) {
		return nil, errInvalidToken()
	}
	p.Until = earlier(claims.ExpiresAt, row.ExpiresAt)
	p.used = s.uses.session(row.ID)
	return p, nil
}

// leaseMargin is for clocks that do not run equally fast.
const leaseMargin = 100 * time.Millisecond

// forget makes sure, before it returns, that nothing that was proved of the
// subjects is believed any more, here or by any peer.
func (s *credentials) forget(ctx context.Context, subjects ...string) {
	for _, subject := range subjects {
		s.cache.forget(subject)
	}
	if len(subjects) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx) // the effect is there, whether the caller still is or not
	if err := s.versions.Bump(ctx, subjects); err != nil {
		s.log.WarnContext(ctx, "peers could not be told of an end, its answer waits until they ask the database", "error", err)
		time.Sleep(s.versions.Lease() + leaseMargin)
	}
	failpoint.Hit(failpoint.AfterForget)
}

func (s *credentials) forgetSessions(ctx context.Context, ids []string) {
	subjects := make([]string, len(ids))
	for i, id := range ids {
		subjects[i] = sessionSubject(id)
	}
	s.forget(ctx, subjects...)
}
