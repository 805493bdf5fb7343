package front

import (
	"encoding/json"

	"github.com/openwearables/openwearables/internal/problem"
)

// elsewhere names members that callers expect of an operation and that another one
// has. Other unknown members are ignored; after one of these, the caller would
// believe that something changed.
type elsewhere struct {
	members []misplaced
	message string
}

// misplaced is one spelling of a member in JSON, and the field that a refusal names.
type misplaced struct{ spelling, field string }

// passwordElsewhere is for an operation that changes an account, but not its
// password.
var passwordElsewhere = elsewhere{
	members: passwordMembers,
	message: "is changed by ChangePassword, POST /api/v1/auth/change-password",
}

// otherPasswordElsewhere is for an operation that changes the account of somebody else.
var otherPasswordElsewhere = elsewhere{
	members: passwordMembers,
	message: "is changed by its owner with ChangePassword, or by the operator with: openwearables developer set-password",
}

var passwordMembers = []misplaced{{"password", "password"}, {"new_password", "new_password"}, {"newPassword", "new_password"}}

// check refuses a JSON object that has one of the members. It leaves any other body
// to the decoder.
func (e *elsewhere) check(data []byte) error {
	if e.members == nil {
		return nil
	}
	var body map[string]json.RawMessage
	if json.Unmarshal(data, &body) != nil {
		return nil
	}
	for _, m := range e.members {
		if value, ok := body[m.spelling]; ok && string(value) != "null" {
			return problem.InvalidError(problem.FieldError{Field: m.field, Message: e.message})
		}
	}
	return nil
}
