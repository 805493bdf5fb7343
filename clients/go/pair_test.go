package openwearables_test

import (
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// A phone is paired with a code, once, and its session is kept and renewed as any other.
func TestPairSignsAUserIn(t *testing.T) {
	p := newPerson(t)
	made, err := world.dev.Tokens.CreatePairingCode(t.Context(), p.id)
	check(t, err)
	if made.PairingCode.GetUserId() != p.id || made.PairingCode.GetCode() != "" || len(made.Code.Reveal()) != 8 {
		t.Fatalf("made %v", made)
	}
	store := openwearables.MemoryStore()
	typed := strings.ToLower(made.Code.Reveal()[:4] + " - " + made.Code.Reveal()[4:])
	phone, user, err := openwearables.Pair(t.Context(), world.url, typed, openwearables.WithStore(store))
	check(t, err)
	if user != p.id {
		t.Errorf("paired as %s, want %s", user, p.id)
	}
	me, err := phone.Users.Get(t.Context(), user)
	check(t, err)
	if me.GetId() != user {
		t.Errorf("the phone is %v", me)
	}
	later := newClient(t, world.url, openwearables.WithStore(store)) // after a restart of the app
	check(t, second(later.Users.Get(t.Context(), user)))
	if _, _, err := openwearables.Pair(t.Context(), world.url, typed); !openwearables.IsNotFound(err) {
		t.Errorf("the code works again: %v", err)
	}
	if _, _, err := openwearables.Pair(t.Context(), world.url, "short"); !openwearables.IsInvalid(err) {
		t.Errorf("a short code: %v", err)
	}
}
