package policy

import (
	"net/url"
	"path"
	"strings"
)

// oneReading returns the path that is left of a URI once it has been decoded, cleaned and
// encoded anew, as programs on its way may do, or "" if it cannot be read.
func oneReading(uri string) string {
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return ""
	}
	clean := path.Clean(u.Path)
	if strings.HasSuffix(u.Path, "/") && clean != "/" {
		clean += "/"
	}
	if clean != u.Path {
		return ""
	}
	return u.EscapedPath()
}
