package server

import (
	"fmt"
	"net/url"
	"regexp"
)

// publicPath matches a path that is the same in every form: no slash at its end, no escapes.
var publicPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

// checkPublicURL refuses a URL that could not be the issuer of tokens (RFC 8414 section 2):
// callers compare it byte by byte, so there is one way to write it.
func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return fmt.Errorf("--public-url %q must be a URL such as https://auth.example.com", c.PublicURL)
	}
	origin, ok := canonicalOrigin(u.Scheme + "://" + u.Host)
	switch {
	case !ok || !publicPath.MatchString(u.Path) || origin+u.Path != c.PublicURL:
		return fmt.Errorf("--public-url %q must be a URL such as https://auth.example.com or https://example.com/auth: "+
			"in lower case, without the usual port, and without a slash at its end", c.PublicURL)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("--public-url %s must begin with https://, unless it is of this machine", c.PublicURL)
	}
}

// publicOrigin returns the origin of the public URL, "" if none is set.
func (c *Config) publicOrigin() string {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
