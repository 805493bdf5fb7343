package jsonbody

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// An Error is the first fault of a body.
//
// Field is the member at fault, such as "workouts[3].end_time", or empty if the
// body as a whole is. Problem continues it and says what the client has to
// change, without any value that was sent.
type Error struct {
	Field   string
	Problem string
}

// Error returns the field and its problem.
func (e *Error) Error() string {
	if e.Field == "" {
		return "the body " + e.Problem
	}
	return e.Field + " " + e.Problem
}

// maxField is the longest field that is reported, in bytes. No operation has a
// longer one.
const maxField = 255

// Field turns a JSON pointer (RFC 6901) into the usual spelling of a field:
// "/workouts/3/end_time" becomes "workouts[3].end_time". The pointer to the
// whole document, and one whose spelling would pass 255 bytes, become "". The
// spelling is for people: dots and brackets within names are not escaped.
func Field(pointer string) string {
	var b strings.Builder
	for name := range jsontext.Pointer(pointer).Tokens() {
		switch {
		case isIndex(name):
			b.WriteString("[" + name + "]")
		case b.Len() > 0:
			b.WriteString("." + name)
		default:
			b.WriteString(name)
		}
		if b.Len() > maxField {
			return ""
		}
	}
	return strings.Map(printable, b.String())
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return utf8.RuneError
}

func isIndex(name string) bool {
	for _, c := range []byte(name) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return name != ""
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// describe puts a fault in the grammar into words. The decoder's own text
// quotes the body, so it is left out.
func describe(fault *jsontext.SyntacticError, body []byte) *Error {
	field := Field(string(fault.JSONPointer))
	switch {
	case errors.Is(fault, jsontext.ErrDuplicateName):
		return &Error{field, "must be given only once"}
	case errors.Is(fault, io.ErrUnexpectedEOF):
		return &Error{Problem: "must be complete JSON: it ends too early"}
	case bytes.HasPrefix(body, byteOrderMark):
		return &Error{Problem: "must not begin with a byte order mark"}
	}
	rest := body[min(max(0, int(fault.ByteOffset)), len(body)):]
	switch {
	case len(rest) > 0 && rest[0] == 0:
		return &Error{field, "must not hold U+0000"}
	case startsInvalid(rest):
		return &Error{field, "must be valid UTF-8"}
	case startsSurrogate(rest):
		return &Error{field, "must not hold half of a surrogate pair"}
	}
	return &Error{field, "must be valid JSON: the fault is at byte " + strconv.FormatInt(fault.ByteOffset, 10)}
}

func startsInvalid(b []byte) bool {
	r, size := utf8.DecodeRune(b)
	return r == utf8.RuneError && size == 1
}

// startsSurrogate reports whether b begins with an escaped UTF-16 surrogate.
func startsSurrogate(b []byte) bool {
	return len(b) >= 6 && b[0] == '\\' && b[1] == 'u' && (b[2] == 'd' || b[2] == 'D') && b[3] >= '8'
}
