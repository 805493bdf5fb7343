package auth

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/problem"
)

// maxNetworks is how many networks a key may be bound to.
const maxNetworks = 32

// embedding is the length of the prefix of an IPv6 address that holds an IPv4
// address.
const embedding = 96

// The networks in which a NAT64 writes IPv4 addresses: the one that all know (RFC
// 6052 section 2.1), and the one for local use, of which a translator takes a /96
// (RFC 8215).
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
)

// CanonicalAddress returns the address without a zone, and an IPv4 address that is
// written in IPv6 as what it is.
func CanonicalAddress(a netip.Addr) netip.Addr {
	if a = a.Unmap().WithZone(""); nat64.Contains(a) || nat64Local.Contains(a) {
		if b := a.As16(); [4]byte(b[8:12]) == [4]byte{} {
			return netip.AddrFrom4([4]byte(b[12:]))
		}
	}
	return a
}

// CanonicalNetwork returns the network without host bits, in the form in which it
// contains canonical addresses: an IPv4 network that is written in IPv6 is what it is.
// It is not ok if it is so wide that it holds every IPv4 address in such a notation,
// and none in its own.
func CanonicalNetwork(p netip.Prefix) (_ netip.Prefix, ok bool) {
	if a := p.Addr(); a.Is4In6() || nat64.Contains(a) || nat64Local.Contains(a) {
		if p.Bits() < embedding {
			return p, false
		}
		if a = CanonicalAddress(a); a.Is4() {
			p = netip.PrefixFrom(a, p.Bits()-embedding)
		}
	}
	return p.Masked(), true
}

// parseNetwork reads an address or a network in CIDR notation, and returns it in the
// form in which canonical addresses are compared with it, without host bits. Else it
// returns what the text must be.
func parseNetwork(text string) (_ netip.Prefix, fault string) {
	p, err := netip.ParsePrefix(text)
	if !strings.Contains(text, "/") {
		var a netip.Addr
		a, err = netip.ParseAddr(text)
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if err != nil || strings.Contains(text, "%") {
		return p, "must be an address such as 192.0.2.7, or a network such as 192.0.2.0/24 or 2001:db8::/48"
	}
	p, ok := CanonicalNetwork(p)
	if !ok {
		return p, "must be the IPv4 network that it stands for, such as 192.0.2.0/24"
	}
	return p, ""
}

// checkNetworks returns the networks in the form in which they are kept. None of them
// may be a part of another one.
func checkNetworks(v *problem.Check, given []string) []string {
	if len(given) > maxNetworks {
		v.Fail("allowed_networks", fmt.Sprintf("must hold at most %d items", maxNetworks))
		return nil
	}
	all, texts := make([]netip.Prefix, len(given)), make([]string, len(given))
	for i, text := range given {
		p, fault := parseNetwork(text)
		if other := slices.IndexFunc(all[:i], p.Overlaps); fault == "" && other >= 0 {
			fault = fmt.Sprintf("must share no address with allowed_networks[%d]: leave the smaller one out", other)
		}
		if fault != "" {
			v.Fail(fmt.Sprintf("allowed_networks[%d]", i), fault)
			continue
		}
		all[i], texts[i] = p, p.String()
	}
	return texts
}

// parseNetworks reads networks as checkNetworks returns them.
func parseNetworks(texts []string) ([]netip.Prefix, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("a stored network of a key: %w", err)
		}
		all[i] = p
	}
	return all, nil
}
