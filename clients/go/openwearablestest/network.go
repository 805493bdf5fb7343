package openwearablestest

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const maxNetworks = 32

// The networks in which a NAT64 writes IPv4 addresses.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48")
)

// asIPv4 returns the IPv4 address that a is another notation of, else a.
func asIPv4(a netip.Addr) netip.Addr {
	if a = a.Unmap(); nat64.Contains(a) || nat64Local.Contains(a) {
		if b := a.As16(); [4]byte(b[8:12]) == [4]byte{} {
			return netip.AddrFrom4([4]byte(b[12:]))
		}
	}
	return a
}

// network reads an address or a network without its host bits, or says what the text must be.
func network(text string) (_ netip.Prefix, fault string) {
	p, err := netip.ParsePrefix(text)
	if !strings.Contains(text, "/") {
		var a netip.Addr
		a, err = netip.ParseAddr(text)
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if err != nil || strings.Contains(text, "%") {
		return p, "must be an address such as 192.0.2.7, or a network such as 192.0.2.0/24 or 2001:db8::/48"
	}
	const embedding = 96 // bits before an IPv4 address
	if a := p.Addr(); a.Is4In6() || nat64.Contains(a) || nat64Local.Contains(a) {
		if p.Bits() < embedding {
			return p, "must be the IPv4 network that it stands for, such as 192.0.2.0/24"
		}
		if a = asIPv4(a); a.Is4() {
			p = netip.PrefixFrom(a, p.Bits()-embedding)
		}
	}
	return p.Masked(), ""
}

// networks checks networks and returns them as they are kept.
func (v *check) networks(given []string) []string {
	if len(given) > maxNetworks {
		v.fail("allowed_networks", "must hold at most "+strconv.Itoa(maxNetworks)+" items")
		return nil
	}
	all, texts := make([]netip.Prefix, len(given)), make([]string, len(given))
	for i, text := range given {
		p, fault := network(text)
		if other := slices.IndexFunc(all[:i], p.Overlaps); fault == "" && other >= 0 {
			fault = "must share no address with allowed_networks[" + strconv.Itoa(other) + "]: leave the smaller one out"
		}
		if fault != "" {
			v.fail("allowed_networks["+strconv.Itoa(i)+"]", fault)
			continue
		}
		all[i], texts[i] = p, p.String()
	}
	return texts
}

// elsewhere refuses a key that is used from an address in none of its networks, of which
// there are some.
func elsewhere(networks []string, from string) *refusal {
	a, err := netip.ParseAddr(from)
	inside := func(text string) bool {
		p, _ := netip.ParsePrefix(text)
		return err == nil && p.Contains(asIPv4(a))
	}
	if len(networks) == 0 || slices.ContainsFunc(networks, inside) {
		return nil
	}
	return forbidden("network_not_allowed", "This API key may not be used from "+from+", which is in none of its allowed_networks: "+
		"call from one of them, or let a developer add the address with UpdateKey")
}
