package auth

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// A device token makes its device known to its account, under its password, for its time, and to
// nothing else; no altered one does.
func TestDeviceTokensAreBound(t *testing.T) {
	vault := func() *credential.Vault {
		v, err := credential.NewVault([]byte(rand.Text() + rand.Text()))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v, at, id := vault(), time.Unix(1709809200, 0), newDeviceID()
	d := &StoredDeveloper{Developer: Developer{ID: newID()}, PasswordHash: "$argon2id$a"}
	token := deviceToken(v, d, id, at)
	if got, ok := knownDevice(v, d, token, at); !ok || got != id {
		t.Fatalf("a token makes %x known, %t, want %x", got, ok, id)
	}
	other, changed := *d, *d
	other.ID, changed.PasswordHash = newID(), "$argon2id$b"
	for what, known := range map[string]func() bool{
		"another account":  func() bool { _, ok := knownDevice(v, &other, token, at); return ok },
		"another password": func() bool { _, ok := knownDevice(v, &changed, token, at); return ok },
		"another secret":   func() bool { _, ok := knownDevice(vault(), d, token, at); return ok },
		"a later time":     func() bool { _, ok := knownDevice(v, d, token, at.Add(time.Second)); return ok },
		"an unknown account": func() bool {
			u := &StoredDeveloper{}
			_, ok := knownDevice(v, u, deviceToken(v, u, id, at), at)
			return ok
		},
	} {
		if known() {
			t.Errorf("a token makes its device known to %s", what)
		}
	}
	for i := range len(token) {
		for _, b := range []byte("A_-0=\n") {
			if altered := token[:i] + string(b) + token[i+1:]; altered != token {
				if _, ok := knownDevice(v, d, altered, time.Time{}); ok {
					t.Errorf("a token with %q at %d is accepted", b, i)
				}
			}
		}
	}
	for _, odd := range []string{"", token + "A", token[1:], token + "\n", token + "="} {
		if _, ok := knownDevice(v, d, odd, time.Time{}); ok {
			t.Errorf("%q is accepted", odd)
		}
	}
}
