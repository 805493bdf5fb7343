package auth

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// The audiences that tell the two kinds of access token apart.
const (
	developerAudience = "openwearables:developer"
	userAudience      = "openwearables:user"
	userScope         = "sdk"
)

var audiences = []string{developerAudience, userAudience}

// signer signs and verifies access tokens with the keys in force, which it
// reads from the store. load must have succeeded once. Safe for concurrent use.
type signer struct {
	store     Reader
	vault     *credential.Vault
	issuer    string
	accessTTL time.Duration
	now       func() time.Time
	log       *slog.Logger

	keys     atomic.Pointer[ring]
	learning sync.Mutex
	learned  time.Time // when an unknown key last caused a reading
}

// ring holds the signing keys at one time. It is replaced as a whole.
type ring struct {
	active *credential.SigningKey
	all    credential.KeySet
}

// access signs an access token of the session and returns how long it lives. It
// ends no later than the session, to within the second that token times are
// counted in.
func (s *signer) access(row *StoredSession, now time.Time) (string, time.Duration, error) {
	issued := now.Truncate(time.Second)
	ttl := max(time.Second, min(s.accessTTL, row.EndsAt.Sub(now).Truncate(time.Second)))
	claims := credential.Claims{
		Issuer: s.issuer, Audience: developerAudience, Subject: row.DeveloperID,
		SessionID: row.ID, ID: newID(), IssuedAt: issued, NotBefore: issued, ExpiresAt: issued.Add(ttl),
	}
	if row.UserID != "" {
		claims.Audience, claims.Subject = userAudience, row.UserID
		claims.Scope, claims.AppID, claims.Actor = userScope, row.AppID, row.Actor
	}
	token, err := s.active().Sign(claims)
	return token, ttl, err
}

// active returns the key that signs; nil if there is none yet.
func (s *signer) active() *credential.SigningKey { return s.keys.Load().active }

func (s *signer) jwks() []byte { return s.keys.Load().all.JWKS() }

// verify returns the claims of an access token that one of the keys in force
// signed. The errors are those of credential.KeySet.Verify.
func (s *signer) verify(token string, now time.Time) (credential.Claims, error) {
	return s.keys.Load().all.Verify(token, s.issuer, audiences, now)
}

// learnEvery is the shortest time between readings that unknown keys cause.
const learnEvery = time.Second

// learn reads the keys again if the token names an unknown one, and reports
// whether the token should be verified again.
func (s *signer) learn(ctx context.Context, token string) bool {
	if !s.keys.Load().all.Lacks(token) {
		return false
	}
	s.learning.Lock()
	defer s.learning.Unlock()
	if !s.keys.Load().all.Lacks(token) {
		return true
	}
	if now := s.now(); now.Sub(s.learned) >= learnEvery {
		s.learned = now
		if err := s.load(ctx); err != nil {
			s.log.WarnContext(ctx, "the signing keys could not be read", "error", err)
		}
	}
	return !s.keys.Load().all.Lacks(token)
}

// load replaces the keys in force by those in the store.
func (s *signer) load(ctx context.Context) error {
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	r := &ring{all: make(credential.KeySet, len(rows))}
	for _, row := range rows {
		key, err := row.open(s.vault)
		if err != nil {
			return err
		}
		r.all[key.ID] = key
		if row.State == SigningActive {
			r.active = key
		}
	}
	s.keys.Store(r)
	return nil
}
