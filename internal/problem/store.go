package problem

import "errors"

// Sentinels that a store returns. The domain gives them their meaning.
var (
	// ErrNotFound means that no row has the identity.
	ErrNotFound = errors.New("not found")
	// ErrTaken means that another row holds a unique value. The error wraps a
	// *TakenError that names the column.
	ErrTaken = errors.New("taken")
)

// TakenError names the unique column that refused a write.
type TakenError struct{ Column string }

func (e *TakenError) Error() string { return e.Column + " is taken" }

// Is makes a TakenError match ErrTaken.
func (e *TakenError) Is(target error) bool { return target == ErrTaken }
