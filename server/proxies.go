package server

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/server/front"
)

// How trusted proxies name their clients.
const (
	xForwardedFor = "x-forwarded-for"
	forwarded     = "forwarded"
	proxyProtocol = "proxy-protocol"
)

// clientHeader returns the header that names the client.
func (c *Config) clientHeader() front.ClientHeader {
	switch c.ClientAddress {
	case forwarded:
		return front.Forwarded
	case proxyProtocol:
		return front.NoHeader
	default:
		return front.XForwardedFor
	}
}

// uniqueLocal is the network of all private IPv6 addresses (RFC 4193).
var uniqueLocal = netip.MustParsePrefix("fc00::/7")

// checkProxies brings the networks of trusted proxies into the form in which
// addresses are compared. It refuses those that never match, and those so wide
// that callers are in them: a caller in a trusted network chooses the address by
// which it is limited and logged. A listener on loopback is no exception, since
// the proxy before it passes on what callers write.
func (c *Config) checkProxies() error {
	switch c.ClientAddress {
	case xForwardedFor, "":
	case forwarded, proxyProtocol:
		if len(c.TrustedProxies) == 0 {
			return fmt.Errorf("--client-address %s needs --trusted-proxies: only they may say who the client is", c.ClientAddress)
		}
	default:
		return fmt.Errorf("--client-address %q must be x-forwarded-for, forwarded or proxy-protocol", c.ClientAddress)
	}
	var proxies []netip.Prefix
	for _, given := range c.TrustedProxies {
		p, ok := auth.CanonicalNetwork(given)
		switch {
		case !p.IsValid():
			return errors.New("--trusted-proxies must be addresses such as 10.0.0.1 or networks such as 10.0.0.0/8")
		case !ok:
			return fmt.Errorf("--trusted-proxies %s never matches: write it as an IPv4 network such as 10.0.0.0/8", given)
		case p.Bits() < 8 && p != uniqueLocal:
			return fmt.Errorf("--trusted-proxies %s would let callers choose their address: name only the proxies before this server, "+
				"such as 10.0.0.5 or 10.0.0.0/8", p)
		}
		if !slices.Contains(proxies, p) {
			proxies = append(proxies, p)
		}
	}
	c.TrustedProxies = proxies
	return nil
}
