package auth

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/problem"
)

// No network holds an address that is unknown, and a key without networks asks for none.
func TestAnUnknownAddressIsInNoNetwork(t *testing.T) {
	everywhere, err := parseNetworks([]string{"0.0.0.0/0", "::/0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		networks []netip.Prefix
		address  netip.Addr
		want     bool
	}{
		{nil, netip.Addr{}, true},
		{everywhere, netip.Addr{}, false},
		{everywhere, netip.MustParseAddr("192.0.2.1"), true},
		{everywhere[:1], netip.MustParseAddr("2001:db8::1"), false},
	} {
		if got := (&Principal{networks: c.networks}).admits(c.address); got != c.want {
			t.Errorf("%v admits %v: %t", c.networks, c.address, got)
		}
	}
	if e := errElsewhere(netip.Addr{}); !strings.Contains(e.Detail, "an unknown address") {
		t.Error(e.Detail)
	}
	if _, err := parseNetworks([]string{"192.0.2.0/24", "nonsense"}); err == nil {
		t.Error("a stored network that cannot be read is left out")
	}
}

// A request to create a key without networks is the one that releases before knew, whose retries go on.
func TestKeyInputWithoutNetworksIsAsBefore(t *testing.T) {
	text, err := json.Marshal(KeyInput{})
	if want := `{"Name":null,"Environment":null,"Scopes":null,"ExpiresAt":null}`; err != nil || string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

// Whatever is accepted holds its own address and is its own form.
func FuzzNetworks(f *testing.F) {
	for _, seed := range []string{"192.0.2.7", "10.1.2.3/8", "::ffff:10.0.0.0/104", "64:ff9b:1:2::10.0.0.1", "2001:db8::/48", "fe80::1%eth0", "::/0", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v problem.Check
		kept := checkNetworks(&v, []string{text})
		if v.Err() != nil {
			return
		}
		again, err := parseNetworks(checkNetworks(&v, kept))
		if err != nil || v.Err() != nil || again[0].String() != kept[0] {
			t.Fatalf("%q is kept as %q, which is %v, %v", text, kept, again, v.Err())
		}
		written, _, _ := strings.Cut(text, "/")
		if a := CanonicalAddress(netip.MustParseAddr(written)); !again[0].Contains(a) {
			t.Fatalf("%q is kept as %q, which does not hold %s", text, kept, a)
		}
	})
}
