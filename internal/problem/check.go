package problem

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Longest accepted values, in characters.
const (
	MaxName  = 100
	MaxText  = 255
	MaxEmail = 254
)

// Check collects what is wrong with a request, so that one answer names it
// all. The zero value is ready.
type Check struct{ fields []FieldError }

// Fail notes that a field must change.
func (v *Check) Fail(field, message string) {
	v.fields = append(v.fields, FieldError{field, message})
}

// Err returns nil or the 422 that names every failed field.
func (v *Check) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return InvalidError(v.fields...)
}

// Text checks a string of least to most characters.
func (v *Check) Text(field, s string, least, most int) {
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		v.Fail(field, "must be valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		v.Fail(field, "must not hold U+0000")
	case n < least || n > most:
		v.Fail(field, "must be "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+" characters long")
	}
}

// Optional checks a string that may be absent.
func (v *Check) Optional(field string, s *string, most int) {
	if s != nil {
		v.Text(field, *s, 0, most)
	}
}

var emailForm = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)

// Email checks an address: something, an @, something, and no white space.
func (v *Check) Email(field, s string) {
	before := len(v.fields)
	v.Text(field, s, 3, MaxEmail)
	if len(v.fields) == before && !emailForm.MatchString(s) {
		v.Fail(field, "must be an email address")
	}
}

// OneOf checks membership of a closed set.
func (v *Check) OneOf(field, s string, set ...string) {
	for _, member := range set {
		if s == member {
			return
		}
	}
	v.Fail(field, "must be one of "+strings.Join(set, ", "))
}

// Between checks a number's range, both ends included.
func (v *Check) Between(field string, n, least, most int) {
	if n < least || n > most {
		v.Fail(field, "must be "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
}

// Future reads an RFC 3339 time that is still to come; nil stays nil.
func (v *Check) Future(field string, s *string, now time.Time) *time.Time {
	t := v.Instant(field, s)
	if t != nil && !t.After(now) {
		v.Fail(field, "must be in the future")
	}
	return t
}

// Instant reads an RFC 3339 time; nil stays nil.
func (v *Check) Instant(field string, s *string) *time.Time {
	if s == nil {
		return nil
	}
	t, err := ParseInstant(*s)
	if err != nil || !storable(t) {
		v.Fail(field, "must be an RFC 3339 time such as 2026-03-07T10:30:00Z")
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}
