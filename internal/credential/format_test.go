package credential_test

import (
	"hash/crc32"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

var prefixes = []credential.Prefix{
	credential.LiveKey, credential.TestKey, credential.KeyID,
	credential.AppID, credential.AppSecret, credential.Refresh,
}

// documented holds the form that secret scanners look for, and that of the ids.
var documented = map[credential.Prefix]*regexp.Regexp{
	credential.LiveKey:   regexp.MustCompile(`^ow_live_[0-9a-z]{36}$`),
	credential.TestKey:   regexp.MustCompile(`^ow_test_[0-9a-z]{36}$`),
	credential.KeyID:     regexp.MustCompile(`^key_[0-9a-z]{24}$`),
	credential.AppID:     regexp.MustCompile(`^app_[0-9a-z]{24}$`),
	credential.AppSecret: regexp.MustCompile(`^secret_[0-9a-z]{44}$`),
	credential.Refresh:   regexp.MustCompile(`^rt_[0-9a-z]{63}$`),
}

// withChecksum says the format's rule a second time, by the standard library.
func withChecksum(body string) string {
	sum := strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 36)
	return body + strings.Repeat("0", 7-len(sum)) + sum
}

func referenceValid(p credential.Prefix, s string) bool {
	re := documented[p]
	return re != nil && re.MatchString(s) && withChecksum(s[:len(s)-7]) == s
}

func TestMintedCredentialsHaveTheDocumentedForm(t *testing.T) {
	for _, p := range prefixes {
		if p == credential.Refresh {
			continue
		}
		for range 1000 {
			s := credential.Mint(p)
			if !referenceValid(p, s) {
				t.Fatalf("Mint(%s) = %q is not of the documented form", p, s)
			}
			for _, q := range prefixes {
				if got := credential.Valid(q, s); got != (p == q) {
					t.Fatalf("Valid(%s, %q) = %v", q, s, got)
				}
			}
			isKey := p == credential.LiveKey || p == credential.TestKey
			if credential.ValidKey(s) != isKey || credential.HasKeyForm(s) != isKey {
				t.Fatalf("%q: ValidKey %v, HasKeyForm %v, want %v",
					s, credential.ValidKey(s), credential.HasKeyForm(s), isKey)
			}
		}
	}
}

func TestChecksumIsPinned(t *testing.T) {
	for _, c := range []struct{ body, sum string }{
		{"ow_live_" + strings.Repeat("0", 29), "1o0zn4v"},
		{"ow_test_" + strings.Repeat("z", 29), "04g1pue"},
		{"secret_" + strings.Repeat("a", 37), "0w7oiz6"},
	} {
		p := credential.Prefix(c.body[:strings.LastIndexByte(c.body, '_')+1])
		if !credential.Valid(p, c.body+c.sum) {
			t.Errorf("Valid(%s) refuses its checksum %s", p, c.sum)
		}
	}
}

func TestWrongChecksumIsRefused(t *testing.T) {
	t.Run("every substitution and transposition", func(t *testing.T) {
		for _, p := range []credential.Prefix{credential.LiveKey, credential.AppSecret, credential.KeyID} {
			s := credential.Mint(p)
			for i := len(p); i < len(s); i++ {
				for _, c := range "0123456789abcdefghijklmnopqrstuvwxyz" {
					if m := s[:i] + string(c) + s[i+1:]; m != s && credential.Valid(p, m) {
						t.Fatalf("%q passes for %q", m, s)
					}
				}
				if i+1 < len(s) && s[i] != s[i+1] {
					if m := s[:i] + s[i+1:i+2] + s[i:i+1] + s[i+2:]; credential.Valid(p, m) {
						t.Fatalf("%q passes for %q", m, s)
					}
				}
			}
		}
	})
	t.Run("10^4 well-formed strings", func(t *testing.T) {
		random := rand.New(rand.NewPCG(9, 9))
		for range 10_000 {
			b := []byte("ow_live_")
			for range 36 {
				b = append(b, "0123456789abcdefghijklmnopqrstuvwxyz"[random.IntN(36)])
			}
			if s := string(b); credential.ValidKey(s) != referenceValid(credential.LiveKey, s) {
				t.Fatalf("ValidKey(%q) = %v", s, credential.ValidKey(s))
			}
		}
	})
	t.Run("the documentation's sample", func(t *testing.T) {
		sample := "ow_live_" + "1234567890abcdefghijklmnopqrstuvwxyz"
		if !credential.HasKeyForm(sample) || credential.ValidKey(sample) {
			t.Fatal("the sample must have a key's form and no key's checksum")
		}
	})
}

