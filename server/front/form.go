package front

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/openwearables/openwearables/internal/problem"
)

// formMembers are the members of the form of Login, the only one. Other members
// are ignored.
var formMembers = []string{"username", "password", "use_cookie"}

// checkForm refuses a malformed form, with the rules that jsonbody has for JSON.
func checkForm(data []byte) error {
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return problem.InvalidError(problem.FieldError{Message: "The body must be a valid form"})
	}
	for _, name := range formMembers {
		value := values.Get(name)
		switch {
		case len(values[name]) > 1:
			return problem.InvalidError(problem.FieldError{Field: name, Message: "must be given only once"})
		case !utf8.ValidString(value):
			return problem.InvalidError(problem.FieldError{Field: name, Message: "must be valid UTF-8"})
		case strings.IndexByte(value, 0) >= 0:
			return problem.InvalidError(problem.FieldError{Field: name, Message: "must not hold U+0000"})
		}
	}
	return nil
}
