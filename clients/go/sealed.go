package openwearables

// sealed holds a value that printing and reflection do not reach; only get returns it.
// The zero sealed holds the zero value.
type sealed[T any] struct{ open func() T }

func seal[T any](value T) sealed[T] { return sealed[T]{func() T { return value }} }

func (s sealed[T]) get() (value T) {
	if s.open != nil {
		value = s.open()
	}
	return value
}
