package openwearables

import (
	"context"
	"fmt"
)

// turn lets calls of the app's code run one after the other. It is full while one runs.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// inTurn runs f when the call before it has returned, and returns its results. When ctx
// ends it returns an error, even if f goes on: no other call begins before f has returned.
// late, unless nil, gets the value of an f that succeeds after that.
func inTurn[T any](ctx context.Context, t turn, f func() (T, error), late func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	done := make(chan result)
	select {
	case t <- struct{}{}:
	case <-ctx.Done():
		return none, overdue(ctx)
	}
	go func() {
		value, err := func() (T, error) {
			defer func() { <-t }()
			return f()
		}()
		select {
		case done <- result{value, err}:
		case <-ctx.Done():
			if err == nil && late != nil {
				late(value)
			}
		}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, overdue(ctx)
	}
}

func overdue(ctx context.Context) error {
	return fmt.Errorf("it has not returned in time: %w", ctx.Err())
}
