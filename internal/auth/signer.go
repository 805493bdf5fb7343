package auth

import (
	"context"
	"errors"
	"strings"
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
)

var audiences = []string{developerAudience, userAudience}

// SigningKeysFor is how long access tokens are verified with the signing keys
// that were read from the store, before they are read again.
const SigningKeysFor = time.Second

const (
	// unknownFor is how long a reading decides that a key is unknown, so that
	// tokens of made-up keys cost the store 10 readings a second at most.
	unknownFor = 100 * time.Millisecond
	// failedFor is how long the failure of a reading is that of its callers.
	failedFor = 100 * time.Millisecond
)

// signer signs and verifies access tokens with the keys in force, which it
// reads from the store. load must have succeeded once. Safe for concurrent use.
type signer struct {
	store     Reader
	vault     *credential.Vault
	issuer    string
	accessTTL time.Duration
	now       func() time.Time
	machine   func() time.Time // measures spans
	await     func(context.Context) (context.Context, context.CancelFunc)

	keys  atomic.Pointer[ring]
	loads atomic.Uint64 // counts readings, in the order in which they began

	mu   sync.Mutex
	last *reading
}

// ring holds the signing keys at one time. It is replaced as a whole.
type ring struct {
	active *credential.SigningKey
	all    credential.KeySet
	order  uint64    // of its reading among all
	asOf   time.Time // when its reading began, by the clock of the machine
}

// reading is one reading of the keys, which its callers share.
type reading struct {
	began time.Time // by the clock of the machine
	done  chan struct{}
	err   error // set once done is closed
}

// serves reports whether a caller at now, who needs keys no older than maxAge,
// shares the reading. One that is under way is shared for SigningKeysFor, so that
// a slow store is asked twice at a time at most; one that failed, for failedFor,
// so that a store which is away is not asked by each caller.
func (r *reading) serves(now time.Time, maxAge time.Duration) bool {
	age := now.Sub(r.began)
	select {
	case <-r.done:
		if r.err != nil {
			maxAge = failedFor
		}
		return age < maxAge
	default:
		return age < SigningKeysFor
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

// jwks returns the public keys, which it reads again if they are older than
// SigningKeysFor: one that was ended elsewhere is published no longer. The error
// is Unavailable if they could not be read.
func (s *signer) jwks(ctx context.Context) ([]byte, error) {
	if err := s.read(ctx, SigningKeysFor); err != nil {
		return nil, err
	}
	return s.keys.Load().all.JWKS(), nil
}

// accepts reports whether tokens of the key are accepted.
func (s *signer) accepts(keyID string) bool { return s.keys.Load().all[keyID] != nil }

// isOurs reports whether a token that one of our keys signed names an issuer that this
// installation is or was: the name that it has without a URL, or a URL. Which one is up
// to the operator, who may change it on one node after the other; the keys say who signed.
func (s *signer) isOurs(issuer string) bool {
	return issuer == s.issuer || issuer == DefaultIssuer || strings.HasPrefix(issuer, "https://") || strings.HasPrefix(issuer, "http://")
}

// verify returns the claims of an access token that one of the keys in force
// signed, and the id of that key. The errors are those of
// credential.KeySet.Verify, and Unavailable if the keys had to be read again
// and could not be.
func (s *signer) verify(ctx context.Context, token string, now time.Time) (credential.Claims, string, error) {
	keys := s.keys.Load().all
	claims, err := keys.Verify(token, s.isOurs, audiences, now)
	keyID := credential.HeaderKeyID(token)
	switch unknown := keyID != "" && keys[keyID] == nil; {
	case err == nil: // the key may have been ended elsewhere
		err = s.read(ctx, SigningKeysFor)
		if err == nil && !s.accepts(keyID) {
			err = credential.ErrInvalidToken
		}
	case errors.Is(err, credential.ErrInvalidToken) && unknown: // it may have been made elsewhere
		if err = s.read(ctx, unknownFor); err == nil {
			claims, err = s.keys.Load().all.Verify(token, s.isOurs, audiences, now)
		}
	}
	return claims, keyID, err
}

// read returns nil if the keys in force are younger than maxAge, or else once a
// reading of them has succeeded. Callers at the same time share one reading,
// which has no caller's deadline, and leave it when their own time is over. The
// error is of kind Unavailable, or a defect.
func (s *signer) read(ctx context.Context, maxAge time.Duration) error {
	now := s.machine()
	if now.Sub(s.keys.Load().asOf) < maxAge {
		return nil
	}
	r := s.reading(now, maxAge)
	ctx, cancel := s.await(ctx)
	defer cancel()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return problem.UnavailableError(ctx.Err())
	}
}

// reading returns the last reading if it serves, or else begins another one.
func (s *signer) reading(now time.Time, maxAge time.Duration) *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil && s.last.serves(now, maxAge) {
		return s.last
	}
	r := &reading{began: now, done: make(chan struct{})}
	s.last = r
	go func() {
		defer close(r.done)
		defer problem.CatchPanic(&r.err)
		r.err = s.load(context.Background())
	}()
	return r
}

// load replaces the keys in force by those in the store, unless a reading that
// began later already has.
func (s *signer) load(ctx context.Context) error {
	now := s.now()
	r := &ring{order: s.loads.Add(1), asOf: s.machine()}
	rows, err := s.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	r.all = make(credential.KeySet, len(rows))
	for _, row := range rows {
		if row.ended(now, s.accessTTL) {
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
