package problem

import "github.com/google/uuid"

// UUID returns the canonical form of the UUID in s, or the 422 that names field.
func UUID(field, s string) (string, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return "", InvalidError(FieldError{field, "must be a UUID"})
	}
	return id.String(), nil
}
