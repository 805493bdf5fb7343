package auth

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

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
