package auth

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
)

// The states of a signing key. It is published before it signs and verifies
// after it has stopped signing, so that a rotation refuses no token.
const (
	SigningNext     = "next"
	SigningActive   = "active"
	SigningRetiring = "retiring"
)

// StoredSigningKey is a signing key, sealed.
type StoredSigningKey struct {
	ID        string
	State     string
	Algorithm string
	Sealed    []byte
	CreatedAt time.Time
	RetiredAt *time.Time // when it stopped signing
}

// The audiences by which the two kinds of access token differ.
const (
	developerAudience = "openwearables:developer"
	userAudience      = "openwearables:user"
	userScope         = "sdk"
)

var audiences = []string{developerAudience, userAudience}

// signer signs and verifies access tokens with the keys in force.
type signer struct {
	config *Config
	keys   atomic.Pointer[ring]

	learning sync.Mutex
	learned  time.Time // when keys were read for want of one
}

// ring is the signing keys at one time. It is replaced whole.
type ring struct {
	active *credential.SigningKey
	all    credential.KeySet
}

// access signs an access token of the session; it ends no later than the
// session itself but for the second that a token's times are counted in.
func (s *signer) access(row *StoredSession, now time.Time) (string, time.Duration, error) {
	issued := now.Truncate(time.Second)
	ttl := max(time.Second, min(s.config.AccessTTL, row.EndsAt.Sub(now).Truncate(time.Second)))
	claims := credential.Claims{
		Issuer: s.config.Issuer, Audience: developerAudience, Subject: row.DeveloperID,
		SessionID: row.ID, ID: newID(), IssuedAt: issued, NotBefore: issued, ExpiresAt: issued.Add(ttl),
	}
	if row.UserID != "" {
		claims.Audience, claims.Subject = userAudience, row.UserID
		claims.Scope, claims.AppID, claims.Actor = userScope, row.AppID, row.Actor
	}
	token, err := s.keys.Load().active.Sign(claims)
	return token, ttl, err
}

func (s *signer) verify(token string, now time.Time) (credential.Claims, error) {
	return s.keys.Load().all.Verify(token, s.config.Issuer, audiences, now)
}

// Signing rotates the keys that sign access tokens.
type Signing struct{ *core }

// JWKS returns the public keys as an RFC 7517 document; empty under HS256.
func (s *Signing) JWKS() []byte { return s.signer.keys.Load().all.JWKS() }

// start loads the keys; a store without any gets its first, and a change of
// the algorithm setting makes the key set follow it. No setting is the active
// key's algorithm, or the default one.
func (s *Signing) start(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return err
	}
	active := s.signer.keys.Load().active
	if s.config.SigningAlgorithm == "" {
		s.config.SigningAlgorithm = DefaultConfig().SigningAlgorithm
		if active != nil {
			s.config.SigningAlgorithm = active.Algorithm
		}
	}
	if active != nil && active.Algorithm == s.config.SigningAlgorithm {
		return nil
	}
	return s.Rotate(ctx)
}

// Rotate makes the next key sign and retires the one that did. No token that
// was accepted before is refused for it.
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
		e := c.event(audit.SigningRotate, "signing_key:"+active, tx.Now())
		e.Actor = "operator"
		return tx.Record(ctx, e)
	})
	if err != nil {
		return err
	}
	return s.load(ctx)
}

// retire stops the active key from signing and drops those whose last token
// has expired.
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
		case k.State == SigningRetiring && tx.Now().Sub(*k.RetiredAt) > max(s.config.AccessTTL, 24*time.Hour)+leeway,
			k.State == SigningNext && k.Algorithm != s.config.SigningAlgorithm:
			if err := tx.DeleteSigningKey(ctx, k.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// promote makes the next key, or a new one, the one that signs.
func (s *Signing) promote(ctx context.Context, tx Tx, keys []StoredSigningKey) (string, error) {
	for _, k := range keys {
		if k.State == SigningNext && k.Algorithm == s.config.SigningAlgorithm {
			k.State = SigningActive
			return k.ID, tx.PutSigningKey(ctx, k)
		}
	}
	return "new", s.put(ctx, tx, SigningActive)
}

func (s *Signing) put(ctx context.Context, tx Tx, state string) error {
	key, err := credential.NewSigningKey(s.config.SigningAlgorithm)
	if err != nil {
		return err
	}
	plain, err := key.MarshalBinary()
	if err != nil {
		return err
	}
	sealed, err := s.vault.Seal(plain, []byte("signing-key:"+key.ID), "")
	if err != nil {
		return err
	}
	return tx.PutSigningKey(ctx, StoredSigningKey{
		ID: key.ID, State: state, Algorithm: key.Algorithm, Sealed: sealed, CreatedAt: tx.Now(),
	})
}

// Reload reads the keys again, for another process may have rotated them.
func (s *Signing) Reload(ctx context.Context) error { return s.load(ctx) }

// learnEvery bounds how often tokens that name unknown keys cost a reading.
const learnEvery = time.Second

// learn reads the keys again where the token names one that is not known, and
// reports whether the token is to be looked at again.
func (s *core) learn(ctx context.Context, token string) bool {
	if !s.signer.keys.Load().all.Lacks(token) {
		return false
	}
	s.signer.learning.Lock()
	defer s.signer.learning.Unlock()
	if !s.signer.keys.Load().all.Lacks(token) {
		return true
	}
	if now := s.now(); now.Sub(s.signer.learned) >= learnEvery {
		s.signer.learned = now
		if err := (&Signing{s}).load(ctx); err != nil {
			s.log.WarnContext(ctx, "the signing keys could not be read", "error", err)
		}
	}
	return !s.signer.keys.Load().all.Lacks(token)
}

// load replaces the keys in force by those in the store.
func (s *Signing) load(ctx context.Context) error {
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	r := &ring{all: make(credential.KeySet, len(rows))}
	for _, row := range rows {
		plain, err := s.vault.Open(row.Sealed, []byte("signing-key:"+row.ID), "")
		if err != nil {
			return err
		}
		key, err := credential.ParseSigningKey(plain)
		if err != nil {
			return err
		}
		r.all[key.ID] = key
		if row.State == SigningActive {
			r.active = key
		}
	}
	s.signer.keys.Store(r)
	return nil
}
