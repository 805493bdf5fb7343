package credential_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

// masterFor makes a master secret that is the same in every run.
func masterFor(name string) []byte {
	sum := sha256.Sum256([]byte("a test's master secret: " + name))
	return sum[:]
}

func newVault(t testing.TB, name string) *credential.Vault {
	t.Helper()
	v, err := credential.NewVault(masterFor(name))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fourLetters writes random bytes with as little variety as DNA.
func fourLetters(b []byte) string {
	var text []byte
	for _, c := range b {
		for range 4 {
			text, c = append(text, "q7Zk"[c&3]), c>>2
		}
	}
	return string(text)
}

func TestWeakMasterSecretsAreRefused(t *testing.T) {
	repeat := strings.Repeat
	for name, master := range map[string]string{
		"empty":                    "",
		"a word":                   "secret",
		"31 bytes":                 base64.StdEncoding.EncodeToString(masterFor("short"))[:31],
		"one byte":                 repeat("\x00", 64),
		"few bytes":                fourLetters(masterFor("few")[:12]),
		"a word repeated":          repeat("secret", 6),
		"a word repeated, cut":     repeat("changeme", 5)[:37],
		"a hash repeated":          repeat("9f3c1e07ab5d", 3),
		"an alphabet":              "abcdefghijklmnopqrstuvwxyz012345",
		"digits":                   repeat("1234567890", 4),
		"digits, zero padded":      "00000000000000000000000123456789",
		"RFC 7515's key":           "AyM1SysPpbyDfgZld3umj1qzKObwVMko" + "qQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr9Z9CAow",
		"a library's readme":       "GQDstcKsx0NHjPOuXOYg" + "5MbeJ1XT0uFiwDVvVBrk",
		"the same with more":       "GQDstcKsx0NHjPOuXOYg" + "5MbeJ1XT0uFiwDVvVBrk" + "-prod-2026",
		"a framework's tutorial":   "09d25e094faa6ca2556c818166b7a956" + "3b93f7099f6f0f4caa6cf63b88e8d3e7",
		"the debugger's, twice":    "your-256-bit-secret-your-256-bit-secret",
		"the debugger's, new":      "a-string-secret-at-least-256-bits-long",
		"words to replace":         "please-change-this-secret-in-production",
		"words, spelled big":       "THIS_IS_MY_SUPER_SECRET_JWT_SIGNING_KEY",
		"words and a number":       "openwearables-development-secret-0001",
		"words with little beside": "my-super-secret-master-key-for-openwearables-acme",
	} {
		t.Run(name, func(t *testing.T) {
			v, err := credential.NewVault([]byte(master))
			if !errors.Is(err, credential.ErrWeakSecret) || v != nil {
				t.Fatalf("NewVault = %v, %v", v, err)
			}
			if !strings.Contains(err.Error(), "at least 32 random bytes") {
				t.Errorf("%q does not say what to do", err)
			}
			if master != "" && master != "secret" && strings.Contains(err.Error(), master) {
				t.Errorf("%q repeats the secret", err)
			}
		})
	}
}

func TestRandomMasterSecretsAreTaken(t *testing.T) {
	for i := range 2000 {
		raw := masterFor(fmt.Sprint(i))
		long := append(raw, masterFor(fmt.Sprint(-i-1))...)
		for _, master := range [][]byte{
			raw, long[:48],
			[]byte(hex.EncodeToString(raw[:16])), []byte(hex.EncodeToString(raw)), []byte(strings.ToUpper(hex.EncodeToString(raw))),
			[]byte(base64.StdEncoding.EncodeToString(raw)), []byte(base64.RawURLEncoding.EncodeToString(long[:48])),
		} {
			if _, err := credential.NewVault(master); err != nil {
				t.Fatalf("%q: %v", master, err)
			}
		}
	}
}

// TestDerivationsArePinned holds what is stored in databases: a change here is a
// change that every stored credential is lost with.
func TestDerivationsArePinned(t *testing.T) {
	v := newVault(t, "pinned")
	var session [16]byte
	copy(session[:], "session of tests")
	seed := masterFor("a seed")
	for name, c := range map[string]struct{ got, want string }{
		"Hash":         {fmt.Sprintf("%x", v.Hash("a secret")), "65e4f5d50be0b0242c38b2cff9bdecf11a5f70bdcc01ca836266b9dc621f8c07"},
		"HashParts":    {fmt.Sprintf("%x", v.HashParts("domain", "a", "secret")), "21db4591b608037ceef27869679ee22b8d52cacfd6e1458545ae5381fe91b6c3"},
		"Fingerprint":  {v.Fingerprint(), "61c57077d94bf1cf1bf7b454b721d372"},
		"RefreshToken": {fmt.Sprintf("%x", sha256.Sum256([]byte(v.RefreshToken(session, 7, seed)))), "adf75557fa3ef04f79b336fd5218913347fdc3746bd6a8e1ddc32eadd86ac28a"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %s, was %s", name, c.got, c.want)
		}
	}
}

func TestHashesNeedTheMasterSecret(t *testing.T) {
	v, same, other := newVault(t, "one"), newVault(t, "one"), newVault(t, "another")
	secret := credential.Mint(credential.AppSecret)
	if v.Hash(secret) != same.Hash(secret) {
		t.Error("one master secret gives two hashes")
	}
	if v.Fingerprint() != same.Fingerprint() || v.Fingerprint() == other.Fingerprint() {
		t.Error("the fingerprint does not tell master secrets apart")
	}
	plain := credential.Hash(sha256.Sum256([]byte(secret)))
	for name, h := range map[string]credential.Hash{
		"another master secret": other.Hash(secret),
		"no key":                plain,
		"HashParts":             v.HashParts(secret),
		"another secret":        v.Hash(secret[:len(secret)-1]),
	} {
		if v.Hash(secret).Equal(h) {
			t.Errorf("equal to the hash by %s", name)
		}
	}
}

func TestOneBitMakesHashesUnequal(t *testing.T) {
	h := newVault(t, "bits").Hash("a secret")
	if !h.Equal(h) {
		t.Fatal("a hash is unequal to itself")
	}
	for bit := range 256 {
		other := h
		other[bit/8] ^= 1 << (bit % 8)
		if h.Equal(other) {
			t.Fatalf("bit %d does not count", bit)
		}
	}
}

func TestHashTakesAnyLength(t *testing.T) {
	v := newVault(t, "lengths")
	seen := map[credential.Hash]int{}
	for n := range 1200 {
		h := v.Hash(strings.Repeat("x", n))
		if m, dup := seen[h]; dup {
			t.Fatalf("%d and %d characters hash alike", n, m)
		}
		seen[h] = n
	}
}

func TestHashPartsAreUnambiguous(t *testing.T) {
	v := newVault(t, "parts")
	sequences := [][]string{
		{"d"},
		{"d", ""},
		{"d", "", ""},
		{"d", "ab", "c"},
		{"d", "a", "bc"},
		{"d", "abc"},
		{"da", "bc"},
		{"", "dabc"},
		{"d", "\x00\x00\x00\x00\x00\x00\x00\x01c"},
		{"d", "", "c"},
		{"d", "c", ""},
		{"e", "ab", "c"},
	}
	seen := map[credential.Hash][]string{}
	for _, s := range sequences {
		h := v.HashParts(s[0], s[1:]...)
		if h != v.HashParts(s[0], s[1:]...) {
			t.Errorf("%q hashes in two ways", s)
		}
		if other, dup := seen[h]; dup {
			t.Errorf("%q and %q hash alike", s, other)
		}
		seen[h] = s
	}
}

func TestSealOpen(t *testing.T) {
	v := newVault(t, "seal")
	for _, plaintext := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("result "), 5000)} {
		for _, extra := range []string{"", "a caller's key"} {
			for _, bind := range [][]byte{nil, []byte("operation|caller")} {
				sealed, err := v.Seal(plaintext, bind, extra)
				if err != nil {
					t.Fatal(err)
				}
				if len(plaintext) > 1 && bytes.Contains(sealed, plaintext[:8]) {
					t.Fatal("the plaintext shows")
				}
				if len(sealed) != len(plaintext)+29 {
					t.Fatalf("%d bytes sealed are %d", len(plaintext), len(sealed))
				}
				got, err := v.Open(sealed, bind, extra)
				if err != nil || !bytes.Equal(got, plaintext) {
					t.Fatalf("Open = %d bytes, %v", len(got), err)
				}
			}
		}
	}
}

