package openwearables

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
)

// Clock is a clock that tests set. Safe for concurrent use.
type Clock struct{ wall, mono atomic.Int64 }

// Advance moves both clocks forward.
func (c *Clock) Advance(d time.Duration) {
	c.wall.Add(int64(d))
	c.mono.Add(int64(d))
}

// SetWall moves the wall clock only, as a person or NTP does.
func (c *Clock) SetWall(d time.Duration) { c.wall.Add(int64(d)) }

// WithClock sets the clock of a client.
func WithClock(c *Clock) Option {
	return func(o *options) error {
		o.clock = clock{
			wall: func() time.Time { return time.Now().Add(time.Duration(c.wall.Load())) },
			mono: func() time.Duration { return time.Since(started) + time.Duration(c.mono.Load()) },
		}
		return nil
	}
}

// AsProcess makes a client share only the store with other clients, as if it belonged
// to another process.
func AsProcess() Option {
	return func(o *options) error {
		o.core = func(coreKey) *core {
			c := new(core)
			c.state.Store(newState())
			return c
		}
		return nil
	}
}

// Cores returns the number of sessions in this process.
func Cores() int {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	return len(cores.m)
}

// FreshToken returns the session by the engine's fast path.
func FreshToken(c *Client) *session {
	s, _ := c.caller.engine.get().token(context.Background(), "")
	return s
}

// RevocationWait returns the wait after the n-th failed attempt to revoke.
func RevocationWait(n int, asked time.Duration) time.Duration { return revocationWait(n, asked) }

// SubjectOf returns the user of an access token.
func SubjectOf(access string) string { return subjectOf(access) }

// Interceptor returns the interceptor of the calls of c.
func Interceptor(c *Client) connect.Interceptor { return c.caller }

// VerifyWebhookAt is VerifyWebhook at an instant.
func VerifyWebhookAt(secrets []Secret, header http.Header, body []byte, tolerance time.Duration, now time.Time) (*WebhookEvent, error) {
	return verifyWebhook(secrets, header, body, tolerance, now)
}

// Emit emits events to the handler of c.
func Emit(c *Client, events ...Event) { c.emitter.emit(events...) }

// Listeners returns how many handlers of events the session of c remembers.
func Listeners(c *Client) int {
	l := &c.caller.engine.get().core.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.emitters)
}
