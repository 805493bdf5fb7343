package call

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// An error of a context is the caller's doing if the call's context has ended,
// and a passing fault of the server if not.
func TestErrorOfAContextIsNoInternalError(t *testing.T) {
	passed, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	left, leave := context.WithCancel(t.Context())
	leave()
	broken := errors.New("broken")
	for _, c := range []struct {
		what string
		ctx  context.Context
		err  error
		kind problem.Kind
	}{
		{"a bare error", passed, context.DeadlineExceeded, problem.DeadlineExceeded},
		{"a wrapped error", passed, fmt.Errorf("store: %w", context.DeadlineExceeded), problem.DeadlineExceeded},
		{"an unavailable store", passed, problem.UnavailableError(context.DeadlineExceeded), problem.DeadlineExceeded},
		{"a connection's deadline", passed, fmt.Errorf("read: %w", os.ErrDeadlineExceeded), problem.DeadlineExceeded},
		{"a canceled query", left, problem.UnavailableError(context.Canceled), problem.Canceled},
		{"a canceled call", left, context.Canceled, problem.Canceled},
		{"the server's own limit", t.Context(), context.DeadlineExceeded, problem.Unavailable},
		{"another fault", passed, broken, problem.Internal},
		{"another passing fault", passed, problem.UnavailableError(broken), problem.Unavailable},
		{"a refusal", passed, problem.NotFoundError("User"), problem.NotFound},
	} {
		request := httptest.NewRequest("GET", "/", nil)
		call, _ := New(httptest.NewRecorder(), request, time.Now, func(ctx context.Context) context.Context { return ctx })
		e := call.Fail(c.ctx, c.err)
		if e.Kind != c.kind || call.Failure != e {
			t.Errorf("%s becomes %v, want the kind %d", c.what, e, c.kind)
		}
		if faultless := e.Kind == problem.DeadlineExceeded || e.Kind == problem.Canceled; faultless && e.Cause != nil {
			t.Errorf("%s has the cause %v, which would be logged as an error", c.what, e.Cause)
		}
	}
	for kind, status := range map[problem.Kind]int{problem.DeadlineExceeded: http.StatusGatewayTimeout, problem.Canceled: 499} {
		if got := Status(kind); got != status {
			t.Errorf("kind %d has the status %d", kind, got)
		}
	}
}
