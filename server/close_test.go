package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
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

// A job that panics is told of in the log, and runs again.
func TestJobsOutlivePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &Server{metrics: newNodeMetrics(), config: Config{Log: slog.New(slog.NewTextHandler(&log, nil))}}
		ctx, stop := context.WithCancel(t.Context())
		var runs int
		s.every(ctx, time.Second, "counting", func(context.Context) error {
			if runs++; runs == 1 {
				panic("what nobody thought of")
			}
			return nil
		})
		time.Sleep(2500 * time.Millisecond)
		stop()
		s.stopped.Wait()
		if runs != 2 || strings.Count(log.String(), "panic: what nobody thought of") != 1 {
			t.Errorf("%d runs, and the log has %s", runs, &log)
		}
	})
}
