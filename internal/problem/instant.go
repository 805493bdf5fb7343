package problem

import (
	"errors"
	"regexp"
	"time"
)

var (
	instantForm   = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	errNotInstant = errors.New("not an RFC 3339 time")
)

// ParseInstant reads an RFC 3339 time. It is stricter than time.Parse.
func ParseInstant(s string) (time.Time, error) {
	if !instantForm.MatchString(s) {
		return time.Time{}, errNotInstant
	}
	return time.Parse(time.RFC3339, s)
}

// storable reports whether the year has four digits, so that times order alike
// as text.
func storable(t time.Time) bool {
	y := t.UTC().Year()
	return y >= 1 && y <= 9999
}
