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

// credentials authenticates what requests present and remembers the outcome. A
// credential ends with its subject: a key, or the session of a token. Safe for
// concurrent use.
//
// # Two phases
//
// Reading the database for every request would cost more than most requests do.
// A cache alone would admit a credential that another node has ended. So each
// request is authenticated in two phases, with the charge of its limit between
// them:
//
//  1. authenticate, before the limit is charged, takes the principal from the
//     cache, or verifies the credential against the store. This decides whose
//     bucket is charged.
//  2. buckets.spendCredential charges that bucket and returns, in the same
//     exchange with the peers, the version that the subject has now. revalidate
//     compares it with the version that the cached principal was verified
//     under. If they differ, or if the lease is over, it verifies the
//     credential against the store again. A request that phase 1 verified
//     against the store needs no second look.
//
// A version is always read before the verification that is cached under it, so
// an end between the two shows as a difference at the next request. What phase
// 1 verified is cached under version 0, which stands for unknown: the next
// request verifies once more, under the version that came with its charge. A
// process that is alone has no other version than 0.
//
// Ending a credential runs the other way. The store is written, forget empties
// this cache and bumps the subject's version at the peers, and only then does
// the call return. No request that begins after that return is admitted:
//
//   - on this node, because forget has emptied the cache, and keeps out
//     verifications that were under way;
//   - on another node, because its next charge returns another version;
//   - where Bump failed and another node still sees the old version, because
//     forget then waits until every lease is over. It always does so where very
//     many sessions end at once, which have no version in common (forgetAll).
type credentials struct {
	store    Reader
	vault    *credential.Vault
	signer   *signer
	versions Versions
	cache    *cache
	uses     *lastUses
	pages    bool // may use API keys
	now      func() time.Time
	machine  func() time.Time // measures spans
	log      *slog.Logger
	counts   cacheCounts
}

// authenticate sets the caller's principal or refusal, from the cache if it
// can: the first phase.
func (s *credentials) authenticate(ctx context.Context, c *Caller) {
	if h, epoch, decided := s.recall(c); !decided {
		s.authenticateFresh(ctx, c, h, epoch, 0)
	}
}

// recall sets the caller's principal from the cache, or its refusal if the credential
// has not the form of one. Else it returns what authenticateFresh takes.
func (s *credentials) recall(c *Caller) (h credential.Hash, epoch uint64, decided bool) {
	if c.presentsKey() && !credential.ValidKey(c.presented) {
		c.Principal, c.Refused, c.barred, c.Foreign = nil, errInvalidKey(), nil, true
		return h, 0, true
	}
	h, now := s.vault.HashKey(c.presented), s.now()
	p, epoch := s.cache.get(h)
	if p != nil && s.ended(p, now) { // its session may have been extended since
		s.cache.remove(h)
		p = nil
	}
	if p != nil && s.bars(p, c) != nil { // the key may have been changed since
		p = nil
	}
	if c.verified = p == nil; c.verified {
		s.counts.misses.Add(1)
		return h, epoch, false
	}
	s.counts.hits.Add(1)
	c.Principal, c.Refused, c.barred = p, nil, nil
	p.used.touch(now, c, p.older)
	return h, epoch, true
}

// bars returns the refusal of a valid API key because of where it is used, or nil.
// The principal of a barred key is never the caller's, so that no operation takes it.
func (s *credentials) bars(p *Principal, c *Caller) *problem.Error {
	switch {
	case p.Kind != APIKey:
		return nil
	case c.Page && !s.pages:
		return errKeyInBrowser()
	case !p.admits(c.Address):
		return errElsewhere(c.Address)
	default:
		return nil
	}
}

// ended reports whether a cached principal has expired, or the key that signed
// its token was ended.
func (s *credentials) ended(p *Principal, now time.Time) bool {
	return p.expired(now) || p.signedBy != "" && !s.signer.accepts(p.signedBy)
}

// authenticateFresh verifies the caller's credential against the store, and
// caches the principal unless something was forgotten since epoch. A key that is
// barred is not cached, so that whoever finds it costs its holder nothing. The version
// is one that the subject had before the call, 0 if unknown.
func (s *credentials) authenticateFresh(ctx context.Context, c *Caller, h credential.Hash, epoch, version uint64) {
	now, began := s.now(), s.machine()
	verify := s.verifyToken
	if c.presentsKey() {
		verify = s.verifyKey
	}
	p, err := verify(ctx, c.presented, h, now)
	if err != nil {
		c.Principal, c.Refused, c.barred = nil, problem.AsError(err), nil
		return
	}
	if refusal := s.bars(p, c); refusal != nil {
		c.Principal, c.Refused, c.barred = nil, refusal, p
		return
	}
	p.version, p.verifiedAt = version, began
	s.cache.put(epoch, h, p)
	c.Principal, c.Refused, c.barred = p, nil, nil
	p.used.touch(now, c, p.older)
}

// revalidate holds the caller's principal against the version that its subject
// has now, and verifies the credential again if they differ: the second phase.
// It may leave the caller without a principal.
func (s *credentials) revalidate(ctx context.Context, c *Caller, version uint64) {
	p, lease := c.Principal, s.versions.Lease()
	if c.verified || p.version == version && (lease == 0 || s.machine().Sub(p.verifiedAt) < lease) {
		return
	}
	s.counts.outdated.Add(1)
	h := s.vault.HashKey(c.presented)
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
	return s.holderOf(&k, h, now)
}

