package server

import (
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// No peer can hold a listener without a limit.
func TestListenersHaveTimeouts(t *testing.T) {
	config := DefaultConfig()
	config.Addr, config.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0"
	config.Database = "sqlite:" + filepath.Join(t.TempDir(), "ow.db")
	s, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.listen()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"public", "metrics", "control"}
	if len(all) != len(names) {
		t.Fatalf("%d listeners", len(all))
	}
	for i, name := range names {
		b := all[i]
		b.listener.Close()
		idle, header := 2*time.Minute, 16<<10
		if name == "public" {
			idle, header = 620*time.Second, 64<<10
			if b.server.IdleTimeout <= 600*time.Second {
				t.Errorf("idle connections end after %v, before the balancers of large clouds end them", b.server.IdleTimeout)
			}
		}
		for what, c := range map[string]struct{ is, most time.Duration }{
			"header": {b.server.ReadHeaderTimeout, 5 * time.Second},
			"read":   {b.server.ReadTimeout, 30 * time.Second},
			"write":  {b.server.WriteTimeout, time.Minute},
			"idle":   {b.server.IdleTimeout, idle},
		} {
			if c.is <= 0 || c.is > c.most {
				t.Errorf("%s, %s: %v", name, what, c.is)
			}
		}
		if c, ok := b.listener.(*connections); name != "control" && (!ok || c.limits.firstRequest > 10*time.Second || c.limits.share > c.limits.total/2) {
			t.Errorf("%s: the connections are not limited: %+v", name, b.listener)
		}
		if b.server.MaxHeaderBytes != header {
			t.Errorf("%s: %d bytes of header", name, b.server.MaxHeaderBytes)
		}
	}
	if d := drainTimeout + closeTimeout; d > 9*time.Second {
		t.Errorf("drain and close take up to %v", d)
	}
}

func TestConnectionsAreASetting(t *testing.T) {
	config := DefaultConfig()
	config.Addr, config.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0"
	config.Database = "sqlite:" + filepath.Join(t.TempDir(), "ow.db")
	limits := &config.Connections
	limits.Total, limits.PerAddress, limits.FirstRequest = 8, 3, 2*time.Second
	config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
	s, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.listen()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all {
		defer b.listener.Close()
	}
	want := connectionLimits{total: 8, share: 3, exempt: config.TrustedProxies, firstRequest: 2 * time.Second}
	if got := all[0].listener.(*connections).limits; !reflect.DeepEqual(got, want) {
		t.Errorf("public: %+v, not %+v", got, want)
	}
	if got := all[1].listener.(*connections).limits; got.total != maxScrapers || got.firstRequest != 2*time.Second {
		t.Errorf("metrics: %+v", got)
	}
}
