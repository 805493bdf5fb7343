package openwearables

import (
	"context"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
)

// Clock is a clock that tests move. Safe for concurrent use.
type Clock struct{ wall, mono atomic.Int64 }

// Advance lets time go by.
func (c *Clock) Advance(d time.Duration) {
	c.wall.Add(int64(d))
	c.mono.Add(int64(d))
}

// SetWall moves the wall clock alone, as a person or NTP does.
func (c *Clock) SetWall(d time.Duration) { c.wall.Add(int64(d)) }

// WithClock makes a client live on c.
func WithClock(c *Clock) Option {
	return func(o *options) error {
		o.clock = clock{
			wall: func() time.Time { return time.Now().Add(time.Duration(c.wall.Load())) },
			mono: func() time.Duration { return time.Since(started) + time.Duration(c.mono.Load()) },
		}
		return nil
	}
}

// AsProcess makes a client share nothing with the others but the store, as if it
// were another process's.
func AsProcess() Option {
	return func(o *options) error {
		o.core = func(coreKey) *core {
			c := new(core)
			c.state.Store(new(state))
			return c
		}
		return nil
	}
}

// Cores is how many sessions the process knows.
func Cores() int {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	return len(cores.m)
}

// FreshToken is the engine's fast path.
func FreshToken(c *Client) *session {
	s, _ := c.caller.engine.token(context.Background(), "")
	return s
}

// Interceptor is what c adds to a call.
func Interceptor(c *Client) connect.Interceptor { return c.caller }
