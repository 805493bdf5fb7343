package front

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddress returns the address of the client: the peer or, if the peer is a
// trusted proxy, the last untrusted hop in X-Forwarded-For. At a hop that it
// cannot parse it stops and returns the hop after it.
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap()
	if !within(address, trusted) {
		return address
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			return address
		}
		if address = hop; !within(address, trusted) {
			return address
		}
	}
	return address
}

// parseHop parses an address. Some proxies add the port.
func parseHop(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return a, false
		}
		a = withPort.Addr()
	}
	return a.Unmap().WithZone(""), true
}

// within reports whether one of the prefixes contains a.
func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
