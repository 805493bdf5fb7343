package openwearables

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseBase parses a base URL and refuses one to which no credential may be sent: over
// plain http, every host but this machine's own, or with private that of a private network.
func parseBase(base string, private bool) (*url.URL, error) {
	wrong := func(message string) error { return invalid(message).in("base") }
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Opaque != "" || !strings.Contains(base, "://"):
		return nil, wrong("the base URL must be absolute, such as https://api.example.com")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, wrong("the base URL must begin with https://")
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, wrong("the base URL must be a scheme, a host and at most a path, such as https://api.example.com")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		if !private {
			return nil, wrong("the base URL must begin with https://: plain http is for loopback addresses only," +
				" and with AllowInsecurePrivateNetwork for private ones")
		}
		if !isPrivate(u.Hostname()) {
			return nil, wrong("the base URL must begin with https://: the host is neither a private address nor a name of a private network")
		}
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// isPrivate reports whether a host is a private or link-local address, or a name that only
// a private network resolves.
func isPrivate(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	for _, suffix := range []string{".local", ".internal", ".svc", ".cluster.local"} {
		if label, ok := strings.CutSuffix(name, suffix); ok && label != "" {
			return true
		}
	}
	return name != "" && !strings.ContainsAny(name, ".:") && !isNumber(name)
}

// isNumber reports whether resolvers may take a name for an IPv4 address.
func isNumber(name string) bool {
	_, err := strconv.ParseUint(name, 0, 64)
	return err == nil || strings.Trim(name, "0123456789") == "" || strings.HasPrefix(name, "0x")
}
