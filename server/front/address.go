package front

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
)

// ClientHeader is the header in which trusted proxies name their clients.
type ClientHeader string

const (
	XForwardedFor ClientHeader = "X-Forwarded-For"
	Forwarded     ClientHeader = "Forwarded" // RFC 7239
	NoHeader      ClientHeader = ""          // the peer is the client
)

// clientAddress returns the address of the client: the peer or, if the peer is a
// trusted proxy, the last untrusted hop in the header. At a hop that it cannot
// parse it stops and returns the hop after it.
func clientAddress(r *http.Request, header ClientHeader, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return behind(auth.CanonicalAddress(peer.Addr()), r.Header, header, trusted)
}

// behind is clientAddress of a request that came from the address.
func behind(address netip.Addr, h http.Header, header ClientHeader, trusted []netip.Prefix) netip.Addr {
	if header == NoHeader || !within(address, trusted) {
		return address
	}
	hops := strings.Join(h[string(header)], ",")
	for hops != "" {
		var hop string
		hops, hop = cutLast(hops, ',')
		if hop = strings.TrimSpace(hop); hop == "" {
			continue // RFC 9110 section 5.6.1.2
		}
		if header == Forwarded {
			hop = forwardedFor(hop)
		}
		parsed, ok := parseHop(hop)
		if !ok {
			return address
		}
		if address = parsed; !within(address, trusted) {
			return address
		}
	}
	return address
}

// cutLast cuts s at its last separator that is not in a quoted string. It reads from
// the end, so that a quote which the client left open changes nothing that the
// proxies after it wrote.
func cutLast(s string, separator byte) (before, last string) {
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '"' && !(quoted && i > 0 && s[i-1] == '\\'):
			quoted = !quoted
		case s[i] == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return "", s
}

// forwardedFor returns the value of the for parameter in an element of Forwarded,
// or "" if it has none or several.
func forwardedFor(element string) string {
	value, found := "", false
	for element != "" {
		var pair string
		element, pair = cutLast(element, ';')
		name, of, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "for") {
			continue
		}
		if found {
			return ""
		}
		value, found = strings.TrimSpace(of), true
	}
	return value
}

// parseHop parses an address as proxies write it: in quotes or not, an IPv6
// address in brackets or not, with the port or without.
func parseHop(s string) (netip.Addr, bool) {
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		return auth.CanonicalAddress(withPort.Addr()), true
	}
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	return auth.CanonicalAddress(a), err == nil
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
