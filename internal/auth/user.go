package auth

import (
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// User is one of the account's own users: whose data it is.
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

// UserPatch changes a user. Nil leaves a member as it is; a nil inside clears
// it.
type UserPatch struct {
	FirstName, LastName, Email, ExternalUserID **string
}

// apply checks the patch and carries it out on u.
func (in UserPatch) apply(u *User) error {
	var v problem.Check
	set := func(field string, from **string, to **string, most int) {
		if from != nil {
			v.Optional(field, *from, most)
			*to = *from
		}
	}
	set("first_name", in.FirstName, &u.FirstName, problem.MaxText)
	set("last_name", in.LastName, &u.LastName, problem.MaxText)
	set("external_user_id", in.ExternalUserID, &u.ExternalUserID, problem.MaxText)
	if in.ExternalUserID != nil && *in.ExternalUserID != nil && **in.ExternalUserID == "" {
		v.Fail("external_user_id", "must not be empty; send null for none")
	}
	if in.Email != nil {
		if u.Email = *in.Email; u.Email != nil {
			v.Email("email", *u.Email)
		}
	}
	return v.Err()
}

func userError(err error) error {
	if taken, ok := errors.AsType[*problem.TakenError](err); ok {
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
