package credential

import "context"

// hashLimiter bounds how many callers are inside it and how many wait to get in. They
// are let in in the order they came.
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

// enter returns once the caller is inside, who then must call leave once. It
// fails with ErrBusy without waiting, or with the context's error.
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
