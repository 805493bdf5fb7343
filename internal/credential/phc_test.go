package credential

import (
	"errors"
	"strings"
	"testing"
)

// vector is from the test suite of Argon2's reference implementation.
const vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"

func TestVerifyReadsOtherCosts(t *testing.T) {
	p := NewPasswords(1, 0)
	for password, want := range map[string]bool{"password": true, "differentpassword": false} {
		if ok, err := p.Verify(t.Context(), Guest{}, vector, password); ok != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v", password, ok, err)
		}
	}
}

func TestMalformedHashesAreErrors(t *testing.T) {
	p := NewPasswords(1, 0)
	alter := func(from, to string) string {
		altered := strings.Replace(vector, from, to, 1)
		if altered == vector {
			t.Fatalf("%q is not in the vector", from)
		}
		return altered
	}
	for _, encoded := range []string{
		"", "$", "$$$$$", "password", vector[1:], vector + "$", vector + "=", vector + "\n", " " + vector, strings.Repeat("$argon2id", 1<<16),
		alter("argon2id", "argon2i"), alter("argon2id", "argon2d"), alter("argon2id", "Argon2id"), alter("argon2id", "scrypt"),
		alter("v=19", "v=16"), alter("v=19", "v=019"), alter("v=19$", ""), alter("v=19", ""),
		alter("m=65536", "m=65537"), alter("m=65536", "m=4294967295"), alter("m=65536", "m=4294967296"), alter("m=65536", "m=7"),
		alter("m=65536", "m=0"), alter("m=65536", "m=-1"), alter("m=65536", "m=+65536"), alter("m=65536", "m=065536"), alter("m=65536", "m="), alter("m=65536", "65536"),
		alter("t=2", "t=0"), alter("t=2", "t=11"), alter("t=2", "t=4294967298"), alter("p=1", "p=0"), alter("p=1", "p=5"), alter("p=1", "p=257"),
		alter("m=65536,t=2,p=1", "t=2,m=65536,p=1"), alter("m=65536,t=2,p=1", "m=65536,t=2"), alter("p=1", "p=1,keyid=AA"), alter("p=1", "p=1,p=1"),
		alter("c29tZXNhbHQ", ""), alter("c29tZXNhbHQ", "c29tZXM"), alter("c29tZXNhbHQ", "c29tZXNhbHQ="), alter("c29tZXNhbHQ", "c29tZXNhbHR"),
		alter("c29tZXNhbHQ", "c29tZX\nNhbHQ"), alter("c29tZXNhbHQ", strings.Repeat("AAAA", 22)), alter("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", ""),
		alter("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFhFdXPJO1aFaMaO6Mm"), alter("GRPPc", "GRPP*"), alter("GRPPc", "GRPPd"),
	} {
		if ok, err := p.Verify(t.Context(), Guest{}, encoded, "password"); ok || !errors.Is(err, ErrMalformedHash) {
			t.Errorf("Verify(%.100q) = %v, %v", encoded, ok, err)
		}
	}
}

func FuzzPHC(f *testing.F) {
	f.Add(vector)
	f.Add(phc{cost: defaultCost, salt: make([]byte, saltLen), tag: make([]byte, tagLen)}.String())
	f.Add(phc{cost: maxCost, salt: make([]byte, 64), tag: make([]byte, 64)}.String())
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		h, err := parsePHC(encoded)
		if err != nil {
			if !errors.Is(err, ErrMalformedHash) {
				t.Fatal(err)
			}
			return
		}
		if h.String() != encoded {
			t.Fatalf("%q has a second form, %q", encoded, h)
		}
		c := h.cost
		if c.time < 1 || c.time > maxCost.time || c.threads < 1 || c.threads > maxCost.threads ||
			c.memory < 8*uint32(c.threads) || c.memory > maxCost.memory ||
			len(h.salt) < 8 || len(h.salt) > 64 || len(h.tag) < 16 || len(h.tag) > 64 {
			t.Fatalf("%q is accepted", encoded)
		}
	})
}
