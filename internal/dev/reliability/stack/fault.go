package stack

import (
	"context"
	"fmt"
	"strings"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Fault is a proxy before a dependency that can fail it.
type Fault struct {
	proxy *toxiproxy.Proxy
}

// newFault starts a proxy before the address.
func newFault(name, upstream string) (*Fault, error) {
	s := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(s, name, "127.0.0.1:0", upstream)
	return &Fault{p}, p.Start()
}

// Addr returns the address of the proxy, which stands for the dependency.
func (f *Fault) Addr() string { return f.proxy.Listen }

// Down closes every connection and refuses new ones.
func (f *Fault) Down() { f.proxy.Stop() }

// BlackHole drops everything, in both directions, and closes no connection.
func (f *Fault) BlackHole() error { return f.both("timeout", `{"timeout": 0}`) }

// Slow delays everything that the dependency sends by so many milliseconds.
func (f *Fault) Slow(milliseconds int) error {
	return f.add("latency", "downstream", fmt.Sprintf(`{"latency": %d}`, milliseconds))
}

func (f *Fault) both(kind, attributes string) error {
	if err := f.add(kind, "upstream", attributes); err != nil {
		return err
	}
	return f.add(kind, "downstream", attributes)
}

func (f *Fault) add(kind, stream, attributes string) error {
	_, err := f.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(
		`{"name": "%s_%s", "type": %q, "stream": %q, "attributes": %s}`, kind, stream, kind, stream, attributes)))
	return err
}

// Heal ends every fault.
func (f *Fault) Heal() error {
	f.proxy.Toxics.ResetToxics(context.Background())
	if f.proxy.Enabled {
		return nil
	}
	return f.proxy.Start()
}
