package call

import (
	"net/http"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

const realm = `Bearer realm="openwearables"`

// Fail notes the refusal and sets the headers that belong to it; the surface
// writes status and body. It returns the refusal to show.
func (c *Call) Fail(err error) *auth.Error {
	e := auth.AsError(err)
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

// challenge is RFC 6750 section 3: no error code without a credential.
func challenge(e *auth.Error) string {
	switch e.Reason {
	case "invalid_api_key", "invalid_token", "token_expired":
		return realm + `, error="invalid_token"`
	case "insufficient_scope":
		return realm + `, error="insufficient_scope", scope="` + e.RequiredScope + `"`
	}
	if e.Kind == auth.Unauthenticated {
		return realm
	}
	return ""
}

// Status is the HTTP status of a kind of refusal.
func Status(k auth.Kind) int {
	switch k {
	case auth.BadRequest:
		return http.StatusBadRequest
	case auth.Invalid:
		return http.StatusUnprocessableEntity
	case auth.Unauthenticated:
		return http.StatusUnauthorized
	case auth.Forbidden:
		return http.StatusForbidden
	case auth.NotFound:
		return http.StatusNotFound
	case auth.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case auth.Conflict:
		return http.StatusConflict
	case auth.TooLarge:
		return http.StatusRequestEntityTooLarge
	case auth.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case auth.RateLimited:
		return http.StatusTooManyRequests
	case auth.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// deprecation is the Deprecation header of RFC 9745.
func deprecation(since time.Time) string {
	return "@" + strconv.FormatInt(since.Unix(), 10)
}
