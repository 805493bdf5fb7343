package policy

import (
	"regexp"
	"strings"
)

// maxHost is the length of the longest field that names a host, in bytes.
const maxHost = 255 + len(":65535")

// hostName matches a host without a port.
var hostName = regexp.MustCompile(`^([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$`)

// Host returns the host of a field that may have a port, in lower case, and whether
// everybody reads it alike: a dot at its end, or a name of a user before it, would lead
// some proxies to a host that the rules do not take it for. No field is no host.
func Host(field string) (host string, ok bool) {
	host = strings.ToLower(field)
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		port := host[colon+1:]
		if port == "" || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
		host = host[:colon]
	}
	if field != "" && (len(field) > maxHost || !isASCII(field) || !hostName.MatchString(host)) {
		return "", false
	}
	return host, true
}

// isASCII reports whether a text cannot become another one in lower case but by its
// letters from A to Z.
func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
