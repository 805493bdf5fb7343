package openwearables

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"syscall"
)

// hidden is an error of a transport that tells a secret, such as the password of a proxy
// or the value of a header. It prints without that. errors.Is sees through it; errors.As
// sees a syscall.Errno alone, which has no text of its own.
type hidden struct {
	text string
	err  sealed[error]
}

func (h *hidden) Error() string { return h.text }

func (h *hidden) Is(target error) bool { return errors.Is(h.err.get(), target) }

func (h *hidden) As(target any) bool {
	errno, ok := target.(*syscall.Errno)
	return ok && errors.As(h.err.get(), errno)
}

// hide returns err. If that, or an error within it, tells a value of the header of the
// request, or what looks like a secret, hide returns an error without it.
func hide(err error, header http.Header) error {
	if !tells(err, header) {
		return err
	}
	return &hidden{clean(without(err.Error(), header), maxText), seal(err)}
}

// tells reports whether the text of an error, or of one within it, holds a secret.
func tells(err error, header http.Header) bool {
	if err == nil {
		return false
	}
	if text := err.Error(); without(text, header) != text {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return tells(e.Unwrap(), header)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if tells(inner, header) {
				return true
			}
		}
	}
	return false
}

// minHidden is the length from which the value of a header is looked for in a text: a
// shorter one stands there by chance.
const minHidden = 12

// tellings matches what a transport may tell beside those: credentials of any form, cookies,
// and what precedes the host of a proxy's URL, also in parts if that cannot be parsed.
var tellings = regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)[^\s"'\]]+|` +
	`(\b(?:set-cookie|cookie|(?:proxy-)?authorization)["\s:=[]+)[^\r\n"]+|` +
	`(://)[^\s"]*(@)|(invalid (?:port|URL escape) )"[^"]*"`)

// without returns the text of a transport's error without the values of the header and
// without what looks like a secret.
func without(text string, header http.Header) string {
	for name, values := range header {
		if name == "User-Agent" || name == "Accept-Encoding" || strings.HasPrefix(name, "Content-") {
			continue // nothing secret
		}
		for _, value := range values {
			value = strings.TrimPrefix(value, "Bearer ")
			if len(value) >= minHidden {
				text = strings.ReplaceAll(text, value, cut)
			}
		}
	}
	return redact(tellings.ReplaceAllString(text, "$1$2$3$5"+cut+"$4"))
}
