package auth

import "github.com/openwearables/openwearables/internal/problem"

// Change is what a patch does to one member: it leaves the member, clears it, or
// gives it a value. In a JSON merge patch (RFC 7396) these are an absent member,
// null, and a value. The zero value leaves the member.
type Change[T any] struct {
	present bool
	value   *T // nil: null
}

// ChangeTo returns the change to *value, or the one that clears if value is nil.
func ChangeTo[T any](value *T) Change[T] { return Change[T]{present: true, value: value} }

// Present reports whether the member changes.
func (c Change[T]) Present() bool { return c.present }

// Null reports whether the member is cleared.
func (c Change[T]) Null() bool { return c.present && c.value == nil }

// Value returns the value that the member gets; nil if it gets none.
func (c Change[T]) Value() *T { return c.value }

// apply changes a member that may have no value.
func (c Change[T]) apply(member **T) {
	if c.present {
		*member = c.value
	}
}

// replace changes a member that always has a value. It must not be null.
func (c Change[T]) replace(member *T) {
	if c.present {
		*member = *c.value
	}
}

// checkName checks a name that is given, and trims it.
func checkName(v *problem.Check, field string, c *Change[string]) {
	if name := c.Value(); name != nil {
		*c = ChangeTo(new(v.Name(field, *name, 1, problem.MaxName)))
	}
}

// refuseNull checks the change of a member that always has a value.
func refuseNull[T any](v *problem.Check, field string, c Change[T]) {
	if c.Null() {
		v.Fail(field, "must not be null")
	}
}
