package openwearables

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"connectrpc.com/connect"
)

// The bounds of what an Error takes from a response.
const (
	maxText   = 1 << 10 // bytes of a message
	maxName   = 128     // bytes of a reason, a scope, a request id
	maxFields = 100
)

const cut = "…"

// clean makes text of others fit for a log and a terminal. It hides what looks like a
// credential, and returns at most limit bytes, cut between two runes. What does not print
// becomes U+FFFD, among it control characters, the escapes of terminals and the marks that
// reverse the direction of writing; white space becomes a space.
func clean(text string, limit int) string {
	text = redact(text)
	if len(text) <= limit && !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !unprintable(r):
		case unicode.IsSpace(r):
			r = ' '
		default:
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > limit-len(cut) {
			return b.String() + cut
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// cleanCause returns err with its message cleaned and everything else as it is. If a
// transport failed, it hides what its errors tell.
func cleanCause(err *connect.Error) *connect.Error {
	message := clean(err.Message(), maxText)
	var out *connect.Error
	switch wire := connect.IsWireError(err); {
	case !wire && tells(err.Unwrap(), nil):
		out = connect.NewError(err.Code(), hide(err.Unwrap(), nil))
	case message == err.Message():
		return err
	case wire:
		out = connect.NewWireError(err.Code(), errors.New(message))
	default:
		out = connect.NewError(err.Code(), errors.New(message))
	}
	for _, d := range err.Details() {
		out.AddDetail(d)
	}
	for name, values := range err.Meta() {
		out.Meta()[name] = values
	}
	return out
}

// credentials matches those of this API, the JWTs of sessions among them. What comes before
// one may be anything, as in "%3Dow_live_".
var credentials = regexp.MustCompile(`(ow_live_|ow_test_|secret_|rt_)[0-9A-Za-z]{16,}|(eyJ)[0-9A-Za-z_.-]{16,}|(whsec_)[0-9A-Za-z+/=_-]{16,}|(://)[^\s/?#"@]+(@)`)

// redact hides what looks like a credential, and the user and the password of a URL.
func redact(text string) string { return credentials.ReplaceAllString(text, "$1$2$3$4…$5") }
