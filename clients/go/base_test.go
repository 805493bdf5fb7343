package openwearables_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// Plain http reaches this machine, with the option private networks too, and never
// anything else.
func TestPlainHTTPStaysInPrivateNetworks(t *testing.T) {
	const (
		never = iota
		private
		always
	)
	for host, want := range map[string]int{
		"localhost": always, "LocalHost:8000": always, "127.0.0.1": always, "127.9.9.9:1": always, "[::1]": always,
		"[::ffff:127.0.0.1]": always, "[::ffff:7f00:1]:8000": always,
		"10.1.2.3": private, "172.16.0.1": private, "172.31.255.255": private, "192.168.1.2:8000": private,
		"[::ffff:10.0.0.1]": private, "[fd00::1]": private, "[fc00::1]:80": private, "[fe80::1]": private, "[fe80::1%25eth0]": private,
		"169.254.1.1": private, "openwearables": private, "api:8000": private, "api-1": private, "Api.Default.SVC": private,
		"api.default.svc.cluster.local": private, "printer.local": private, "api.internal": private, "api.internal.": private,
		"x0": private, "localhost.": private,
		"172.32.0.1": never, "172.15.0.1": never, "11.0.0.1": never, "8.8.8.8": never, "[2001:db8::1]": never, "[::ffff:8.8.8.8]": never, "[fec0::1]": never,
		"0.0.0.0": never, "[::]": never, "224.0.0.1": never, "255.255.255.255": never,
		"api.example.com": never, "local.example.com": never, "internal": private, "api.internal.example.com": never, "notlocal": private,
		"api.notlocal": never, ".local": never, "134744072": never, "0x08080808": never, "010": never, "08": never, "0xzz": never, ".": never,
		"8.8.2056": never, "10.1": never, "api.svc.": private, "localhost.example.com": never,
	} {
		_, plain := openwearables.New("http://" + host)
		_, allowed := openwearables.New("http://"+host, openwearables.AllowInsecurePrivateNetwork())
		if (plain == nil) != (want == always) || (allowed == nil) != (want >= private) {
			t.Errorf("%s: %v, with the option %v", host, plain, allowed)
		}
		for _, err := range []error{plain, allowed} {
			if err != nil && (!openwearables.IsInvalid(err) || !strings.Contains(err.Error(), "https://")) {
				t.Errorf("%s: %v", host, err)
			}
		}
	}
}

// A client within a cluster calls a service by its name.
func TestClusterNameIsCalled(t *testing.T) {
	at, err := url.Parse(world.url)
	check(t, err)
	resolve := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at.Host)
	}}
	defer resolve.CloseIdleConnections()
	p := newPerson(t)
	const base = "http://api.default.svc.cluster.local"
	c := newClient(t, base, openwearables.AllowInsecurePrivateNetwork(), openwearables.WithHTTPClient(&http.Client{Transport: resolve}),
		openwearables.WithStore(seeded(t, base, p.pair, expired)))
	if _, err := c.Users.Get(t.Context(), p.id); err != nil {
		t.Error(err)
	}
}
