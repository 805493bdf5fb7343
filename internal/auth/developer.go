package auth

import (
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// Developer is one of the people who manage this installation.
type Developer struct {
	ID        string // UUID
	Email     string // unique without regard to case
	FirstName *string
	LastName  *string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// StoredDeveloper is a developer with the hash of the password.
type StoredDeveloper struct {
	Developer
	PasswordHash string // PHC string
	Disabled     bool
}

// subject returns the developer as the audit trail names it, "" for an account
// that does not exist.
func (d *StoredDeveloper) subject() string {
	if d.ID == "" {
		return ""
	}
	return developerSubject(d.ID)
}

// DeveloperPatch is what UpdateMe changes.
type DeveloperPatch struct {
	FirstName, LastName Change[string]
	Email               Change[string] // cannot be cleared; another one needs CurrentPassword
	CurrentPassword     *string
}

// check checks the patch of a developer who has the email present, and trims the names
// and the email. The present one, in whatever spelling, is no change and needs no
// password; with one, which must be right, the spelling changes.
func (in *DeveloperPatch) check(present string) error {
	var v problem.Check
	checkName(&v, "first_name", &in.FirstName)
	checkName(&v, "last_name", &in.LastName)
	refuseNull(&v, "email", in.Email)
	confirms := in.CurrentPassword != nil && *in.CurrentPassword != ""
	if email := in.Email.Value(); email != nil {
		in.Email = Change[string]{}
		if confirms || FoldEmail(*email) != FoldEmail(present) {
			in.Email = ChangeTo(new(checkEmail(&v, "email", *email)))
		}
	}
	if in.Email.Present() && !confirms {
		v.Fail("current_password", "is required to change the email")
	}
	return v.Err()
}

// apply carries out a patch that check accepts.
func (in *DeveloperPatch) apply(d *Developer) {
	in.FirstName.apply(&d.FirstName)
	in.LastName.apply(&d.LastName)
	in.Email.replace(&d.Email)
}

func developerError(err error) error {
	switch {
	case errors.Is(err, problem.ErrTaken):
		return &problem.Error{Kind: problem.Conflict, Reason: "email_taken", Detail: "Another developer has this email"}
	case errors.Is(err, problem.ErrNotFound):
		return problem.NotFoundError("Developer")
	default:
		return err
	}
}
