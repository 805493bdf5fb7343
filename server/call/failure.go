package call

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

const realm = `Bearer realm="openwearables"`

// statusCanceled is the status of an answer that nobody waits for. It is in no
// RFC; the Connect protocol uses it too.
const statusCanceled = 499

// Fail records the refusal in the call and sets its headers. It returns the
// refusal, whose status and body the surface must write. ctx is the context in
// which the call was served.
func (c *Call) Fail(ctx context.Context, err error) *problem.Error {
	e := withoutFault(ctx, problem.AsError(err))
	c.Failure = e
	h := c.Header()
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	if challenge := challenge(e); challenge != "" {
		h.Set("WWW-Authenticate", challenge)
	}
	return e
}

// withoutFault returns the refusal of a call that its caller has given up if that
// is why it failed. A deadline of the server's own is a passing fault.
func withoutFault(ctx context.Context, e *problem.Error) *problem.Error {
	if e.Kind != problem.Internal && e.Kind != problem.Unavailable {
		return e
	}
	if problem.ContextError(e.Cause) == nil && !errors.Is(e.Cause, os.ErrDeadlineExceeded) {
		return e
	}
	if ended := Ended(ctx); ended != nil {
		return ended
	}
	return problem.UnavailableError(e.Cause)
}

// Ended returns the refusal of a call whose context has ended, or else nil. A
// deadline counts when its time has come, also before its timer has run.
func Ended(ctx context.Context) *problem.Error {
	if err := ctx.Err(); err != nil {
		return problem.ContextError(err)
	}
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		return problem.ContextError(context.DeadlineExceeded)
	}
	return nil
}

// challenge returns the WWW-Authenticate header of a refusal, or "". RFC 6750
// section 3: a request without a credential gets no error code.
func challenge(e *problem.Error) string {
	switch e.Reason {
	case "invalid_api_key", "invalid_token", "token_expired":
		return realm + `, error="invalid_token"`
	case "insufficient_scope":
		return realm + `, error="insufficient_scope", scope="` + e.RequiredScope + `"`
	}
	if e.Kind == problem.Unauthenticated {
		return realm
	}
	return ""
}

// Status returns the HTTP status of a kind of refusal.
func Status(k problem.Kind) int {
	switch k {
	case problem.BadRequest:
		return http.StatusBadRequest
	case problem.Invalid:
		return http.StatusUnprocessableEntity
	case problem.Unauthenticated:
		return http.StatusUnauthorized
	case problem.Forbidden:
		return http.StatusForbidden
	case problem.NotFound:
		return http.StatusNotFound
	case problem.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case problem.Conflict:
		return http.StatusConflict
	case problem.TooLarge:
		return http.StatusRequestEntityTooLarge
	case problem.HeaderTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case problem.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case problem.RateLimited:
		return http.StatusTooManyRequests
	case problem.Unavailable:
		return http.StatusServiceUnavailable
	case problem.RequestTimeout:
		return http.StatusRequestTimeout
	case problem.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case problem.Canceled:
		return statusCanceled
	default:
		return http.StatusInternalServerError
	}
}

// deprecation returns the Deprecation header of RFC 9745.
func deprecation(since time.Time) string {
	return "@" + strconv.FormatInt(since.Unix(), 10)
}
