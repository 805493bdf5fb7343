// Package call holds what the front and both surfaces share of one HTTP request:
// its caller, its outcome, and the headers of its answer.
package call

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Call is one request and its ResponseWriter. When it writes the status, it adds
// the headers that every answer carries. It is not safe for concurrent use.
type Call struct {
	auth.Caller

	Request     *http.Request
	Failure     *problem.Error // the refusal that was answered, or nil
	Status      int            // 0 until it is written
	Started     time.Time
	Counted     int // the number of the operation in the front's metrics; 0 is that of none
	Now         func() time.Time
	Upstream    time.Duration             // until the product behind this server began to answer; 0: it was not asked
	Answering   func()                    // is called before the answer begins, which the client may receive slowly; nil: nothing is
	CheckOrigin func(*http.Request) error // returns an error for a request from a page of a foreign origin

	w http.ResponseWriter
}

type callKey struct{}

// callContext carries a call and its caller in one layer of a context: each layer
// costs every request an allocation, and every look into the context a step.
type callContext struct {
	context.Context
	call *Call
}

// Value returns the call or the caller under its key.
func (c *callContext) Value(key any) any {
	switch key.(type) {
	case callKey:
		return c.call
	case auth.CallerKey:
		return &c.call.Caller
	default:
		return c.Context.Value(key)
	}
}

// New returns the call of r, which writes to w, and a copy of r whose context
// holds the call and its caller. begin adds to that context whatever else lasts
// as long as the request.
func New(w http.ResponseWriter, r *http.Request, now func() time.Time, begin func(context.Context) context.Context) (*Call, *http.Request) {
	c := &Call{w: w, Now: now, Started: time.Now()}
	c.Request = r.WithContext(&callContext{begin(r.Context()), c})
	return c, c.Request
}

// From returns the call in a context that descends from the request of New.
func From(ctx context.Context) *Call {
	return ctx.Value(callKey{}).(*Call)
}

// Header returns the header of the answer.
func (c *Call) Header() http.Header { return c.w.Header() }

// WriteHeader adds the common headers and writes the status. Only the first
// final status counts.
func (c *Call) WriteHeader(status int) {
	if c.Status != 0 {
		return
	}
	if status >= 200 {
		if c.Answering != nil {
			c.Answering()
		}
		c.Status = status
		c.setCommonHeaders()
	}
	c.w.WriteHeader(status)
}

// Write writes a part of the body, after the status 200 if none was written.
func (c *Call) Write(b []byte) (int, error) {
	c.Finish()
	return c.w.Write(b)
}

// Finish writes the status 200 if none was written.
func (c *Call) Finish() {
	if c.Status == 0 {
		c.WriteHeader(http.StatusOK)
	}
}

// Outcome returns the HTTP status that tells how the call ended, also where the
// protocol tells it in another way.
func (c *Call) Outcome() int {
	if c.Failure != nil {
		return Status(c.Failure.Kind)
	}
	return c.Status
}

// Flush implements http.Flusher.
func (c *Call) Flush() {
	c.Finish()
	_ = http.NewResponseController(c.w).Flush() // a lost connection shows at the next read
}

// Hijack implements http.Hijacker for HTTP/1 connections.
func (c *Call) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(c.w).Hijack()
}

// Unwrap returns the ResponseWriter below, for http.ResponseController.
func (c *Call) Unwrap() http.ResponseWriter { return c.w }

var noStore = []string{"no-store"} // shared by all answers, never changed

// setCommonHeaders adds the request id, the caching policy, the state of the
// rate limit, and the notice of a deprecated credential.
func (c *Call) setCommonHeaders() {
	h := c.w.Header()
	values := make([]string, 0, 10) // one allocation for all of them
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	set("X-Request-Id", c.RequestID)
	if len(h["Cache-Control"]) == 0 {
		h["Cache-Control"] = noStore
	}
	if c.Window.Policy.Name != "" {
		f := c.Window.Fields(c.Now())
		set("X-Ratelimit-Limit", f.Limit)
		set("X-Ratelimit-Remaining", f.Remaining)
		set("X-Ratelimit-Reset", f.Reset)
		set("Ratelimit", f.RateLimit)
		set("Ratelimit-Policy", f.RateLimitPolicy)
	}
	if c.Replayed {
		set("Idempotent-Replayed", "true")
	}
	if p := c.Principal; p != nil && !p.DeprecatedAt.IsZero() {
		set("Deprecation", deprecation(p.DeprecatedAt))
		set("Sunset", p.Until.UTC().Format(http.TimeFormat))
	}
}
