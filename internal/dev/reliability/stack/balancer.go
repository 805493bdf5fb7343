package stack

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"
)

// poll is the interval of the readiness checks.
const poll = 100 * time.Millisecond

// Balancer is a minimal load balancer. It passes each request to the next node
// whose last readiness check succeeded, on a new connection. It never repeats a
// request, so that it hides no failure.
type Balancer struct {
	Addr    string
	server  *http.Server
	nodes   []*Node
	ready   []atomic.Bool
	turn    atomic.Int64
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// Balance starts a balancer of all nodes. The caller must Close it.
func (s *Stack) Balance() (*Balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &Balancer{Addr: l.Addr().String(), nodes: s.Nodes, ready: make([]atomic.Bool, len(s.Nodes))}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", b.next()
		},
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, context.Canceled) {
				w.Header().Set("X-Balancer", err.Error())
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	b.server = &http.Server{Handler: proxy}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	for i := range b.nodes {
		b.ask(ctx, i)
		b.stopped.Go(func() { b.watch(ctx, i) })
	}
	b.stopped.Go(func() { _ = b.server.Serve(l) }) // until Close
	return b, nil
}

// next returns the address of the next ready node, or of any node if none is
// ready.
func (b *Balancer) next() string {
	n := int(b.turn.Add(1))
	for i := range b.nodes {
		if k := (n + i) % len(b.nodes); b.ready[k].Load() {
			return b.nodes[k].Addr
		}
	}
	return b.nodes[n%len(b.nodes)].Addr
}

// Ready reports whether the balancer uses the node.
func (b *Balancer) Ready(node int) bool { return b.ready[node].Load() }

func (b *Balancer) watch(ctx context.Context, i int) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(poll):
			b.ask(ctx, i)
		}
	}
}

func (b *Balancer) ask(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.nodes[i].Addr+"/readyz", nil)
	if err != nil {
		return
	}
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err == nil {
		_ = res.Body.Close()
	}
	b.ready[i].Store(err == nil && res.StatusCode == http.StatusOK)
}

// Close stops the balancer.
func (b *Balancer) Close() {
	b.stop()
	_ = b.server.Close() // no request that matters is under way
	b.stopped.Wait()
}
