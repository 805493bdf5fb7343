package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// connectionLimits bound the open connections of a listener.
type connectionLimits struct {
	total        int
	share        int            // of one address; of one /64 in IPv6
	exempt       []netip.Prefix // addresses without a share: proxies, which connect for many
	firstRequest time.Duration  // from the connection to the header of its first request
}

// connections is a listener with limits. At a limit it closes the connection
// that has been idle for longest, so that a new one never waits. It closes the
// new one only if none is idle. It is safe for concurrent use.
type connections struct {
	net.Listener
	limits connectionLimits

	mu    sync.Mutex
	open  int
	idle  list.List // of *connection, the longest idle first
	peers map[netip.Prefix]*peer
}

// peer holds the connections of one address.
type peer struct {
	open int
	idle list.List // of *connection, the longest idle first
}

// connection is an open connection. It is idle until its first request, and
// between requests.
type connection struct {
	net.Conn
	of      *connections
	address netip.Prefix
	late    *time.Timer // closes the connection without a request
	served  atomic.Bool // a request has come

	// Guarded by connections.mu.
	closed     bool
	idle       *list.Element // in connections.idle; nil while a request is served
	idleOfPeer *list.Element
}

// newConnections limits the connections that l accepts.
func newConnections(l net.Listener, limits connectionLimits) *connections {
	return &connections{Listener: l, limits: limits, peers: make(map[netip.Prefix]*peer)}
}

// serveWith makes h report the states of its connections to l.
func (l *connections) serveWith(h *http.Server) {
	h.ConnState = l.changed
	h.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, ownConnection(c))
	}
	next := h.Handler
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(connectionKey{}).(*connection); c != nil && !c.served.Load() {
			c.served.Store(true)
			c.late.Stop()
		}
		next.ServeHTTP(w, r)
	})
}

type connectionKey struct{}

// ownConnection returns the connection that l.Accept returned, which may be under
// TLS and the PROXY protocol, or nil.
func ownConnection(c net.Conn) *connection {
	if under, ok := c.(*tls.Conn); ok {
		c = under.NetConn()
	}
	if under, ok := c.(*proxiedConn); ok {
		c = under.Raw()
	}
	own, _ := c.(*connection)
	return own
}

// Accept returns the next connection that may stay open.
func (l *connections) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, instead := l.admit(conn)
		if instead != nil {
			_ = instead.Conn.Close() // its peer may be gone
		}
		if c != nil {
			return c, nil
		}
		_ = conn.Close()
	}
}

// admit adds a connection. It returns the one to close instead, if a limit is
// reached, and no connection if none is idle.
func (l *connections) admit(conn net.Conn) (admitted, instead *connection) {
	address, exempt := l.addressOf(conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[address]
	from := (*list.List)(nil)
	switch {
	case p != nil && !exempt && p.open >= l.limits.share:
		from = &p.idle
	case l.open >= l.limits.total:
		from = &l.idle
	}
	if from != nil {
		if from.Len() == 0 {
			return nil, nil
		}
		instead = from.Front().Value.(*connection)
		l.remove(instead)
	}
	c := &connection{Conn: conn, of: l, address: address}
	l.add(c)
	c.late = time.AfterFunc(l.limits.firstRequest, func() {
		if !c.served.Load() {
			_ = c.Close()
		}
	})
	return c, instead
}

// addressOf returns the address that shares its connections with conn, and
// whether it is exempt from that.
func (l *connections) addressOf(conn net.Conn) (address netip.Prefix, exempt bool) {
	at, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}, true
	}
	a := at.Addr().Unmap().WithZone("")
	for _, p := range l.limits.exempt {
		exempt = exempt || p.Contains(a)
	}
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	address, _ = a.Prefix(bits)
	return address, exempt
}

// add adds an idle connection. The caller holds mu.
func (l *connections) add(c *connection) {
	p := l.peers[c.address]
	if p == nil {
		p = new(peer)
		l.peers[c.address] = p
	}
	l.open++
	p.open++
	c.idle, c.idleOfPeer = l.idle.PushBack(c), p.idle.PushBack(c)
}

// remove removes a connection, once. The caller holds mu.
func (l *connections) remove(c *connection) {
	if c.closed {
		return
	}
	l.take(c)
	c.closed = true
	l.open--
	p := l.peers[c.address]
	if p.open--; p.open == 0 {
		delete(l.peers, c.address)
	}
	if c.late != nil {
		c.late.Stop()
	}
}

// take removes a connection from the idle ones. The caller holds mu.
func (l *connections) take(c *connection) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		l.peers[c.address].idle.Remove(c.idleOfPeer)
		c.idle, c.idleOfPeer = nil, nil
	}
}

// changed follows the states of the connections, as http.Server.ConnState.
func (l *connections) changed(conn net.Conn, state http.ConnState) {
	c := ownConnection(conn)
	if c == nil || state != http.StateActive && state != http.StateIdle && state != http.StateHijacked {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.closed {
		return
	}
	l.take(c)
	if state == http.StateIdle {
		c.idle, c.idleOfPeer = l.idle.PushBack(c), l.peers[c.address].idle.PushBack(c)
	}
}

// Close closes the connection and makes room for another.
func (c *connection) Close() error {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
