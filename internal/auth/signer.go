package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// The audiences that tell the two kinds of access token apart.
const (
	developerAudience = "openwearables:developer"
	userAudience      = "openwearables:user"
	userScope         = "sdk"
)

var audiences = []string{developerAudience, userAudience}

// SigningKeysFor is how long access tokens are verified with the signing keys
// that were read from the store, before they are read again.
const SigningKeysFor = time.Second

// signer signs and verifies access tokens with the keys in force, which it
// reads from the store. load must have succeeded once. Safe for concurrent use.
type signer struct {
	store     Reader
	vault     *credential.Vault
	issuer    string
	accessTTL time.Duration
	now       func() time.Time

	keys  atomic.Pointer[ring]
	loads atomic.Uint64 // counts readings, in the order in which they began

	mu      sync.Mutex
	last    *reading
	learned time.Time // when an unknown key last caused a reading
}

// ring holds the signing keys at one time. It is replaced as a whole.
type ring struct {
	active *credential.SigningKey
	all    credential.KeySet
	order  uint64    // of its reading among all
	asOf   time.Time // when its reading began
}

// reading is one reading of the keys, which its callers share.
type reading struct {
	began time.Time
	done  chan struct{}
	err   error // set once done is closed
}

// failed reports whether the reading has ended without success.
func (r *reading) failed() bool {
	select {
	case <-r.done:
		return r.err != nil
	default:
		return false
	}
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

// accepts reports whether tokens of the key are accepted.
func (s *signer) accepts(keyID string) bool { return s.keys.Load().all[keyID] != nil }

// verify returns the claims of an access token that one of the keys in force
// signed, and the id of that key. The errors are those of
// credential.KeySet.Verify, and Unavailable if the keys had to be read again
// and could not be.
func (s *signer) verify(ctx context.Context, token string, now time.Time) (credential.Claims, string, error) {
	keys := s.keys.Load()
	claims, err := keys.all.Verify(token, s.issuer, audiences, now)
	keyID := credential.HeaderKeyID(token)
	switch unknown := keyID != "" && keys.all[keyID] == nil; {
	case err == nil && now.Sub(keys.asOf) >= SigningKeysFor: // the key may have been ended elsewhere
		err = s.readSince(ctx, now.Add(-SigningKeysFor))
		if err == nil && !s.accepts(keyID) {
			err = credential.ErrInvalidToken
		}
	case errors.Is(err, credential.ErrInvalidToken) && unknown: // it may have been made elsewhere
		if err = s.readSince(ctx, s.learn(now)); err == nil {
			claims, err = s.keys.Load().all.Verify(token, s.issuer, audiences, now)
		}
	}
	return claims, keyID, err
}

// learnEvery is the shortest time between readings that unknown keys cause.
const learnEvery = time.Second

// learn returns since when the keys must have been read before a key counts as
// unknown.
func (s *signer) learn(now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.learned) >= learnEvery {
		s.learned = now
	}
	return s.learned
}

// readSince returns nil once a reading of the keys that began no earlier than
// since has succeeded. Callers at the same time share one reading, which has no
// caller's deadline, and leave it when their context ends.
func (s *signer) readSince(ctx context.Context, since time.Time) error {
	s.mu.Lock()
	r := s.last
	if r == nil || r.began.Before(since) || r.failed() {
		r = &reading{began: s.now(), done: make(chan struct{})}
		s.last = r
		go func() {
			defer close(r.done)
			r.err = s.load(context.Background())
		}()
	}
	s.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return problem.UnavailableError(ctx.Err())
	}
}

// load replaces the keys in force by those in the store, unless a reading that
// began later already has.
func (s *signer) load(ctx context.Context) error {
	r := &ring{order: s.loads.Add(1), asOf: s.now()}
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	r.all = make(credential.KeySet, len(rows))
	for _, row := range rows {
		if row.ended(r.asOf, s.accessTTL) {
			continue
		}
		key, err := row.open(s.vault)
		if err != nil {
			return err
		}
		r.all[key.ID] = key
		if row.State == SigningActive {
			r.active = key
		}
	}
	for old := s.keys.Load(); old == nil || old.order < r.order; old = s.keys.Load() {
		if s.keys.CompareAndSwap(old, r) {
			break
		}
	}
	return nil
}
