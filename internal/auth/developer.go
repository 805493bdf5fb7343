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

// StoredDeveloper is a developer beside its password's hash.
type StoredDeveloper struct {
	Developer
	PasswordHash string // PHC string
	Disabled     bool
}

// DeveloperPatch is what UpdateMe changes. Nil leaves a member as it is; a nil
// inside clears it.
type DeveloperPatch struct {
	FirstName, LastName **string
	Email               **string // cannot be cleared; needs CurrentPassword
	CurrentPassword     *string
}

func (in *DeveloperPatch) check() error {
	var v problem.Check
	if in.FirstName != nil {
		v.Optional("first_name", *in.FirstName, problem.MaxText)
	}
	if in.LastName != nil {
		v.Optional("last_name", *in.LastName, problem.MaxText)
	}
	if in.Email != nil {
		var email string
		if assign(&v, "email", &email, in.Email); *in.Email != nil {
			v.Email("email", email)
		}
		if in.CurrentPassword == nil || *in.CurrentPassword == "" {
			v.Fail("current_password", "is required to change the email")
		}
	}
	return v.Err()
}

func (in *DeveloperPatch) apply(d *Developer) {
	if in.FirstName != nil {
		d.FirstName = *in.FirstName
	}
	if in.LastName != nil {
		d.LastName = *in.LastName
	}
	if in.Email != nil {
		d.Email = **in.Email
	}
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
