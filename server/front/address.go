package front

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddress is where the request came from: the peer or, where the peer is
// a trusted proxy, the last hop before the trusted ones in X-Forwarded-For.
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

// parseHop reads an address that some proxies write with its port.
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

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
