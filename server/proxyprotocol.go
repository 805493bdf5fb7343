package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/pires/go-proxyproto"

	"github.com/openwearables/openwearables/internal/auth"
)

// errVersion1 refuses the text form of the protocol.
var errVersion1 = errors.New("the header must be of version 2")

// withClients returns a listener whose connections have the addresses of the
// clients: each connection of a trusted proxy must begin with a header of the PROXY
// protocol, version 2. Other peers are clients themselves. It logs once that a proxy
// sends no such header.
func (s *Server) withClients(l net.Listener) net.Listener {
	tell := func(peer net.Addr, err error) {
		s.config.Log.Error("a connection of a trusted proxy was closed: let the proxy send the PROXY protocol, version 2, "+
			"or set --client-address", "proxy", peer.String(), "error", err)
	}
	var once sync.Once
	return &proxied{
		&proxyproto.Listener{
			Listener: l, ReadHeaderTimeout: headerTimeout,
			ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
				if s.config.trusts(o.Upstream) {
					return proxyproto.REQUIRE, nil
				}
				return proxyproto.SKIP, nil
			},
			ValidateHeader: func(h *proxyproto.Header) error {
				if h.Version != 2 {
					return errVersion1
				}
				return nil
			},
		},
		func(peer net.Addr, err error) { once.Do(func() { tell(peer, err) }) },
	}
}

// DialAsProxy connects to the public listener of a server with these settings from this
// machine. Where the server takes this machine for a trusted proxy that names its
// clients on each connection, it begins with the header that names none.
func (c *Config) DialAsProxy(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil || c.ClientAddress != proxyProtocol || !c.trusts(conn.LocalAddr()) {
		return conn, err
	}
	header := proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	if _, err := header.WriteTo(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// trusts reports whether the address is that of a trusted proxy.
func (c *Config) trusts(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	address := auth.CanonicalAddress(at.Addr())
	return err == nil && slices.ContainsFunc(c.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// proxied reports connections without a valid header.
type proxied struct {
	*proxyproto.Listener
	report func(peer net.Addr, err error)
}

// Accept implements net.Listener.
func (l *proxied) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if c, ok := conn.(*proxyproto.Conn); ok {
		return &proxiedConn{c, l.report}, err
	}
	return conn, err
}

// proxiedConn is a connection that begins with a header.
type proxiedConn struct {
	*proxyproto.Conn
	report func(peer net.Addr, err error)
}

// Read implements net.Conn.
func (c *proxiedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, proxyproto.ErrNoProxyProtocol) || errors.Is(err, errVersion1) {
		c.report(c.Raw().RemoteAddr(), err)
	}
	return n, err
}
