package credential

import "context"

// hashLimiter bounds how many callers hash at once and how many wait. Waiting
// callers enter in the order in which they came. Safe for concurrent use.
type hashLimiter struct {
	inside  chan struct{}
	waiting chan struct{}
}

func newHashLimiter(width, queue int) *hashLimiter {
	return &hashLimiter{
		inside:  make(chan struct{}, max(width, 1)),
		waiting: make(chan struct{}, max(queue, 0)),
	}
}

// enter returns once the caller may hash; the caller must then call leave once.
// If the queue is full it fails with ErrBusy at once. If the context ends first
// it fails with the error of the context.
func (l *hashLimiter) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	leave = func() { <-l.inside }
	select {
	case l.inside <- struct{}{}:
		return leave, nil
	default:
	}
	select {
	case l.waiting <- struct{}{}:
		defer func() { <-l.waiting }()
	default:
		return nil, ErrBusy
	}
	select {
	case l.inside <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
