package server

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A flush that hangs takes nothing of the time of the others, and each error is told.
func TestSlowFlushHoldsUpNoOther(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	others := make(chan struct{})
	slow, failed := errors.New("slow"), errors.New("failed")
	err := together(ctx, func(ctx context.Context) error {
		select {
		case <-others:
			return slow
		case <-ctx.Done():
			return ctx.Err()
		}
	}, func(context.Context) error { close(others); return failed })
	if !errors.Is(err, slow) || !errors.Is(err, failed) {
		t.Errorf("it returned %v", err)
	}
}
