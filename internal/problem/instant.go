package problem

import (
	"errors"
	"regexp"
	"strings"
	"time"
)

var (
	instantForm   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	errNotInstant = errors.New("not an RFC 3339 time")
)

// ParseInstant reads an RFC 3339 time, and returns it in UTC without what is
// below a microsecond. It is the only reader of times in requests, and takes what
// the RFC allows, except leap seconds, a space instead of the T, years whose UTC
// form has not four digits from 0001 on, and more than MaxText characters. It is
// stricter than time.Parse.
func ParseInstant(s string) (time.Time, error) {
	if len(s) > MaxText || !instantForm.MatchString(s) {
		return time.Time{}, errNotInstant
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(s))
	if err != nil || !InRange(t) {
		return time.Time{}, errNotInstant
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// InRange reports whether the year of the time in UTC is 1 to 9999. Every time in a
// request is, since RFC 3339 has no others, and protobuf neither.
func InRange(t time.Time) bool {
	y := t.UTC().Year()
	return y >= 1 && y <= 9999
}
