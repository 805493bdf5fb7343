package credential_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

var owner = credential.Guest{Known: true}

func hash(t testing.TB, p *credential.Passwords, password string) string {
	t.Helper()
	encoded, err := p.Hash(t.Context(), owner, password)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestPasswordRoundTrip(t *testing.T) {
	p := credential.NewPasswords(2, 8)
	encoded := hash(t, p, "violet-otter-4417-canyon")
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") || len(encoded) != 97 {
		t.Errorf("%q is no PHC string with the default costs", encoded)
	}
	if encoded == hash(t, p, "violet-otter-4417-canyon") {
		t.Error("two hashes of one password are equal: the salt is not random")
	}
	if strings.Contains(encoded, "violet") {
		t.Error("the password shows")
	}
	for password, want := range map[string]bool{
		"violet-otter-4417-canyon": true, "violet-otter-4417-canyoN": false, "violet-otter-4417-canyon ": false,
		" violet-otter-4417-canyon": false, "violet-otter-4417-canyo": false, "": false,
	} {
		if ok, err := p.Verify(t.Context(), owner, encoded, password); ok != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v", password, ok, err)
		}
	}
}

func TestPasswordsAreNotCutAndNotChanged(t *testing.T) {
	p := credential.NewPasswords(2, 0)
	verify := func(encoded, password string) bool {
		t.Helper()
		ok, err := p.Verify(t.Context(), owner, encoded, password)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	t.Run("beyond bcrypt's 72 bytes", func(t *testing.T) {
		long := strings.Repeat("kettle 7 ", 8)
		encoded := hash(t, p, long+"a")
		if !verify(encoded, long+"a") || verify(encoded, long+"b") || verify(encoded, long) {
			t.Error("the 73rd byte does not count")
		}
	})
	t.Run("composed or not", func(t *testing.T) {
		encoded := hash(t, p, "cafe\u0301 A\u030angstro\u0308m")
		if !verify(encoded, "caf\u00e9 \u00c5ngstr\u00f6m") || verify(encoded, "cafe Angstrom") {
			t.Error("NFD and NFC are not one password, or accents do not count")
		}
	})
	t.Run("emoji and NUL", func(t *testing.T) {
		encoded := hash(t, p, "🚲🌧️ rad im regen")
		if !verify(encoded, "🚲🌧️ rad im regen") || verify(encoded, "🚲🌦️ rad im regen") || verify(encoded, "🚲🌧️ rad im regen\x00") {
			t.Error("a character beyond the basic plane does not count")
		}
	})
	t.Run("the longest", func(t *testing.T) {
		longest := strings.Repeat("🚲", 128)
		encoded := hash(t, p, longest)
		if !verify(encoded, longest) || verify(encoded, longest+"🚲") || verify(encoded, strings.Repeat("x", 1<<20)) {
			t.Error("128 characters do not verify, or more do")
		}
		for _, tooLong := range []string{longest + "🚲", strings.Repeat("x", 129), strings.Repeat("x", 1<<20)} {
			if _, err := p.Hash(t.Context(), owner, tooLong); !errors.Is(err, credential.ErrPasswordTooLong) {
				t.Errorf("Hash of %d bytes: %v", len(tooLong), err)
			}
		}
	})
	t.Run("too long is not empty", func(t *testing.T) {
		if encoded := hash(t, p, ""); verify(encoded, strings.Repeat("x", 129)) || !verify(encoded, "") {
			t.Error("a password that is too long is taken for an empty one")
		}
	})
}

func TestVerifyNoneHasTheLimitsOfVerify(t *testing.T) {
	p := credential.NewPasswords(1, 0)
	for _, password := range []string{"", "violet-otter-4417-canyon", strings.Repeat("x", 1<<20)} {
		if err := p.VerifyNone(t.Context(), owner, password); err != nil {
			t.Error(err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := p.VerifyNone(ended, owner, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("VerifyNone after its caller left: %v", err)
	}
	if _, err := p.Hash(ended, owner, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash after its caller left: %v", err)
	}
}

// TestRefusalsDoTheWorkOfVerification counts the work by what it allocates: argon2's memory, which an early
// return would not take.
func TestRefusalsDoTheWorkOfVerification(t *testing.T) {
	p := credential.NewPasswords(1, 0)
	encoded := hash(t, p, "violet-otter-4417-canyon")
	work := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	const memory = 19 << 20
	for name, f := range map[string]func(){
		"the right password": func() { p.Verify(t.Context(), owner, encoded, "violet-otter-4417-canyon") },
		"a wrong one":        func() { p.Verify(t.Context(), owner, encoded, "x") },
		"an overlong one":    func() { p.Verify(t.Context(), owner, encoded, strings.Repeat("x", 1<<20)) },
		"no account":         func() { p.VerifyNone(t.Context(), owner, "x") },
		"none, and overlong": func() { p.VerifyNone(t.Context(), owner, strings.Repeat("x", 1<<20)) },
	} {
		if got := work(f); got < memory || got > memory+memory/4 {
			t.Errorf("%s takes %d KiB", name, got>>10)
		}
	}
}

func TestPasswordsUnderContention(t *testing.T) {
	p := credential.NewPasswords(2, 6)
	encoded := hash(t, p, "violet-otter-4417-canyon")
	var done, busy atomic.Int32
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 64 {
		wg.Go(func() {
			<-start
			password := "violet-otter-4417-canyon"
			if i%2 == 1 {
				password = "violet-otter-4418-canyon"
			}
			ok, err := p.Verify(t.Context(), owner, encoded, password)
			switch {
			case errors.Is(err, credential.ErrBusy) && !ok:
				busy.Add(1)
			case err == nil && ok == (i%2 == 0):
				done.Add(1)
			default:
				t.Errorf("contender %d: Verify = %v, %v", i, ok, err)
			}
		})
	}
	close(start)
	wg.Wait()
	if done.Load() < 8 || done.Load()+busy.Load() != 64 {
		t.Errorf("%d verified and %d refused of 64, where 8 have a place", done.Load(), busy.Load())
	}
	if ok, err := p.Verify(t.Context(), owner, encoded, "violet-otter-4417-canyon"); !ok || err != nil {
		t.Errorf("after the flood: %v, %v", ok, err)
	}
}

func BenchmarkPasswordVerify(b *testing.B) {
	p := credential.NewPasswords(1, 0)
	encoded := hash(b, p, "violet-otter-4417-canyon")
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := p.Verify(b.Context(), owner, encoded, "violet-otter-4417-canyon"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
