package redis

import (
	"context"
	"os"
	"time"
)

// attempt is one to connect, which many callers await.
type attempt struct {
	done chan struct{}
	conn *conn
	err  error
	late *LostError // of those who waited for too long
}

func newAttempt() *attempt {
	return &attempt{done: make(chan struct{}), late: &LostError{os.ErrDeadlineExceeded}}
}

// end tells those who wait what became of it.
func (a *attempt) end(n *conn, err error) {
	if a.conn = n; err != nil {
		a.conn, a.err = nil, &LostError{err}
	}
	close(a.done)
}

// made returns the connection, nil if there is none yet.
func (a *attempt) made() *conn {
	select {
	case <-a.done:
		return a.conn
	default:
		return nil
	}
}

// failed reports whether it led to nothing that can be used now.
func (a *attempt) failed() bool {
	select {
	case <-a.done:
		return a.conn == nil || !a.conn.usable()
	default:
		return false
	}
}

// await awaits a connection for as long as two steps to it may take.
func (c *Client) await(ctx context.Context, d *attempt) (*conn, error) {
	timer := time.NewTimer(2 * c.options.Timeout)
	defer timer.Stop()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, d.late
	}
}
