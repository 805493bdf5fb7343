package server

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

var (
	// appHost matches the host of an origin of an application or an extension,
	// and its port if it has one.
	appHost = regexp.MustCompile(`^[A-Za-z0-9._~-]+(:[0-9]{1,5})?$`)
	scheme  = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)
	// hostName matches a name in the form of DNS. Its last label is not a number:
	// browsers take such a name for an IPv4 address.
	hostName = regexp.MustCompile(`^([a-z0-9_-]+\.)*([a-z0-9_-]*[a-z_-][a-z0-9_-]*)$`)
	hexLabel = regexp.MustCompile(`(^|\.)0x[0-9a-f]*$`)
)

// withoutOrigin are schemes whose pages send the origin "null", or none.
var withoutOrigin = []string{"about", "blob", "data", "file", "ftp", "javascript", "mailto", "ws", "wss"}

// names is the mapping of domain names that browsers use (UTS #46, without its
// transitional rules).
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

// headerName matches the name of a header (RFC 9110 section 5.1) that is not "*",
// by which browsers would admit every header.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'+.^_`|~-]+$")

// checkOrigins brings the allowed origins into the form in which browsers send
// them, and refuses those that have none.
func (c *Config) checkOrigins() error {
	for _, name := range c.AllowedHeaders {
		if !headerName.MatchString(name) {
			return fmt.Errorf("--allowed-headers %q must be names of headers such as X-Tenant", name)
		}
	}
	var origins []string
	for _, o := range c.AllowedOrigins {
		canonical, ok := canonicalOrigin(o)
		if !ok {
			hint := ""
			if strings.Contains(o, "*") {
				hint = ": patterns are not taken, so name each origin"
			}
			return fmt.Errorf("--allowed-origins %q must be origins such as https://app.example.com or capacitor://localhost%s", o, hint)
		}
		if !slices.Contains(origins, canonical) {
			origins = append(origins, canonical)
		}
	}
	c.AllowedOrigins = origins
	return nil
}

// canonicalOrigin returns the origin as browsers serialize it (RFC 6454 section
// 6.2): scheme and host in lower case, an international name in its ASCII form,
// no default port, no slash at the end.
func canonicalOrigin(s string) (_ string, ok bool) {
	name, rest, _ := strings.Cut(s, "://")
	name, rest = strings.ToLower(name), strings.TrimSuffix(rest, "/")
	defaultPort := map[string]string{"http": "80", "https": "443"}[name]
	if defaultPort == "" {
		ok = scheme.MatchString(name) && appHost.MatchString(rest) && !slices.Contains(withoutOrigin, name)
		return name + "://" + rest, ok
	}
	u, err := url.Parse(name + "://" + rest)
	if err != nil || u.Host != rest || strings.Contains(rest, "%") {
		return "", false
	}
	host, ok := canonicalHost(u.Hostname())
	if port := u.Port(); port != "" && ok {
		var number uint64
		if number, err = strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return "", false
		}
		if port = strconv.FormatUint(number, 10); port != defaultPort {
			return name + "://" + net.JoinHostPort(strings.Trim(host, "[]"), port), true
		}
	}
	return name + "://" + host, ok
}

// canonicalHost returns the host of a URL as browsers write it: an IPv6 address in
// brackets, a name in ASCII.
func canonicalHost(host string) (_ string, ok bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Is4() {
			return ip.String(), true
		}
		return "[" + ip.String() + "]", ip.Zone() == "" && !ip.Is4In6()
	}
	host, err := names.ToASCII(host)
	return host, err == nil && len(host) <= 253 && hostName.MatchString(host) && !hexLabel.MatchString(host)
}
