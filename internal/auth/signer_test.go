package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// slowKeys is a store whose signing keys take their time.
type slowKeys struct {
	Reader
	rows     []StoredSigningKey
	takes    time.Duration
	fails    error
	readings atomic.Int64
}

func (s *slowKeys) SigningKeys(context.Context) ([]StoredSigningKey, error) {
	s.readings.Add(1)
	rows, err := s.rows, s.fails
	time.Sleep(s.takes)
	return rows, err
}

// newSigner returns a signer over one active key, and a token of that key.
func newSigner(t *testing.T) (*signer, *slowKeys, string) {
	t.Helper()
	vault, err := credential.NewVault([]byte(rand.Text() + rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	store := &slowKeys{rows: []StoredSigningKey{storedKey(t, vault, SigningActive)}}
	s := &signer{store: store, vault: vault, issuer: "test", accessTTL: time.Hour, now: time.Now, machine: time.Now, await: context.WithCancel}
	if err := s.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, _, err := s.access(&StoredSession{ID: newID(), DeveloperID: newID(), EndsAt: now.Add(day)}, now)
	if err != nil {
		t.Fatal(err)
	}
	return s, store, token
}

const day = 24 * time.Hour

func storedKey(t *testing.T, vault *credential.Vault, state string) StoredSigningKey {
	t.Helper()
	key, err := credential.NewSigningKey(credential.HS256)
	if err != nil {
		t.Fatal(err)
	}
	row, err := sealSigningKey(vault, key, state, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// Tokens of unknown keys share one reading of a slow store. A caller whose time
// is over leaves it, and the outcome says that nothing was decided.
func TestUnknownKeysShareOneReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, store, _ := newSigner(t)
		_, _, foreign := newSigner(t)
		time.Sleep(time.Minute)
		store.takes, store.fails = 10*time.Second, problem.UnavailableError(errors.New("away"))
		before, begun := store.readings.Load(), time.Now()
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				time.Sleep(time.Duration(i) * time.Millisecond)
				_, _, err := s.verify(ctx, foreign, time.Now())
				if e := problem.AsError(err); e.Kind != problem.Unavailable {
					t.Errorf("the outcome is %v", err)
				}
			})
		}
		group.Wait()
		if n, took := store.readings.Load()-before, time.Since(begun); n != 1 || took > 2*time.Second {
			t.Errorf("%d readings, and callers waited %v", n, took)
		}
		time.Sleep(time.Minute)
		synctest.Wait() // the reading has ended
		store.takes, store.fails = 0, nil
		for range 100 {
			if _, _, err := s.verify(t.Context(), foreign, time.Now()); !errors.Is(err, credential.ErrInvalidToken) {
				t.Errorf("an unknown key is %v", err)
			}
		}
		if n := store.readings.Load() - before; n != 2 {
			t.Errorf("100 tokens of an unknown key caused %d readings", n-1)
		}
	})
}

// However many tokens of unknown keys there are, and whether or not the store
// answers, it is asked 10 times a second at most. A key that was made elsewhere
// is known within the time between two readings.
func TestUnknownKeysCostTheStoreLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, store, _ := newSigner(t)
		_, _, foreign := newSigner(t)
		verified := func(token string) error {
			_, _, err := s.verify(t.Context(), token, time.Now())
			return err
		}
		for _, fails := range []error{nil, problem.UnavailableError(errors.New("away"))} {
			store.fails = fails
			time.Sleep(unknownFor)
			before := store.readings.Load()
			for range 1000 {
				time.Sleep(time.Millisecond)
				if err := verified(foreign); errors.Is(err, credential.ErrInvalidToken) != (fails == nil) {
					t.Fatalf("the outcome is %v while the store answers %v", err, fails)
				}
			}
			if n := store.readings.Load() - before; n > 10 {
				t.Errorf("1000 tokens of an unknown key caused %d readings in a second", n)
			}
		}
		store.fails, store.takes = nil, 20*time.Millisecond
		time.Sleep(failedFor)
		if err := verified(foreign); !errors.Is(err, credential.ErrInvalidToken) {
			t.Errorf("before its key is made a token is %v", err)
		}
		made := storedKey(t, s.vault, SigningActive)
		store.rows = append(store.rows, made)
		key, err := made.open(s.vault)
		if err != nil {
			t.Fatal(err)
		}
		other := &signer{issuer: s.issuer, accessTTL: time.Hour}
		other.keys.Store(&ring{active: key})
		token, _, err := other.access(&StoredSession{ID: newID(), DeveloperID: newID(), EndsAt: time.Now().Add(day)}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(unknownFor)
		if err := verified(token); err != nil {
			t.Errorf("a token of a key that was made elsewhere is %v", err)
		}
	})
}

// A key that was ended elsewhere is refused once the keys are SigningKeysFor old,
// even if an older reading ends later than a newer one.
func TestEndedKeyIsRefusedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, store, token := newSigner(t)
		verified := func() error {
			_, _, err := s.verify(t.Context(), token, time.Now())
			return err
		}
		if err := verified(); err != nil {
			t.Fatal(err)
		}
		store.takes = 5 * time.Second
		old := make(chan error)
		go func() { old <- s.load(context.Background()) }()
		synctest.Wait()
		store.rows, store.takes = []StoredSigningKey{storedKey(t, s.vault, SigningActive)}, 0
		time.Sleep(SigningKeysFor - time.Nanosecond)
		if err := verified(); err != nil {
			t.Errorf("before its time it is %v", err)
		}
		time.Sleep(time.Nanosecond)
		if err := verified(); !errors.Is(err, credential.ErrInvalidToken) {
			t.Errorf("after %v it is %v", SigningKeysFor, err)
		}
		if err := <-old; err != nil {
			t.Fatal(err)
		}
		if err := verified(); !errors.Is(err, credential.ErrInvalidToken) {
			t.Errorf("after an older reading it is %v", err)
		}
	})
}

// A key of this installation signs for the names that the installation may have, and no
// others.
func TestIssuersAreNamesOfInstallations(t *testing.T) {
	s := &signer{issuer: "https://auth.example.com"}
	for issuer, want := range map[string]bool{
		"https://auth.example.com": true, "https://auth.example.org/v2": true, "http://127.0.0.1:8000": true, DefaultIssuer: true,
		"": false, "openwearables2": false, "ftp://auth.example.com": false, "auth.example.com": false, "https": false, "HTTPS://auth.example.com": false,
	} {
		if got := s.isOurs(issuer); got != want {
			t.Errorf("%q: %v", issuer, got)
		}
	}
}