func TestValidRefusesOtherShapes(t *testing.T) {
	key := credential.Mint(credential.LiveKey)
	for _, s := range []string{
		"", "ow_", "ow_live_", key[1:], key[:len(key)-1], key + "0", " " + key, key + "\n", key + "\x00",
		strings.ToUpper(key), "OW_LIVE_" + key[8:], "ow_test_" + key[8:], strings.Repeat(key, 2),
		withChecksum("ow_live_" + strings.Repeat("A", 29)), withChecksum("ow_live_" + strings.Repeat("é", 14) + "a"),
		withChecksum("ow_live_" + strings.Repeat("-", 29)), withChecksum("ow_prod_" + strings.Repeat("a", 29)),
	} {
		if credential.ValidKey(s) {
			t.Errorf("ValidKey(%q) = true", s)
		}
	}
	if credential.Valid("", key) || credential.Valid("ow_prod_", withChecksum("ow_prod_"+strings.Repeat("a", 29))) {
		t.Error("a prefix that is none of ours is valid")
	}
}

func TestMintPanicsForWhatIsNotRandom(t *testing.T) {
	for _, p := range []credential.Prefix{credential.Refresh, "", "ow_prod_"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Mint(%q) returned", p)
				}
			}()
			credential.Mint(p)
		}()
	}
}

// The test mints 200 000 keys: none twice, and each of the 29 random places
// uniform. A byte taken modulo 36 would give a χ² of about 430.
func TestMintedSecretsAreUniformAndDistinct(t *testing.T) {
	const (
		mints     = 200_000
		threshold = 112 // 35 degrees of freedom, p = 10^-9
	)
	var counts [29][256]int
	seen := make(map[string]bool, mints)
	for range mints {
		s := credential.Mint(credential.LiveKey)
		seen[s] = true
		for i := range counts {
			counts[i][s[len(credential.LiveKey)+i]]++
		}
	}
	if len(seen) != mints {
		t.Fatalf("%d of %d keys are distinct", len(seen), mints)
	}
	const expected = float64(mints) / 36
	for i, count := range counts {
		chi2 := 0.0
		for _, c := range "0123456789abcdefghijklmnopqrstuvwxyz" {
			d := float64(count[c]) - expected
			chi2 += d * d / expected
		}
		if chi2 > threshold {
			t.Errorf("χ² of character %d is %.0f", i, chi2)
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, p := range prefixes {
		n := len(documented[p].String()) // any length will do for a seed
		f.Add(string(p), withChecksum(string(p)+strings.Repeat("k", n)))
		if p != credential.Refresh {
			s := credential.Mint(p)
			f.Add(string(p), s)
			f.Add(string(p), strings.ToUpper(s))
			f.Add(string(p), s[:len(s)-1])
		}
	}
	f.Add("", "")
	f.Fuzz(func(t *testing.T, prefix, s string) {
		p := credential.Prefix(prefix)
		if got, want := credential.Valid(p, s), referenceValid(p, s); got != want {
			t.Fatalf("Valid(%q, %q) = %v, want %v", p, s, got, want)
		}
		want := slices.ContainsFunc(prefixes[:2], func(p credential.Prefix) bool { return referenceValid(p, s) })
		if credential.ValidKey(s) != want {
			t.Fatalf("ValidKey(%q) = %v", s, !want)
		}
	})
}

func BenchmarkMint(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		credential.Mint(credential.LiveKey)
	}
}

func BenchmarkValidKey(b *testing.B) {
	key := credential.Mint(credential.TestKey)
	for name, s := range map[string]string{
		"right":          key,
		"wrong checksum": key[:len(key)-1] + string('a'+(key[len(key)-1]+1)%26),
		"other kind":     credential.Mint(credential.AppSecret),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				credential.ValidKey(s)
			}
		})
	}
}
