package credential

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"
	"testing"
)

func refreshVault(t testing.TB, name string) *Vault {
	t.Helper()
	master := sha256.Sum256([]byte(name))
	v, err := NewVault(master[:])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRefreshTokenRoundTrip(t *testing.T) {
	v := refreshVault(t, "refresh")
	var all, random [16]byte
	for i := range all {
		all[i] = 0xff
	}
	rand.Read(random[:])
	for _, session := range [][16]byte{{}, {15: 1}, random, all} {
		for _, generation := range []uint32{0, 1, 1 << 31, 1<<32 - 1} {
			seed := NewSeed()
			s := v.RefreshToken(session, generation, seed)
			if len(s) != 66 || !Valid(Refresh, s) {
				t.Fatalf("%q is not of the documented form", s)
			}
			if s != v.RefreshToken(session, generation, seed) {
				t.Fatal("the successor of a lost answer would be another token")
			}
			token, ok := ParseRefreshToken(s)
			if !ok || token.Session != session || token.Generation != generation || token.encode() != s {
				t.Fatalf("%q is read as %x, %d, %v", s, token.Session, token.Generation, ok)
			}
			if !v.VerifyRefresh(token, seed) {
				t.Fatal("a token does not verify")
			}
		}
	}
}

func TestRefreshTokensNeedBothKeys(t *testing.T) {
	v, session, seed := refreshVault(t, "one"), [16]byte{1, 2, 3}, NewSeed()
	token, _ := ParseRefreshToken(v.RefreshToken(session, 5, seed))
	if refreshVault(t, "another").VerifyRefresh(token, seed) {
		t.Error("another master secret verifies it")
	}
	if v.VerifyRefresh(token, NewSeed()) {
		t.Error("another seed verifies it")
	}
	for _, seed := range [][]byte{nil, {}, seed[:31], append(bytes.Clone(seed), 0)} {
		if v.VerifyRefresh(token, seed) {
			t.Errorf("a seed of %d bytes verifies it", len(seed))
		}
		// what a forger with the master secret could make if a seed were lost
		forged := token
		forged.MAC = v.refreshMAC(session, 5, seed)
		if v.VerifyRefresh(forged, seed) {
			t.Errorf("a seed of %d bytes is taken for one", len(seed))
		}
	}
}

func TestEveryBitOfARefreshTokenCounts(t *testing.T) {
	v, seed := refreshVault(t, "bits"), NewSeed()
	token, _ := ParseRefreshToken(v.RefreshToken([16]byte{9}, 3, seed))
	for bit := range 128 {
		for _, field := range []func(*RefreshToken) *[16]byte{
			func(r *RefreshToken) *[16]byte { return &r.MAC },
			func(r *RefreshToken) *[16]byte { return &r.Session },
		} {
			altered := token
			field(&altered)[bit/8] ^= 1 << (bit % 8)
			if v.VerifyRefresh(altered, seed) {
				t.Fatalf("bit %d does not count", bit)
			}
		}
	}
	for bit := range 32 {
		altered := token
		altered.Generation ^= 1 << bit
		if v.VerifyRefresh(altered, seed) {
			t.Fatalf("bit %d of the generation does not count", bit)
		}
	}
}

func TestParseRefreshTokenRefuses(t *testing.T) {
	s := refreshVault(t, "parse").RefreshToken([16]byte{7}, 1, NewSeed())
	tooBig := new(big.Int).Lsh(big.NewInt(1), 288).Text(36)
	for name, text := range map[string]string{
		"nothing":               "",
		"the prefix":            "rt_",
		"the documented sample": "rt_" + "abc123def456",
		"another kind":          Mint(AppSecret),
		"upper case":            "rt_" + strings.ToUpper(s[3:]),
		"one more":              s + "0",
		"one less":              s[:len(s)-1],
		"a space":               s[:len(s)-1] + " ",
		"2^288":                 seal36(Refresh, tooBig),
		"the highest number":    seal36(Refresh, strings.Repeat("z", refreshTextLen)),
		"a sign":                seal36(Refresh, "-"+s[4:3+refreshTextLen]),
		"a wrong checksum":      s[:len(s)-1] + string(alphabet[(strings.IndexByte(alphabet, s[len(s)-1])+1)%36]),
	} {
		if token, ok := ParseRefreshToken(text); ok || token != (RefreshToken{}) {
			t.Errorf("%s is read", name)
		}
	}
	highest := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 288), big.NewInt(1)).Text(36)
	if _, ok := ParseRefreshToken(seal36(Refresh, highest)); !ok {
		t.Error("2^288-1 is not read")
	}
}

func TestRefreshTokenPanicsForAnotherSeed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a token was made of half a seed")
		}
	}()
	refreshVault(t, "seed").RefreshToken([16]byte{}, 0, make([]byte, SeedSize/2))
}

func FuzzParseRefreshToken(f *testing.F) {
	v := refreshVault(f, "fuzz")
	seed := make([]byte, SeedSize)
	s := v.RefreshToken([16]byte{1, 2}, 3, seed)
	for _, text := range []string{s, s[1:], strings.ToUpper(s), s + s, "", "rt_", seal36(Refresh, strings.Repeat("z", refreshTextLen))} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := ParseRefreshToken(text)
		if !ok {
			if token != (RefreshToken{}) {
				t.Fatal("a refused token says something")
			}
			return
		}
		if token.encode() != text {
			t.Fatalf("%q has a second form, %q", text, token.encode())
		}
		made := v.RefreshToken(token.Session, token.Generation, seed) == text
		if v.VerifyRefresh(token, seed) != made {
			t.Fatalf("%q: verified %v, made here %v", text, !made, made)
		}
	})
}

func BenchmarkRefreshToken(b *testing.B) {
	v, seed := refreshVault(b, "bench"), NewSeed()
	b.ReportAllocs()
	for b.Loop() {
		v.RefreshToken([16]byte{1}, 2, seed)
	}
}

func BenchmarkParseAndVerifyRefresh(b *testing.B) {
	v, seed := refreshVault(b, "bench"), NewSeed()
	s := v.RefreshToken([16]byte{1}, 2, seed)
	b.ReportAllocs()
	for b.Loop() {
		token, ok := ParseRefreshToken(s)
		if !ok || !v.VerifyRefresh(token, seed) {
			b.Fatal("refused")
		}
	}
}
