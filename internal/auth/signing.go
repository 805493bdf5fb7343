package auth

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
)

// Signing rotates the keys that sign access tokens, and publishes them.
type Signing struct {
	store     Store
	vault     *credential.Vault
	signer    *signer
	algorithm string // that the operator asked for; "" = none
	accessTTL time.Duration
	now       func() time.Time
	log       *slog.Logger
}

// defaultAlgorithm is that of the first signing key.
const defaultAlgorithm = credential.HS256

// JWKS returns the public keys as an RFC 7517 document. It is empty under
// HS256. The error is Unavailable if the keys are older than SigningKeysFor and
// could not be read again.
func (s *Signing) JWKS(ctx context.Context) ([]byte, error) { return s.signer.jwks(ctx) }

// Keys returns the active key, the next one, and those whose tokens are still accepted.
func (s *Signing) Keys(ctx context.Context) ([]SigningKey, error) {
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	keys := make([]SigningKey, 0, len(rows))
	for _, k := range rows {
		if !k.ended(s.now(), s.accessTTL) {
			keys = append(keys, SigningKey{k.ID, k.Algorithm, k.State, k.CreatedAt, k.endsAt(s.accessTTL)})
		}
	}
	slices.SortStableFunc(keys, func(a, b SigningKey) int {
		return cmp.Compare(slices.Index(signingStates, a.State), slices.Index(signingStates, b.State))
	})
	return keys, nil
}

// start loads the keys. If the store has none and this process issues tokens, it
// makes the first ones. It never changes the algorithm: nodes that are configured
// differently would undo each other's change at every start.
func (s *Signing) start(ctx context.Context, issues bool) error {
	if err := s.signer.load(ctx); err != nil {
		return err
	}
	active := s.signer.active()
	switch {
	case active == nil && !issues:
		return nil
	case active == nil:
		return s.change(ctx, func(ctx context.Context, tx Tx, keys []StoredSigningKey) error {
			if len(keys) > 0 { // another process was first
				return nil
			}
			return s.rotate(ctx, tx, nil, cmp.Or(s.algorithm, defaultAlgorithm))
		})
	case s.algorithm != "" && s.algorithm != active.Algorithm:
		s.log.WarnContext(ctx, fmt.Sprintf("--jwt-alg %s is not the algorithm in use, which stays %s: "+
			"run openwearables signing-key rotate --jwt-alg %s to change it for all nodes, or leave --jwt-alg out", s.algorithm, active.Algorithm, s.algorithm))
	}
	return nil
}

// Rotate makes the next key sign and retires the active one. Every token that
// was accepted before is still accepted.
func (s *Signing) Rotate(ctx context.Context) error { return s.RotateTo(ctx, "") }

// RotateTo is Rotate to an algorithm; "" keeps the present one. A key of another
// algorithm has not been published before it signs.
func (s *Signing) RotateTo(ctx context.Context, algorithm string) error {
	return s.change(ctx, func(ctx context.Context, tx Tx, keys []StoredSigningKey) error {
		return s.rotate(ctx, tx, keys, cmp.Or(algorithm, algorithmOf(keys)))
	})
}

// algorithmOf returns the algorithm of the active key.
func algorithmOf(keys []StoredSigningKey) string {
	for _, k := range keys {
		if k.State == SigningActive {
			return k.Algorithm
		}
	}
	return defaultAlgorithm
}

// Revoke ends a signing key: the tokens that it signed are refused. This process
// refuses them once Revoke returns; others do no later than SigningKeysFor after
// it, and refuse what they had verified before once their lease is over. If the
// key was the active one, the next one signs.
func (s *Signing) Revoke(ctx context.Context, id string) error {
	return s.change(ctx, func(ctx context.Context, tx Tx, keys []StoredSigningKey) error {
		i := slices.IndexFunc(keys, func(k StoredSigningKey) bool { return k.ID == id })
		if i < 0 {
			return errNoSigningKey(id, keys)
		}
		if err := tx.DeleteSigningKey(ctx, id); err != nil {
			return err
		}
		if err := s.record(ctx, tx, audit.SigningRevoke, id); err != nil {
			return err
		}
		switch ended := keys[i]; ended.State {
		case SigningActive:
			return s.rotate(ctx, tx, slices.Delete(keys, i, i+1), ended.Algorithm)
		case SigningNext:
			_, err := s.put(ctx, tx, SigningNext, ended.Algorithm)
			return err
		default:
			return nil
		}
	})
}

// change changes the keys in a transaction and then those in force.
func (s *Signing) change(ctx context.Context, f func(context.Context, Tx, []StoredSigningKey) error) error {
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		keys, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		return f(ctx, tx, keys)
	})
	if err != nil {
		return err
	}
	return s.signer.load(ctx)
}

func (s *Signing) record(ctx context.Context, tx Tx, action, id string) error {
	e := CallerFrom(ctx).Event(action, signingKeySubject(id), tx.Now())
	e.Actor = operatorActor
	return tx.Record(ctx, e)
}

// rotate retires the active key if there is one, and makes the next key sign, or a
// new one if that is of another algorithm.
func (s *Signing) rotate(ctx context.Context, tx Tx, keys []StoredSigningKey, algorithm string) error {
	if err := s.retire(ctx, tx, keys, algorithm); err != nil {
		return err
	}
	active, err := s.promote(ctx, tx, keys, algorithm)
	if err != nil {
		return err
	}
	if _, err := s.put(ctx, tx, SigningNext, algorithm); err != nil {
		return err
	}
	return s.record(ctx, tx, audit.SigningRotate, active)
}

// retire stops the active key from signing. It deletes retired keys whose last
// token has expired, and next keys of another algorithm.
func (s *Signing) retire(ctx context.Context, tx Tx, keys []StoredSigningKey, algorithm string) error {
	for _, k := range keys {
		switch {
		case k.State == SigningActive:
			now := tx.Now()
			k.State, k.RetiredAt = SigningRetiring, &now
			if err := tx.PutSigningKey(ctx, k); err != nil {
				return err
			}
		case k.ended(tx.Now(), s.accessTTL),
			k.State == SigningNext && k.Algorithm != algorithm:
			if err := tx.DeleteSigningKey(ctx, k.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// promote makes the next key, or a new one, the active one and returns its id.
func (s *Signing) promote(ctx context.Context, tx Tx, keys []StoredSigningKey, algorithm string) (string, error) {
	for _, k := range keys {
		if k.State == SigningNext && k.Algorithm == algorithm {
			k.State = SigningActive
			return k.ID, tx.PutSigningKey(ctx, k)
		}
	}
	return s.put(ctx, tx, SigningActive, algorithm)
}

// put stores a new key and returns its id.
func (s *Signing) put(ctx context.Context, tx Tx, state, algorithm string) (string, error) {
	key, err := credential.NewSigningKey(algorithm)
	if err != nil {
		return "", err
	}
	k, err := sealSigningKey(s.vault, key, state, tx.Now())
	if err != nil {
		return "", err
	}
	return k.ID, tx.PutSigningKey(ctx, k)
}

// Reload reads the keys again, because another process may have rotated them,
// unless a reading is under way, whose end it awaits.
func (s *Signing) Reload(ctx context.Context) error { return s.signer.read(ctx, 0) }
