package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
)

// Signing rotates the keys that sign access tokens, and publishes them.
type Signing struct {
	store     Store
	vault     *credential.Vault
	signer    *signer
	algorithm string // of new keys; "" is resolved by start
	accessTTL time.Duration
}

// JWKS returns the public keys as an RFC 7517 document. It is empty under
// HS256.
func (s *Signing) JWKS() []byte { return s.signer.jwks() }

// start loads the keys. It rotates if the store has none or if the active one
// has another algorithm than is configured. Without a configured algorithm it
// keeps that of the active key, or takes the default.
func (s *Signing) start(ctx context.Context) error {
	if err := s.signer.load(ctx); err != nil {
		return err
	}
	active := s.signer.active()
	if s.algorithm == "" {
		s.algorithm = DefaultConfig().SigningAlgorithm
		if active != nil {
			s.algorithm = active.Algorithm
		}
	}
	if active != nil && active.Algorithm == s.algorithm {
		return nil
	}
	return s.Rotate(ctx)
}

// Rotate makes the next key sign and retires the active one. Every token that
// was accepted before is still accepted.
func (s *Signing) Rotate(ctx context.Context) error {
	c := CallerFrom(ctx)
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		keys, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		if err := s.retire(ctx, tx, keys); err != nil {
			return err
		}
		active, err := s.promote(ctx, tx, keys)
		if err != nil {
			return err
		}
		if err := s.put(ctx, tx, SigningNext); err != nil {
			return err
		}
		e := c.event(audit.SigningRotate, signingKeySubject(active), tx.Now())
		e.Actor = operatorActor
		return tx.Record(ctx, e)
	})
	if err != nil {
		return err
	}
	return s.signer.load(ctx)
}

// retire stops the active key from signing. It deletes retired keys whose last
// token has expired, and next keys of another algorithm.
func (s *Signing) retire(ctx context.Context, tx Tx, keys []StoredSigningKey) error {
	const leeway = time.Minute
	for _, k := range keys {
		switch {
		case k.State == SigningActive:
			now := tx.Now()
			k.State, k.RetiredAt = SigningRetiring, &now
			if err := tx.PutSigningKey(ctx, k); err != nil {
				return err
			}
		case k.State == SigningRetiring && tx.Now().Sub(*k.RetiredAt) > max(s.accessTTL, 24*time.Hour)+leeway,
			k.State == SigningNext && k.Algorithm != s.algorithm:
			if err := tx.DeleteSigningKey(ctx, k.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// promote makes the next key, or a new one, the active one.
func (s *Signing) promote(ctx context.Context, tx Tx, keys []StoredSigningKey) (string, error) {
	for _, k := range keys {
		if k.State == SigningNext && k.Algorithm == s.algorithm {
			k.State = SigningActive
			return k.ID, tx.PutSigningKey(ctx, k)
		}
	}
	return "new", s.put(ctx, tx, SigningActive)
}

func (s *Signing) put(ctx context.Context, tx Tx, state string) error {
	key, err := credential.NewSigningKey(s.algorithm)
	if err != nil {
		return err
	}
	k, err := sealSigningKey(s.vault, key, state, tx.Now())
	if err != nil {
		return err
	}
	return tx.PutSigningKey(ctx, k)
}

// Reload reads the keys again, because another process may have rotated them.
func (s *Signing) Reload(ctx context.Context) error { return s.signer.load(ctx) }
