package auth

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Pairings makes the codes with which apps get the tokens of users. Safe for concurrent
// use.
type Pairings struct {
	store   Store
	vault   *credential.Vault
	buckets *buckets
	limits  *Limits
	replays *replays
	tokens  *Tokens
}

// Paired is what a pairing code is traded for.
type Paired struct {
	Grant  Grant
	UserID string
}

func (s *Pairings) hash(code string) credential.Hash { return pairingHash(s.vault, code) }

// Create makes a code for a user, in the place of the user's unused one. Safe to retry
// with an Idempotency-Key.
func (s *Pairings) Create(ctx context.Context, userID string) (PairingCode, error) {
	id, err := s.tokens.require(ctx, userID)
	if err != nil {
		return PairingCode{}, err
	}
	c := CallerFrom(ctx)
	row := StoredPairingCode{UserID: id, AppID: pairingMinter(c.Principal)}
	return once(ctx, s.replays, call{"CreatePairingCode", c.actor(), id, replayFor}, func(ctx context.Context, tx Tx) (PairingCode, error) {
		if err := s.tokens.requirePresent(ctx, tx, c, StoredSession{UserID: id}); err != nil {
			return PairingCode{}, err
		}
		if n, err := tx.CountPairingCodes(ctx, row.AppID, tx.Now(), MaxPairingCodes); err != nil {
			return PairingCode{}, err
		} else if n >= MaxPairingCodes {
			return PairingCode{}, errFull(MaxPairingCodes, "unused pairing codes")
		}
		code := newPairingCode()
		row.ID, row.Hash, row.CreatedAt, row.ExpiresAt = newID(), s.hash(code), tx.Now(), tx.Now().Add(pairedFor)
		if err := tx.PutPairingCode(ctx, row); err != nil {
			return PairingCode{}, err
		}
		made := PairingCode{ID: row.ID, Code: code, UserID: id, ExpiresAt: row.ExpiresAt, CreatedAt: row.CreatedAt}
		return made, tx.Record(ctx, c.Event(audit.PairingCreate, userSubject(id), tx.Now()))
	})
}

// Redeem trades a code for a token pair of its user, once. One that is unknown, used,
// replaced or over gets one and the same answer. Guesses count against the address and
// against a limit that all share; what succeeds, or could not be decided, does not. Safe
// to retry with an Idempotency-Key.
func (s *Pairings) Redeem(ctx context.Context, typed string) (Paired, error) {
	var v problem.Check
	code := readPairingCode(&v, typed)
	if err := v.Err(); err != nil {
		return Paired{}, err
	}
	if err := s.buckets.take(ctx, s.limits.Pairings, allPairings); err != nil {
		return Paired{}, err
	}
	ctx, end := settle(ctx)
	defer end()
	p, err := s.redeem(ctx, s.hash(code))
	if errors.Is(err, problem.ErrNotFound) {
		CallerFrom(ctx).Foreign = true
		return Paired{}, errPairingCode()
	}
	s.buckets.giveBack(ctx, s.limits.Pairings, allPairings)
	s.buckets.refund(ctx, CallerFrom(ctx))
	return p, err
}

// allPairings is the bucket of all guesses at pairing codes.
const allPairings = "all"

// redeem opens the session of the code's user. problem.ErrNotFound means that there is no
// such code any more.
func (s *Pairings) redeem(ctx context.Context, h credential.Hash) (Paired, error) {
	c := CallerFrom(ctx)
	k := call{"RedeemPairingCode", hex.EncodeToString(h[:]), nil, replayTokensFor}
	known, err := s.store.PairingCode(ctx, h) // says which user to claim before the code
	if errors.Is(err, problem.ErrNotFound) {
		if answered, failed := s.replays.answered(ctx, k); failed != nil || !answered {
			return Paired{}, errors.Join(failed, problem.ErrNotFound)
		}
	} else if err != nil {
		return Paired{}, err
	}
	var ended []string
	paired, err := once(ctx, s.replays, k, func(ctx context.Context, tx Tx) (p Paired, err error) {
		if _, err := tx.ClaimUser(ctx, known.UserID); err != nil {
			return Paired{}, err
		}
		if err := requireMaker(ctx, tx, known.AppID); err != nil {
			return Paired{}, err
		}
		if err := tx.SpendPairingCode(ctx, h, tx.Now()); err != nil {
			return Paired{}, err
		}
		e := c.Event(audit.PairingRedeem, userSubject(known.UserID), tx.Now())
		e.Actor = e.Subject
		p.UserID = known.UserID
		p.Grant, ended, err = s.tokens.open(ctx, tx, c, StoredSession{UserID: known.UserID, AppID: known.AppID}, e)
		return p, err
	})
	if undecided(err) {
		s.tokens.credentials.forgetSessions(ctx, ended)
	}
	if err == nil {
		c.proved = Holder{UserToken, paired.UserID, known.AppID}
	}
	return paired, err
}

// requireMaker returns problem.ErrNotFound unless the developer or key that made a code
// could still make one.
func requireMaker(ctx context.Context, tx Tx, appID string) error {
	switch kind, id := minterOf(appID); kind {
	case byDeveloper:
		d, err := tx.Developer(ctx, id)
		if err == nil && d.Disabled {
			err = problem.ErrNotFound
		}
		return err
	case byKey:
		k, err := tx.Key(ctx, id)
		if err == nil && !k.mints(tx.Now()) {
			err = problem.ErrNotFound
		}
		return err
	default:
		return problem.ErrNotFound
	}
}
