package auth

import (
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// User is one of the account's own users, whose data the account keeps.
type User struct {
	ID                  string // UUID
	CreatedAt           time.Time
	FirstName           *string
	LastName            *string
	Email               *string // unique without regard to case
	ExternalUserID      *string // unique
	LastSyncedAt        *time.Time
	LastSyncedProvider  *string
	HasActiveConnection bool
}

// UserPatch is what CreateUser sets and UpdateUser changes.
type UserPatch struct {
	FirstName, LastName, Email, ExternalUserID Change[string]
}

// check checks the patch, and trims the names and the email.
func (in *UserPatch) check() error {
	var v problem.Check
	checkName(&v, "first_name", &in.FirstName)
	checkName(&v, "last_name", &in.LastName)
	external := in.ExternalUserID.Value()
	if v.Optional("external_user_id", external, problem.MaxText); external != nil && *external == "" {
		v.Fail("external_user_id", "must not be empty; send null for none")
	}
	if email := in.Email.Value(); email != nil {
		in.Email = ChangeTo(new(checkEmail(&v, "email", *email)))
	}
	return v.Err()
}

// values returns the values that the patch gives, in the order of the members.
func (in UserPatch) values() []*string {
	return []*string{in.FirstName.Value(), in.LastName.Value(), in.Email.Value(), in.ExternalUserID.Value()}
}

// apply carries out a patch that check accepts.
func (in UserPatch) apply(u *User) {
	in.FirstName.apply(&u.FirstName)
	in.LastName.apply(&u.LastName)
	in.Email.apply(&u.Email)
	in.ExternalUserID.apply(&u.ExternalUserID)
}

func userError(err error) error {
	if taken, ok := errors.AsType[*problem.TakenError](err); ok && taken.Column != "id" {
		e := &problem.Error{Kind: problem.Conflict, Reason: "email_taken", Detail: "Another user has this email"}
		if taken.Column == "external_user_id" {
			e.Reason, e.Detail = "external_user_id_taken", "Another user has this external_user_id"
		}
		return e
	}
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("User")
	}
	return err
}
