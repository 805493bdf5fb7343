// Package call is what the middleware and both surfaces know of one HTTP
// request: who calls, and what the answer's headers will say.
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

// Call is one request and its answer. It is the request's ResponseWriter: when
// the answer's status is written, the headers that every answer carries are
// stamped beside it. One goroutine uses it at a time.
type Call struct {
	auth.Caller

	Request     *http.Request
	Operation   string         // operationId; "" before and without a route
	Failure     *problem.Error // what was answered, if it was a refusal
	Status      int            // 0 until the status was written
	Started     time.Time
	Now         func() time.Time
	CheckOrigin func(*http.Request) error // refuses a request that a page of a foreign origin made

	w http.ResponseWriter
}

type contextKey struct{}

// New returns the call of r, answered through w, and r with the call and its
// caller in the context. begin adds to that context what else lasts as long as
// the request.
func New(w http.ResponseWriter, r *http.Request, now func() time.Time, begin func(context.Context) context.Context) (*Call, *http.Request) {
	c := &Call{w: w, Now: now, Started: time.Now()}
	ctx := context.WithValue(begin(r.Context()), contextKey{}, c)
	c.Request = r.WithContext(auth.WithCaller(ctx, &c.Caller))
	return c, c.Request
}

// From returns the call of a context that descends from New's request.
func From(ctx context.Context) *Call {
	return ctx.Value(contextKey{}).(*Call)
}

// Header is the header of the answer.
func (c *Call) Header() http.Header { return c.w.Header() }

// WriteHeader stamps and writes the status; only the first call counts.
func (c *Call) WriteHeader(status int) {
	if c.Status != 0 {
		return
	}
	if status >= 200 {
		c.Status = status
		c.setCommonHeaders()
	}
	c.w.WriteHeader(status)
}

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

// Flush implements http.Flusher.
func (c *Call) Flush() {
	c.Finish()
	_ = http.NewResponseController(c.w).Flush() // a connection that is gone shows at the next read
}

// Hijack implements http.Hijacker for HTTP/1 connections.
func (c *Call) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(c.w).Hijack()
}

// Unwrap serves http.ResponseController.
func (c *Call) Unwrap() http.ResponseWriter { return c.w }

var noStore = []string{"no-store"} // shared by all answers and never changed

func (c *Call) setCommonHeaders() {
	h := c.w.Header()
	values := make([]string, 0, 10) // of all of them: an allocation each adds up
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
