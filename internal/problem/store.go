package problem

import "errors"

// Sentinels that a store returns; the domain gives them their meaning.
var (
	// ErrNotFound means that no row has the identity asked for.
	ErrNotFound = errors.New("not found")
	// ErrTaken means that a unique value is held by another row; the error
	// wraps a *TakenError that names the column.
	ErrTaken = errors.New("taken")
)

// TakenError says which unique column refused a write.
type TakenError struct{ Column string }

func (e *TakenError) Error() string { return e.Column + " is taken" }

// Is makes a TakenError match ErrTaken.
func (e *TakenError) Is(target error) bool { return target == ErrTaken }
