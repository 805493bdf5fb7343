package openwearables

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// ResponseInfo is the metadata of the last response.
type ResponseInfo struct {
	RequestID string
	RateLimit RateLimit
	// Header is the header of the response. The content of a message and cookies are not in it.
	Header http.Header
	// Replayed reports whether the server repeated an earlier response to the same
	// Idempotency-Key.
	Replayed bool
}

// RateLimit is the state of the caller's rate limit. It is zero if the response
// does not state it.
type RateLimit struct {
	Limit, Remaining int
	Reset            time.Time
}

// maxUnix is the last second of the year 9999, beyond which a time has no text form.
const maxUnix = 253402300799

type infoContext struct{}

// WithResponseInfo returns a context whose calls fill in the ResponseInfo, also when
// they fail. Use the context for one call at a time.
func WithResponseInfo(ctx context.Context) (context.Context, *ResponseInfo) {
	info := new(ResponseInfo)
	return context.WithValue(ctx, infoContext{}, info), info
}

func (i *ResponseInfo) read(h http.Header) {
	i.Header = h.Clone()
	delete(i.Header, "Set-Cookie")
	i.RequestID = clean(h.Get("X-Request-Id"), maxName)
	i.Replayed = h.Get("Idempotent-Replayed") == "true"
	i.RateLimit = RateLimit{}
	reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil || reset < 0 || reset > maxUnix {
		return
	}
	i.RateLimit.Reset = time.Unix(reset, 0)
	i.RateLimit.Limit, _ = strconv.Atoi(h.Get("X-Ratelimit-Limit"))
	i.RateLimit.Remaining, _ = strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
}

// readInfo fills in the ResponseInfo of the context, if it has one.
func readInfo(ctx context.Context, h http.Header) {
	if info, ok := ctx.Value(infoContext{}).(*ResponseInfo); ok && h != nil {
		info.read(h)
	}
}

// header returns the header of the response that e is about, nil if there was none.
func (e *Error) header() http.Header {
	if meta, ok := e.cause.(interface{ Meta() http.Header }); ok {
		return meta.Meta()
	}
	return nil
}

type userInitiatedContext struct{}

// WithUserInitiated marks the calls made with the context as ones that a person has just
// asked for. They do not wait for the end of a cooldown, unless the server has asked for
// it: each of them may try once more to get a token.
func WithUserInitiated(ctx context.Context) context.Context {
	return context.WithValue(ctx, userInitiatedContext{}, true)
}
