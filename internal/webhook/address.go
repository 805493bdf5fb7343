package webhook

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Policy says to which addresses messages may be sent, beside public ones over https.
// The addresses of cloud metadata, and others that name no host, are refused in any
// case.
type Policy struct {
	PrivateNetworks bool // private networks and loopback, over http too
	Loopback        bool // loopback, over http too
}

// reach is where an address leads.
type reach uint8

const (
	nowhere  reach = iota // to no host, or to one that nobody may be sent to
	loopback              // to this machine
	private               // into a private network
	public
)

// special are networks that are not what they seem to netip. The first that holds an
// address counts.
var special = []struct {
	netip.Prefix
	reach
}{
	{netip.MustParsePrefix("fd00:ec2::254/128"), nowhere},  // metadata of AWS
	{netip.MustParsePrefix("fd20:ce::254/128"), nowhere},   // metadata of Google Cloud
	{netip.MustParsePrefix("100.100.100.200/32"), nowhere}, // metadata of Alibaba Cloud
	{netip.MustParsePrefix("192.0.0.192/32"), nowhere},     // metadata of Oracle Cloud
	{netip.MustParsePrefix("168.63.129.16/32"), nowhere},   // the host of a machine in Azure
	{netip.MustParsePrefix("0.0.0.0/8"), nowhere},
	{netip.MustParsePrefix("100.64.0.0/10"), private}, // CGNAT
	{netip.MustParsePrefix("192.0.0.0/24"), nowhere},
	{netip.MustParsePrefix("192.0.2.0/24"), nowhere}, // documentation
	{netip.MustParsePrefix("192.88.99.0/24"), nowhere},
	{netip.MustParsePrefix("198.18.0.0/15"), private}, // benchmarks
	{netip.MustParsePrefix("198.51.100.0/24"), nowhere},
	{netip.MustParsePrefix("203.0.113.0/24"), nowhere},
	{netip.MustParsePrefix("240.0.0.0/4"), nowhere},
	{netip.MustParsePrefix("64:ff9b:1::/48"), private}, // NAT64 of a network of its own
	{netip.MustParsePrefix("2001::/23"), nowhere},      // Teredo, and others of the IETF
	{netip.MustParsePrefix("2001:db8::/32"), nowhere},  // documentation
	{netip.MustParsePrefix("3fff::/20"), nowhere},      // documentation
}

// embedding are networks whose addresses hold one of IPv4, from the byte on.
var embedding = []struct {
	netip.Prefix
	from int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
}

var globalIPv6 = netip.MustParsePrefix("2000::/3")

// reachOf returns where the address leads.
func reachOf(a netip.Addr) reach {
	a = a.WithZone("").Unmap()
	switch {
	case a.IsLoopback():
		return loopback
	case !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast():
		return nowhere
	}
	for _, s := range special {
		if s.Contains(a) {
			return s.reach
		}
	}
	for _, e := range embedding {
		if e.Contains(a) {
			b := a.As16()
			if r := reachOf(netip.AddrFrom4([4]byte(b[e.from : e.from+4]))); r != loopback {
				return r
			}
			return nowhere
		}
	}
	switch {
	case a.IsPrivate():
		return private
	case a.Is6() && !globalIPv6.Contains(a):
		return nowhere
	default:
		return public
	}
}

// refuse says why nothing may be sent to the address with the scheme; "" if it may.
func (p Policy) refuse(scheme string, a netip.Addr) string {
	switch r := reachOf(a); {
	case r == public && scheme == "https":
		return ""
	case r == public:
		return "must be https: http is for private networks alone"
	case r == nowhere:
		return "must lead to a host: this address is reserved, or that of a network or a machine itself"
	case p.PrivateNetworks, r == loopback && p.Loopback:
		return ""
	default:
		return "must not lead to a private network: the operator can allow that with --webhook-allow-private-networks"
	}
}

const notAbsolute = "must be an absolute URL such as https://example.com/hook"

// RefuseURL says what to change about a URL to which nothing would be sent; "" if
// nothing. Where a host name leads shows only when something is sent.
func (p Policy) RefuseURL(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case strings.IndexFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0:
		return "must be in ASCII without spaces: encode other characters with %, and the host with Punycode"
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return notAbsolute
	case u.Scheme != "https" && u.Scheme != "http":
		return "must be an https URL"
	case u.User != nil:
		return "must hold no user and no password: verify the signature instead"
	case strings.Contains(raw, "#"):
		return "must hold no fragment, which is never sent"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "must have a port of 1 to 65535"
		}
	}
	return p.refuseHost(u.Scheme, u.Hostname())
}

func (p Policy) refuseHost(scheme, host string) string {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(name); err == nil {
		return p.refuse(scheme, a)
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return p.refuse(scheme, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	if scheme == "http" && !p.PrivateNetworks {
		return "must be https"
	}
	return ""
}
