package problem

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Longest accepted values, in characters.
const (
	MaxName  = 100
	MaxText  = 255
	MaxEmail = 254
)

// What a value must be that is none of its kind.
const (
	NotInstant = "must be an RFC 3339 time such as 2026-03-07T10:30:00Z"
	NotWhole   = "must be a whole number"
	NotNumber  = "must be a number"
)

// Check collects the faults of a request, so that one answer names them all.
// The zero value is ready to use.
type Check struct{ fields []FieldError }

// Fail records that a field must change.
func (v *Check) Fail(field, message string) {
	v.fields = append(v.fields, FieldError{field, message})
}

// Fields returns the failed fields, in the order in which they failed.
func (v *Check) Fields() []FieldError { return v.fields }

// Err returns nil or the 422 that names every failed field.
func (v *Check) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return InvalidError(v.fields...)
}

// Text checks that a string has least to most characters, is UTF-8, and holds
// no U+0000. It reports whether that is so.
func (v *Check) Text(field, s string, least, most int) bool {
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		v.Fail(field, "must be valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		v.Fail(field, "must not hold U+0000")
	case n < least || n > most:
		v.Fail(field, "must be "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+" characters long")
	default:
		return true
	}
	return false
}

// Name checks a text of one line, such as a name, and returns it without the spaces
// around it. The rest has least to most characters, none of which is a control
// character, ends a line, or changes the direction of what follows.
func (v *Check) Name(field, s string, least, most int) string {
	name := Trim(s)
	if v.Text(field, name, least, most) && strings.ContainsFunc(name, isControl) {
		v.Fail(field, "must hold no control character, and none that changes the direction of text")
	}
	return name
}

// OptionalName is Name for a text that may be absent or empty.
func (v *Check) OptionalName(field string, s *string, most int) *string {
	if s == nil {
		return nil
	}
	return new(v.Name(field, *s, 0, most))
}

// Trim removes the spaces around a text, of whatever width.
func Trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Zs, r) })
}

// isControl is asked of every character of a bulk write. The tables have no character
// of Latin-1 but the first and last control characters.
func isControl(r rune) bool {
	if r <= unicode.MaxLatin1 {
		return r < ' ' || r >= 0x7f && r < 0xa0
	}
	return unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// Optional checks a string that may be absent.
func (v *Check) Optional(field string, s *string, most int) {
	if s != nil {
		v.Text(field, *s, 0, most)
	}
}

// OneOf checks that a string is in a closed set.
func (v *Check) OneOf(field, s string, set ...string) {
	for _, member := range set {
		if s == member {
			return
		}
	}
	v.Fail(field, "must be one of "+strings.Join(set, ", "))
}

// Between checks that a number is least to most, both included.
func (v *Check) Between(field string, n, least, most int) {
	if n < least || n > most {
		v.Fail(field, "must be "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
}

// Future reads an RFC 3339 time, which must be after now. It returns nil for
// nil.
func (v *Check) Future(field string, s *string, now time.Time) *time.Time {
	t := v.Instant(field, s)
	if t != nil && !t.After(now) {
		v.Fail(field, "must be in the future")
	}
	return t
}

// Instant reads an RFC 3339 time and returns it in UTC, in microseconds. It
// returns nil for nil and for what is not such a time.
func (v *Check) Instant(field string, s *string) *time.Time {
	if s == nil {
		return nil
	}
	t, err := ParseInstant(*s)
	if err != nil {
		v.Fail(field, NotInstant)
		return nil
	}
	return &t
}
