package auth

import (
	"encoding/binary"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

func hashOf(n int) (h credential.Hash) {
	binary.BigEndian.PutUint64(h[:], uint64(n)+1)
	return h
}

// kept reports whether the cache holds the credential.
func (c *cache) kept(h credential.Hash) bool {
	p, _ := c.get(h)
	return p != nil
}

func TestCacheForgetsASubjectWhole(t *testing.T) {
	c := newCache()
	for i := range 6 { // two credentials for each of three subjects
		_, epoch := c.get(hashOf(i))
		c.put(epoch, hashOf(i), &Principal{subject: sessionSubject(strconv.Itoa(i % 3))})
	}
	c.forget(sessionSubject("1"))
	c.forget(sessionSubject("unknown"))
	for i := range 6 {
		if got, want := c.kept(hashOf(i)), i%3 != 1; got != want {
			t.Errorf("credential %d of subject %d is kept: %v", i, i%3, got)
		}
	}
	c.remove(hashOf(0))
	if c.kept(hashOf(0)) || !c.kept(hashOf(3)) {
		t.Error("remove dropped another credential than its own")
	}
	c.forget(sessionSubject("0"))
	c.forget(sessionSubject("2"))
	if len(c.entries)+len(c.subjects) != 0 {
		t.Errorf("%d entries and %d subjects are left of nothing", len(c.entries), len(c.subjects))
	}
}

func TestCacheRefusesWhatWasVerifiedBeforeAForget(t *testing.T) {
	c := newCache()
	_, epoch := c.get(hashOf(1))
	c.forget(sessionSubject("1")) // revoked while the verification was under way
	c.put(epoch, hashOf(1), &Principal{subject: sessionSubject("1")})
	if c.kept(hashOf(1)) {
		t.Fatal("what was verified before the revocation was kept")
	}
	_, epoch = c.get(hashOf(1))
	c.put(epoch, hashOf(1), &Principal{subject: sessionSubject("1")})
	if !c.kept(hashOf(1)) {
		t.Fatal("what was verified after the forget was not kept")
	}
}

// Many verifications and one revocation race for one credential, round after
// round: once forget has returned, no get may find it, whatever was being put.
func TestForgottenCredentialsAreNeverFoundAgain(t *testing.T) {
	const rounds, verifiers = 2000, 8
	c := newCache()
	for round := range rounds {
		h, subject := hashOf(round), sessionSubject(strconv.Itoa(round))
		var revoked, answered atomic.Bool
		var stale atomic.Int32
		var group sync.WaitGroup
		for range verifiers {
			group.Go(func() {
				for range 20 {
					late := answered.Load()
					p, epoch := c.get(h)
					switch {
					case p != nil && late:
						stale.Add(1)
					case p == nil && !revoked.Load(): // the row still reads as live
						runtime.Gosched()
						c.put(epoch, h, &Principal{subject: subject})
					}
				}
			})
		}
		group.Go(func() {
			runtime.Gosched()
			revoked.Store(true)
			c.forget(subject)
			answered.Store(true)
		})
		group.Wait()
		if n := stale.Load(); n > 0 || c.kept(h) {
			t.Fatalf("round %d: %d requests that began after the revocation found it; kept afterwards: %v", round, n, c.kept(h))
		}
	}
	if len(c.entries)+len(c.subjects) != 0 {
		t.Errorf("%d entries and %d subjects are left of what was revoked", len(c.entries), len(c.subjects))
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache()
	for i := range maxCached + 1000 {
		_, epoch := c.get(hashOf(i))
		c.put(epoch, hashOf(i), &Principal{subject: sessionSubject(strconv.Itoa(i))})
		if !c.kept(hashOf(i)) {
			t.Fatalf("credential %d is not kept right after it was put", i)
		}
	}
	if len(c.entries) != maxCached || len(c.subjects) != maxCached {
		t.Errorf("%d entries and %d subjects are kept, want %d of each", len(c.entries), len(c.subjects), maxCached)
	}
}

func TestPrincipalExpires(t *testing.T) {
	now := time.Date(2026, 3, 7, 10, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		until time.Time
		want  bool
	}{
		{time.Time{}, false}, {now.Add(1), false}, {now, true}, {now.Add(-1), true},
	} {
		if got := (&Principal{Until: c.until}).expired(now); got != c.want {
			t.Errorf("until %v: expired is %v at %v", c.until, got, now)
		}
	}
}
