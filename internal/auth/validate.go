package auth

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Longest accepted values, in characters.
const (
	MaxName  = 100
	MaxText  = 255
	MaxEmail = 254
	maxPage  = 1<<31 - 1
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

// assign carries out one member of a patch whose null is no value.
func assign[T any](v *Check, field string, to *T, from **T) {
	switch {
	case from == nil:
	case *from == nil:
		v.Fail(field, "must not be null")
	default:
		*to = **from
	}
}

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

var (
	instantForm   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	errNotInstant = errors.New("auth: not an RFC 3339 time")
)

// ParseInstant reads an RFC 3339 time and nothing else; time.Parse takes more.
func ParseInstant(s string) (time.Time, error) {
	if !instantForm.MatchString(s) {
		return time.Time{}, errNotInstant
	}
	return time.Parse(time.RFC3339, s)
}

// storable bounds times to four-digit years, which order alike as text.
func storable(t time.Time) bool {
	y := t.UTC().Year()
	return y >= 1 && y <= 9999
}

// UserID checks the id of a user in a path; anything but a UUID is a 422 to
// everyone.
func UserID(s string) (string, error) { return checkID("user_id", s) }

// checkID returns the canonical form of a UUID.
func checkID(field, s string) (string, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return "", InvalidError(FieldError{field, "must be a UUID"})
	}
	return id.String(), nil
}

// checkHandle checks the id of what is not named by a UUID. One that was never
// given out is no fault; one that cannot be text is.
func checkHandle(field, s string) error {
	var v Check
	v.Text(field, s, 1, MaxText)
	return v.Err()
}

// Fold returns the form in which text is compared without regard to case.
func Fold(s string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func newID() string { return uuid.NewString() }

func newSessionID() [16]byte { return uuid.New() }

func formatID(id [16]byte) string { return uuid.UUID(id).String() }

func parseSessionID(s string) ([16]byte, error) {
	id, err := uuid.Parse(s)
	return id, err
}
