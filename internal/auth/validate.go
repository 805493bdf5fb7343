package auth

import (
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/openwearables/openwearables/internal/problem"
)

// maxPage bounds the number of a page.
const maxPage = 1<<31 - 1

// UserID checks the id of a user in a path. Anything but a UUID is a 422, for
// every caller.
func UserID(s string) (string, error) { return problem.UUID("user_id", s) }

// checkHandle checks an id that is not a UUID. One that was never given out
// passes and is not found later; one that cannot be text fails.
func checkHandle(field, s string) error {
	var v problem.Check
	v.Text(field, s, 1, problem.MaxText)
	return v.Err()
}

// Fold returns the form in which a search compares text, without regard to case: ß is
// ss here, as it is to who types it.
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
