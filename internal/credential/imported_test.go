package credential

import (
	crand "crypto/rand"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestImportedForms(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0123456789abcdef", 4)
	for name, c := range map[string]struct {
		is   func(string) bool
		good string
	}{
		"key":     {IsImportedKey, "sk-" + digits[:32]},
		"refresh": {IsImportedRefresh, "rt-" + digits[:32]},
		"app id":  {IsImportedAppID, "app_" + digits[:32]},
		"secret":  {IsImportedAppSecret, "secret_" + digits},
	} {
		if !c.is(c.good) {
			t.Errorf("%s: %q is none", name, c.good)
		}
		for _, bad := range []string{"", c.good[:len(c.good)-1], c.good + "0", strings.ToUpper(c.good), c.good[:len(c.good)-1] + "g", "x" + c.good[1:]} {
			if c.is(bad) {
				t.Errorf("%s: %q is one", name, bad)
			}
		}
		if name != "app id" && Redact("a "+c.good+" b") != "a [redacted] b" {
			t.Errorf("%s is not redacted", name)
		}
		if name != "app id" && (strings.Contains(Redact("/users?a%3D"+c.good), digits[:8]) || strings.Contains(Redact("key_"+c.good+"_of"), digits[:8])) {
			t.Errorf("%s is not redacted within a word", name)
		}
	}
	if Valid(AppSecret, "secret_"+digits) || !ValidKey("sk-"+digits[:32]) || !HasKeyForm("sk-x") {
		t.Error("the two kinds are mixed up")
	}
}

// A key is known under its digest alone, and no other text is: whoever has the digest of a
// backend's database cannot present it.
func TestHashKeyKnowsAnImportedKeyByItsDigest(t *testing.T) {
	t.Parallel()
	master := make([]byte, 32)
	crand.Read(master)
	v, err := NewVault(master)
	if err != nil {
		t.Fatal(err)
	}
	key, ours := "sk-"+strings.Repeat("0a", 16), Mint(LiveKey)
	if v.HashKey(key) != v.Hash(ImportDigest(key)) || v.HashKey(key) == v.Hash(key) || v.HashKey(ours) != v.Hash(ours) {
		t.Error("a key has another hash")
	}
	if ValidKey(ImportDigest(key)) {
		t.Error("a digest is a key")
	}
	if id := IDOf(KeyID, v.HashKey(key)); !Valid(KeyID, id) || id != IDOf(KeyID, v.HashKey(key)) || id == IDOf(KeyID, v.Hash(key)) {
		t.Errorf("%q is no id of the key", id)
	}
	for range 1000 { // leading zeros
		var h Hash
		h[31] = byte(rand.Uint32())
		if id := IDOf(KeyID, h); !Valid(KeyID, id) {
			t.Fatalf("%q is no id", id)
		}
	}
}

// bcrypt knows the first 72 bytes of a password, as it was typed.
func TestVerifyBcrypt(t *testing.T) {
	t.Parallel()
	p := NewPasswords(1, 1)
	long := strings.Repeat("ä", 40)
	made, err := bcrypt.GenerateFromPassword([]byte(long[:72]), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	hash := "$2b" + string(made[3:])
	for password, want := range map[string]bool{
		long: true, long[:72]: true, long + "x": true, long[:70]: false, "": false, strings.Repeat("a\u0308", 40): false,
	} {
		if ok, err := p.Verify(t.Context(), Guest{}, hash, password); err != nil || ok != want {
			t.Errorf("%q: %v %v", password, ok, err)
		}
	}
	if err := p.VerifyNoBcrypt(t.Context(), Guest{}, hash, "x"); err != nil {
		t.Error(err)
	}
	dear := "$2b$15$" + hash[7:]
	for _, bad := range []string{"$2b$", dear, hash + "x", "$2b$xx" + hash[6:]} {
		if _, err := p.Verify(t.Context(), Guest{}, bad, long); !errors.Is(err, ErrMalformedHash) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
