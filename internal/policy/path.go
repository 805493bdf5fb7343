package policy

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxURI is the length of the longest URI that is judged, in bytes.
const maxURI = 8 << 10

// Path returns the path of a URI without its query, and whether everybody reads it alike.
// It refuses what one program would bring into another form than the next: dot segments,
// empty segments, parameters after a semicolon, backslashes, and escapes of what need not
// be escaped, of slashes, of control characters, and of what is not UTF-8. Nothing is repaired: the service
// behind the proxy gets the URI as it is.
func Path(uri string) (path string, ok bool) {
	path, query, _ := strings.Cut(uri, "?")
	if len(uri) > maxURI || !wellFormed(path) {
		return "", false
	}
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return "", false
		}
	}
	return path, true
}

// wellFormed reports whether a path has one reading.
func wellFormed(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	if text, err := url.PathUnescape(path); err != nil || !utf8.ValidString(text) { // such as a dot in two bytes
		return false
	}
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "" && more || segment == "." || segment == ".." || !plain(segment) {
			return false
		}
	}
	return true
}

// plain reports whether a segment holds only what stands for itself, and escapes in upper
// case of what must be escaped.
func plain(segment string) bool {
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if unreserved(c) || strings.IndexByte("!$&'()*+,=:@", c) >= 0 {
			continue
		}
		if c != '%' || i+2 >= len(segment) {
			return false
		}
		high, low := upperHex(segment[i+1]), upperHex(segment[i+2])
		if high < 0 || low < 0 {
			return false
		}
		if b := byte(high<<4 | low); unreserved(b) || b < ' ' || b == 0x7f || strings.IndexByte(`/\%;?#`, b) >= 0 {
			return false
		}
		i += 2
	}
	return true
}

// unreserved reports whether RFC 3986 section 2.3 never escapes the byte.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func upperHex(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }
