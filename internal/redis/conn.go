package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what waits for one server.
const (
	maxWaiting = 4096    // calls
	maxUnsent  = 4 << 20 // bytes
)

var (
	errClosed = errors.New("the connection to redis was closed")
	errFull   = errors.New("too many calls wait for redis")
	// errUnsent says that the connection was broken before the call was sent.
	errUnsent = errors.New("the connection to redis is broken")
)

// A LostError is the end of a connection. All whose calls were under way get the same.
type LostError struct{ cause error }

func (e *LostError) Error() string { return e.cause.Error() }

// Unwrap returns why the connection ended.
func (e *LostError) Unwrap() error { return e.cause }

// conn is a connection that many callers share: what they send is written together
// where it comes together, and answered in its order. Each call is answered, or the
// connection broken, within the timeout. Safe for concurrent use.
type conn struct {
	addr    string
	timeout time.Duration
	raw     net.Conn // below TLS
	net     net.Conn
	wake    chan struct{} // has one when there is something to send
	broken  chan struct{} // closed at the end
	ended   sync.WaitGroup
	late    *atomic.Uint64 // counts connections that ended since a call was overdue

	mu      sync.Mutex
	unsent  []byte
	waiting queue
	armed   bool  // whether a deadline will wake the reader
	left    bool  // takes no more calls, and ends with those that wait
	cut     error // why nothing more can be sent, or nil
	err     *LostError
}

// call is one or more commands and their answers.
type call struct {
	answers []Value
	left    int // answers that have not come
	sent    time.Time
	err     error
	done    chan struct{}
}

// dial connects to an address.
func dial(ctx context.Context, o *Options, addr string, late *atomic.Uint64) (*conn, error) {
	c := &conn{addr: addr, timeout: o.Timeout, late: late, wake: make(chan struct{}, 1), broken: make(chan struct{})}
	var err error
	if c.raw, err = (&net.Dialer{Timeout: o.Timeout}).DialContext(ctx, o.Network, addr); err != nil {
		return nil, err
	}
	if c.net, err = c.secure(ctx, o); err != nil {
		return nil, errors.Join(err, c.raw.Close())
	}
	c.ended.Go(c.send)
	c.ended.Go(c.receive)
	return c, nil
}

// secure returns the connection with the TLS that the options ask for.
func (c *conn) secure(ctx context.Context, o *Options) (net.Conn, error) {
	if o.TLS == nil {
		return c.raw, nil
	}
	settings := o.TLS.Clone()
	if settings.ServerName == "" {
		settings.ServerName, _, _ = net.SplitHostPort(c.addr)
	}
	ctx, end := context.WithTimeout(ctx, o.Timeout)
	defer end()
	over := tls.Client(below{c.raw, c}, settings)
	return over, over.HandshakeContext(ctx)
}

// do makes a call of one or more commands and returns an answer to each. The error is
// that of the connection, or of ctx: the commands may still run then.
func (c *conn) do(ctx context.Context, commands ...[]string) ([]Value, error) {
	k := &call{left: len(commands), done: make(chan struct{})}
	if err := c.submit(k, commands); err != nil {
		return nil, err
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	select {
	case <-k.done:
		return k.answers, k.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// one makes a call of one command. An answer that is an error is returned as an Error.
func (c *conn) one(ctx context.Context, command ...string) (Value, error) {
	answers, err := c.do(ctx, command)
	if err != nil {
		return Value{}, err
	}
	return answers[0], answers[0].Err()
}

// submit queues a call.
func (c *conn) submit(k *call, commands [][]string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil || c.left:
		return errUnsent
	case c.waiting.len() >= maxWaiting || len(c.unsent) >= maxUnsent:
		return errFull
	}
	for _, command := range commands {
		c.unsent = appendCommand(c.unsent, command)
	}
	k.sent = time.Now()
	c.waiting.push(k)
	if !c.armed {
		c.armed = true
		_ = c.raw.SetReadDeadline(k.sent.Add(c.timeout)) // fails on a closed one alone, which the reader sees
	}
	return nil
}

// send writes what callers of one moment have queued until the connection ends.
func (c *conn) send() {
	var sent []byte
	for {
		select {
		case <-c.broken:
			return
		case <-c.wake:
		}
		runtime.Gosched() // let those who are about to call come along
		c.mu.Lock()
		sent, c.unsent = c.unsent, sent[:0]
		c.mu.Unlock()
		if len(sent) == 0 { // it came along with others
			continue
		}
		if _, err := c.net.Write(sent); err != nil {
			c.cutOff(err)
			return
		}
		if cap(sent) > 64<<10 {
			sent = nil
		}
	}
}

// farewell is how long a server that takes nothing more may say why.
const farewell = 50 * time.Millisecond

// cutOff ends the connection, on which nothing can be sent, once what the server said
// before is read: an alert of TLS tells more than that it hung up.
func (c *conn) cutOff(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.cut = true, cause
	_ = c.raw.SetReadDeadline(time.Now().Add(farewell)) // fails on a closed one alone
}

// receive hands out answers until the connection ends.
func (c *conn) receive() {
	r := newReader(above{c})
	for {
		v, err := r.answer()
		if err == nil {
			err = c.answer(v)
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

func (c *conn) answer(v Value) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting.len() == 0 {
		return cmp.Or(v.Err(), errProtocol) // such as that it has too many clients
	}
	k := c.waiting.first()
	k.answers = append(k.answers, v)
	if k.left--; k.left == 0 {
		c.waiting.pop()
		close(k.done)
	}
	if c.left && c.waiting.len() == 0 {
		return errClosed
	}
	return nil
}

// usable reports whether the connection takes calls.
func (c *conn) usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && !c.left
}

// leave ends the connection as soon as no call waits. It takes no more.
func (c *conn) leave() {
	c.mu.Lock()
	c.left = true
	idle := c.waiting.len() == 0
	c.mu.Unlock()
	if idle {
		c.end(errClosed)
	}
}

// close ends the connection, and waits for what it had to run.
func (c *conn) close() {
	c.end(errClosed)
	c.ended.Wait()
}

// reason returns why the connection ended, or nil.
func (c *conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return nil
	}
	return c.err.cause
}

// end breaks the connection, once, and with it all calls that wait.
func (c *conn) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.cut != nil && !isAlert(cause) {
		cause = c.cut
	}
	c.err = &LostError{cause}
	close(c.broken)
	_ = c.raw.Close() // below TLS, which would wait to say that it closes
	for c.waiting.len() > 0 {
		k := c.waiting.pop()
		k.err = c.err
		close(k.done)
	}
}

// isAlert reports whether the server ended TLS and said why.
func isAlert(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "remote error"
}

// overdue is called when the deadline is over. It returns whether a call waits for too
// long, and else sets the deadline of the one that waits longest.
func (c *conn) overdue() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut != nil {
		return true
	}
	var next time.Time // none
	if c.armed = c.waiting.len() > 0; c.armed {
		next = c.waiting.first().sent.Add(c.timeout)
		if !time.Now().Before(next) {
			c.late.Add(1)
			return true
		}
	}
	_ = c.raw.SetReadDeadline(next)
	return false
}

// calls returns how many wait, and whether the connection has not ended.
func (c *conn) calls() (n int, open bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting.len(), c.err == nil
}

// below reads from the network, past deadlines at which no call was overdue.
type below struct {
	net.Conn
	c *conn
}

func (b below) Read(p []byte) (int, error) {
	for {
		n, err := b.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || b.c.overdue() {
			return n, err
		}
	}
}

// above reads what the server says, with TLS or without.
type above struct{ c *conn }

func (a above) Read(p []byte) (int, error) {
	if a.c.net == a.c.raw {
		return below{a.c.raw, a.c}.Read(p)
	}
	return a.c.net.Read(p)
}

// queue holds calls in the order of their sending.
type queue struct {
	calls []*call
	begin int
}

func (q *queue) len() int     { return len(q.calls) - q.begin }
func (q *queue) first() *call { return q.calls[q.begin] }

func (q *queue) push(k *call) {
	if q.begin > 0 && len(q.calls) == cap(q.calls) {
		n := copy(q.calls, q.calls[q.begin:])
		clear(q.calls[n:])
		q.calls, q.begin = q.calls[:n], 0
	}
	q.calls = append(q.calls, k)
}

func (q *queue) pop() *call {
	k := q.calls[q.begin]
	q.calls[q.begin] = nil
	if q.begin++; q.begin == len(q.calls) {
		q.calls, q.begin = q.calls[:0], 0
	}
	return k
}
