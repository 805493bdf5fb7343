package auth

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// RefreshTokens trades refresh tokens for new pairs and revokes them.
type RefreshTokens struct {
	store       Store
	vault       *credential.Vault
	finder      *finder
	buckets     *buckets
	perSession  ratelimit.Policy
	repeatsLost bool
	issuer      *issuer
	trail       *trail
	queue       *sessionQueue
	revoker     *revoker
	credentials *credentials
	adopter     *adopter
	outcomes    [refreshOutcomes]atomic.Uint64
}

// Refresh trades a refresh token for a new pair, which spends the token (RFC
// 9700 section 4.14.2). The same call with the same Idempotency-Key returns the
// same refresh token again, with a fresh access token, and so does one without a key
// where Config.RepeatLostRefreshes allows it. Any other second use
// ends the session, except for two uses at once without keys. A token that will
// never work is a 401; a passing fault never is. Once the token was looked up, its
// use does not end with the caller.
func (s *RefreshTokens) Refresh(ctx context.Context, token string) (Grant, error) {
	grant, outcome, err := s.refresh(ctx, token)
	s.outcomes[outcome].Add(1)
	return grant, err
}

// Count returns how many refreshes had the outcome since the start.
func (s *RefreshTokens) Count(o RefreshOutcome) uint64 { return s.outcomes[o].Load() }

func (s *RefreshTokens) refresh(ctx context.Context, token string) (Grant, RefreshOutcome, error) {
	c := CallerFrom(ctx)
	key, err := c.idempotencyKey()
	if err != nil {
		return Grant{}, refreshUndecided, err
	}
	row, t, err := s.finder.byRefreshToken(ctx, token)
	if adopted, failed := s.adopt(ctx, token, err); failed != nil {
		return Grant{}, refreshUndecided, failed
	} else if adopted {
		row, t, err = s.finder.byRefreshToken(ctx, token)
	}
	ctx, end := settle(ctx)
	defer end()
	if errors.Is(err, problem.ErrNotFound) {
		c.Foreign = true
		return Grant{}, refreshRefused, refreshInvalid.refusal()
	} else if err != nil {
		return Grant{}, refreshUndecided, err
	}
	if row.live(s.finder.now()) {
		c.proved = row.holder()
	}
	if err := s.buckets.take(ctx, s.perSession, row.ID); err != nil {
		return Grant{}, refreshUndecided, err
	}
	if row.RevokedAt != nil { // for good: no transaction has to look again
		e := c.Event(audit.Refresh, sessionSubject(row.ID), s.trail.now())
		e.Actor = row.subject()
		return Grant{}, refreshRefused, s.trail.refuseAs(ctx, e, refreshInvalid.refusal())
	}
	var retry *credential.Hash
	if key != "" {
		h := s.vault.HashParts("refresh-retry", row.ID, key)
		retry = &h
	}
	if decideRefresh(&row, int64(t.Generation), retry, s.repeatsLost && row.mayHaveLost(c), s.finder.now()) == refreshRotate {
		if grant, ok, err := s.swap(ctx, c, &row, retry); err != nil {
			return Grant{}, refreshUndecided, err
		} else if ok {
			return grant, refreshRotate.outcome(false), nil
		}
	}
	return s.rotate(ctx, c, row.ID, int64(t.Generation), retry)
}

// adopt adopts a refresh token that was looked up with err, if it may be one of the
// upstream, and reports whether to look again: it may be here also if the upstream
// refuses it, since another call has brought it.
func (s *RefreshTokens) adopt(ctx context.Context, token string, err error) (bool, error) {
	if s.adopter == nil || !errors.Is(err, problem.ErrNotFound) || !credential.IsImportedRefresh(token) {
		return false, nil
	}
	if err := s.adopter.token(ctx, token); err != nil && !errors.Is(err, problem.ErrNotFound) {
		return false, err
	}
	return true, nil
}

// swap rotates the session that was looked up in one step, if it still is as it was
// judged. It reports false if a transaction has to look again; it has then done
// nothing.
func (s *RefreshTokens) swap(ctx context.Context, c *Caller, row *StoredSession, retry *credential.Hash) (Grant, bool, error) {
	next := *row
	next.from(c)
	e := c.Event(audit.Refresh, sessionSubject(row.ID), time.Time{})
	e.Actor = row.subject()
	rotated, ok, err := s.store.RotateSession(ctx, Rotation{
		SessionID: row.ID, Generation: row.Generation, By: retry, Idle: s.issuer.idle, IP: next.IP, Client: next.Client, Event: e,
	})
	if err != nil || !ok {
		return Grant{}, false, err
	}
	next.Generation, next.ExpiresAt = row.Generation+1, rotated.ExpiresAt
	grant, err := s.issuer.grant(&next, rotated.At)
	return grant, true, err
}