func TestOpenRefusesAllButTheSame(t *testing.T) {
	v := newVault(t, "seal")
	bind, extra := []byte("row 1"), "a caller's key"
	sealed, err := v.Seal([]byte("a result"), bind, extra)
	if err != nil {
		t.Fatal(err)
	}
	again, err := v.Seal([]byte("a result"), bind, extra)
	if err != nil || bytes.Equal(sealed, again) {
		t.Fatalf("sealing twice gives the same bytes (%v)", err)
	}
	refused := func(name string, v *credential.Vault, sealed, bind []byte, extra string) {
		t.Helper()
		if got, err := v.Open(sealed, bind, extra); !errors.Is(err, credential.ErrOpen) || got != nil {
			t.Errorf("%s: Open = %q, %v", name, got, err)
		}
	}
	refused("another vault", newVault(t, "another"), sealed, bind, extra)
	refused("another row", v, sealed, []byte("row 2"), extra)
	refused("no row", v, sealed, nil, extra)
	refused("another caller", v, sealed, bind, "another key")
	refused("no caller", v, sealed, bind, "")
	refused("row and caller shifted", v, sealed, []byte("row 1a"), " caller's key")
	refused("nothing", v, nil, bind, extra)
	for i := range sealed {
		refused("cut", v, sealed[:i], bind, extra)
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		refused("altered", v, altered, bind, extra)
	}
	refused("extended", v, append(bytes.Clone(sealed), 0), bind, extra)
}