// holderOf returns the principal of the key's secret with the hash, or the refusal.
func (s *credentials) holderOf(k *StoredKey, h credential.Hash, now time.Time) (*Principal, error) {
	p, err := s.principalOf(k, h)
	if err == nil && (!k.Enabled || p.expired(now)) {
		return nil, errInvalidKey()
	}
	return p, err
}

// principalOf returns the principal of the key's secret with the hash, also if the key
// admits nobody.
func (s *credentials) principalOf(k *StoredKey, h credential.Hash) (_ *Principal, err error) {
	p := &Principal{Kind: APIKey, ID: k.ID, Scopes: k.Scopes, used: s.uses.key(k.ID), subject: keySubject(k.ID)}
	if p.networks, err = parseNetworks(k.AllowedNetworks); err != nil {
		return nil, err
	}
	if k.ExpiresAt != nil {
		p.Until = *k.ExpiresAt
	}
	if h != k.Hash { // the older secret, during its overlap
		p.DeprecatedAt = *k.RotatedAt
		p.older = s.uses.olderOf(p.used, OlderSecret{APIKey, k.ID, k.PreviousExpiresAt.UnixMicro()})
		if end := *k.PreviousExpiresAt; p.Until.IsZero() || end.Before(p.Until) {
			p.Until = end
		}
	}
	return p, nil
}

// requireMinter returns nil if the caller, who was admitted with a secret of the key,
// may still mint tokens by it as it is stored now, or else the refusal.
func (s *credentials) requireMinter(k *StoredKey, c *Caller, now time.Time) error {
	h := s.vault.HashKey(c.presented)
	if !k.admits(h, now) {
		return errInvalidKey()
	}
	p, err := s.holderOf(k, h, now)
	if err != nil {
		return err
	}
	if refusal := s.bars(p, c); refusal != nil {
		return refusal
	}
	return p.requireScope(TokensWrite)
}

func (s *credentials) verifyToken(ctx context.Context, token string, _ credential.Hash, now time.Time) (*Principal, error) {
	claims, keyID, err := s.signer.verify(ctx, token, now)
	switch {
	case errors.Is(err, credential.ErrTokenExpired):
		return nil, errTokenExpired()
	case errors.Is(err, credential.ErrInvalidToken):
		return nil, errInvalidToken()
	case err != nil:
		return nil, err
	}
	row, err := s.store.Session(ctx, claims.SessionID)
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return nil, err
	}
	p, holder := holderOfToken(claims, keyID), row.DeveloperID
	if p.Kind == UserToken {
		holder = row.UserID
	}
	if err != nil || !row.live(now) || holder != claims.Subject ||
		(p.Kind == UserToken) != (claims.Scope == userScope) {
		return nil, errInvalidToken()
	}
	p.Until = earlier(claims.ExpiresAt, row.ExpiresAt)
	p.used = s.uses.session(row.ID)
	return p, nil
}

// again implements Authenticator.Again.
func (s *credentials) again(ctx context.Context, c *Caller) (*Principal, error) {
	p, err := c.principal()
	if err != nil {
		return nil, err
	}
	now := s.now()
	if p.Kind == APIKey {
		p, err := s.verifyKey(ctx, c.presented, s.vault.HashKey(c.presented), now)
		if err != nil {
			return nil, err
		}
		if refusal := s.bars(p, c); refusal != nil {
			return nil, refusal
		}
		return p, nil
	}
	row, err := s.store.Session(ctx, p.SessionID)
	switch {
	case err != nil && !errors.Is(err, problem.ErrNotFound):
		return nil, err
	case err != nil || !row.live(now) || !s.signer.accepts(p.signedBy):
		return nil, errInvalidToken()
	}
	return p, nil
}

// holderOfToken returns whom the claims of a token name, which the key has signed.
func holderOfToken(claims credential.Claims, keyID string) *Principal {
	p := &Principal{
		Kind: DeveloperToken, ID: claims.Subject, SessionID: claims.SessionID,
		subject: sessionSubject(claims.SessionID), signedBy: keyID,
	}
	if claims.Audience == userAudience {
		p.Kind, p.AppID = UserToken, claims.AppID
	}
	return p
}

// leaseMargin allows for clocks that do not run equally fast.
const leaseMargin = 100 * time.Millisecond

// forget returns once nothing that was verified of the subjects is admitted any
// more, here or on any peer. It takes as long as the lease if the peers cannot
// be reached.
func (s *credentials) forget(ctx context.Context, subjects ...string) {
	for _, subject := range subjects {
		s.cache.forget(subject)
	}
	if len(subjects) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx) // the effect is durable even if the caller has gone
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

// forgetAll returns once nothing that was verified before is admitted any more, here or
// on any peer. No peer is told of that many subjects, so that it takes as long as the
// lease, if there is one.
func (s *credentials) forgetAll(context.Context) {
	s.cache.clear()
	if lease := s.versions.Lease(); lease > 0 {
		time.Sleep(lease + leaseMargin)
	}
}