func (s *RefreshTokens) rotate(ctx context.Context, c *Caller, id string, generation int64, retry *credential.Hash) (Grant, RefreshOutcome, error) {
	var (
		grant  Grant
		v      verdict
		holder string
		lapsed bool
		minted []string
		e      audit.Event
	)
	end, err := s.queue.wait(ctx, id)
	if err != nil {
		return Grant{}, refreshUndecided, err
	}
	defer end()
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		row, err := tx.Session(ctx, id)
		if errors.Is(err, problem.ErrNotFound) { // deleted since it was looked up
			row, err = StoredSession{ID: id}, nil
		}
		if err != nil {
			return err
		}
		now := tx.Now()
		v, holder = decideRefresh(&row, generation, retry, s.repeatsLost && row.mayHaveLost(c), now), row.subject()
		lapsed = row.RevokedAt == nil && !row.ExpiresAt.IsZero() && !row.live(now)
		if minted, err = s.applyRefresh(ctx, tx, c, &row, v, retry); err != nil {
			return err
		}
		e = c.Event(audit.Refresh, sessionSubject(id), now)
		e.Actor = holder
		switch refusal := v.refusal(); {
		case refusal == nil:
			if grant, err = s.issuer.grant(&row, now); err != nil {
				return err
			}
		case v == refreshReused:
			e.Action, e.Outcome = audit.Reuse, refusal.Reason
		default: // it changed nothing, so that its row needs no transaction with it
			return nil
		}
		return tx.Record(ctx, e)
	})
	if v == refreshReused && undecided(err) {
		s.credentials.forgetSessions(ctx, append(minted, id))
	}
	if err != nil {
		return Grant{}, refreshUndecided, err
	}
	if v == refreshReused {
		s.trail.warnOfReuse(ctx, id, holder)
	}
	c.Replayed = v == refreshReplay
	refusal := v.refusal()
	if refusal == nil {
		return grant, v.outcome(lapsed), nil
	}
	if v == refreshReused {
		return Grant{}, v.outcome(lapsed), refusal
	}
	return Grant{}, v.outcome(lapsed), s.trail.refuseAs(ctx, e, refusal)
}

// applyRefresh writes what the verdict changes of the session. If that ends it,
// the users' sessions that it minted end too, and applyRefresh returns their
// ids.
func (s *RefreshTokens) applyRefresh(
	ctx context.Context, tx Tx, c *Caller, row *StoredSession, v verdict, retry *credential.Hash,
) (minted []string, err error) {
	now := tx.Now()
	switch v {
	case refreshRotate:
		row.Generation++
		row.RotatedAt, row.RotatedBy, row.LastUsedAt = now, retry, now
		row.ExpiresAt = s.issuer.idleEnd(row, now)
		row.from(c)
	case refreshReused:
		row.RevokedAt = &now
	default:
		return nil, nil
	}
	if err := tx.UpdateSession(ctx, *row); err != nil || v != refreshReused || row.DeveloperID == "" {
		return nil, err
	}
	return tx.EndSessions(ctx, SessionFilter{MintedBy: row.ID}, now)
}

// Revoke ends the session of an access token, or of a refresh token of any
// generation, and the user tokens that the session minted. An unknown token is
// not an error (RFC 7009 section 2.2); one that only the upstream knows is adopted first,
// so that it ends.
func (s *RefreshTokens) Revoke(ctx context.Context, token string) error {
	id, holder, err := s.finder.byToken(ctx, token)
	if adopted, failed := s.adopt(ctx, token, err); failed != nil {
		return failed
	} else if adopted {
		id, holder, err = s.finder.byToken(ctx, token)
	}
	c := CallerFrom(ctx)
	if errors.Is(err, problem.ErrNotFound) {
		c.Foreign = true
		return nil
	} else if err != nil {
		return err
	}
	c.proved = holder
	if err := s.buckets.take(ctx, s.perSession, id); err != nil {
		return err
	}
	_, err = s.revoker.revoke(ctx, audit.Revoke, SessionFilter{ID: id})
	return err
}
