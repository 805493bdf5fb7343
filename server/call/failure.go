package call

import (
	"net/http"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

const realm = `Bearer realm="openwearables"`

// Fail records the refusal in the call and sets its headers. It returns the
// refusal, whose status and body the surface must write.
func (c *Call) Fail(err error) *problem.Error {
	e := problem.AsError(err)
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
	case problem.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case problem.RateLimited:
		return http.StatusTooManyRequests
	case problem.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// deprecation returns the Deprecation header of RFC 9745.
func deprecation(since time.Time) string {
	return "@" + strconv.FormatInt(since.Unix(), 10)
}