func TestVaultIsSafeForConcurrentUse(t *testing.T) {
	v := newVault(t, "concurrent")
	want := make([]credential.Hash, 64)
	for i := range want {
		want[i] = v.Hash(fmt.Sprint("secret ", i))
	}
	var wg sync.WaitGroup
	for i := range want {
		wg.Go(func() {
			for range 200 {
				if v.Hash(fmt.Sprint("secret ", i)) != want[i] {
					t.Error("another goroutine's secret was hashed")
					return
				}
				v.HashParts("domain", fmt.Sprint(i))
			}
			sealed, err := v.Seal([]byte{byte(i)}, nil, "")
			if err != nil {
				t.Error(err)
			}
			if got, err := v.Open(sealed, nil, ""); err != nil || got[0] != byte(i) {
				t.Errorf("Open = %v, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func TestKeysDoNotPrint(t *testing.T) {
	v := newVault(t, "print")
	key, err := credential.NewSigningKey(credential.HS256)
	if err != nil {
		t.Fatal(err)
	}
	seed := credential.NewSeed()
	token, _ := credential.ParseRefreshToken(v.RefreshToken([16]byte{1}, 2, seed))
	for _, c := range []struct {
		value any
		want  string
	}{
		{v, "vault " + v.Fingerprint()},
		{*v, "vault " + v.Fingerprint()},
		{key, "signing key " + key.ID + " (HS256)"},
		{*key, "signing key " + key.ID + " (HS256)"},
		{token, "refresh token"},
		{&token, "refresh token"},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if got := fmt.Sprintf(verb, c.value); got != c.want {
				t.Errorf("%s of %T prints %q", verb, c.value, got)
			}
		}
	}
}

func BenchmarkHash(b *testing.B) {
	v := newVault(b, "bench")
	key := credential.Mint(credential.LiveKey)
	b.ReportAllocs()
	for b.Loop() {
		v.Hash(key)
	}
}

func BenchmarkHashParallel(b *testing.B) {
	v := newVault(b, "bench")
	key := credential.Mint(credential.LiveKey)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			v.Hash(key)
		}
	})
}

func BenchmarkHashParts(b *testing.B) {
	v := newVault(b, "bench")
	b.ReportAllocs()
	for b.Loop() {
		v.HashParts("idempotency", "CreateKey", "developer", "a retry key")
	}
}

func BenchmarkSealOpen(b *testing.B) {
	v := newVault(b, "bench")
	plaintext := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := v.Seal(plaintext, nil, "caller")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Open(sealed, nil, "caller"); err != nil {
			b.Fatal(err)
		}
	}
}
