package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// How fast a body must arrive. It has a start of paceStart, so that a line may break
// off for a moment.
const (
	paceStart = 15 * time.Second
	paceRate  = 4 << 10 // bytes a second
)

// headSize is how much of a body has arrived before the upstream is asked, in bytes:
// whoever sends slowly holds no connection to it. A body that ends there can be sent
// again.
const headSize = 64 << 10

// arriving is the body of a request while it arrives. It has no limit of size, but one
// of time, which does not count while nobody reads.
type arriving struct {
	io.ReadCloser
	connection *http.ResponseController
	waited     time.Duration // for the client
	read       int64
}

// Read reads from the body. The error of one that is too slow is os.ErrDeadlineExceeded.
func (b *arriving) Read(p []byte) (int, error) {
	begun := time.Now()
	left := paceStart + time.Duration(b.read)*time.Second/paceRate - b.waited
	if left <= 0 {
		return 0, os.ErrDeadlineExceeded
	}
	if err := b.connection.SetReadDeadline(begun.Add(left)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.waited += time.Since(begun)
	if err == io.EOF {
		b.listen()
	}
	return n, err
}

// listen takes the deadline away: HTTP/1 goes on reading, to notice when the client
// hangs up.
func (b *arriving) listen() { _ = b.connection.SetReadDeadline(time.Time{}) }

// takeBody makes the body of r what is forwarded: one that has begun to arrive, or all
// of a small one. A route without a body gets none.
func (p *passage) takeBody(r *http.Request) error {
	body := &arriving{ReadCloser: r.Body, connection: p.connection}
	if !p.Route.hasBody() || r.ContentLength == 0 {
		body.listen()
		r.Body, r.ContentLength = http.NoBody, 0
		return nil
	}
	buffered := bufio.NewReaderSize(body, headSize)
	head, err := buffered.Peek(headSize)
	if err != nil && err != io.EOF {
		return bodyError(r, err)
	}
	insert, at := p.Route.insertion(head)
	if r.ContentLength > 0 {
		r.ContentLength += int64(len(insert))
	}
	if err == nil { // more is to come
		start := bytes.Clone(head[:at])
		_, _ = buffered.Discard(at)
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(start), bytes.NewReader(insert), buffered), body}
		return nil
	}
	whole := bytes.Join([][]byte{head[:at], insert, head[at:]}, nil)
	r.ContentLength = int64(len(whole))
	r.Body = io.NopCloser(bytes.NewReader(whole))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(whole)), nil }
	return nil
}

// insertion returns what to put into a body that begins with head, and where, so that
// its provider is that of the route unless it names one: of two members of one name, the
// upstream takes the later.
func (r *Route) insertion(head []byte) (member []byte, at int) {
	if r.provider == "" {
		return nil, 0
	}
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, 0
	}
	at = len(head) - len(trimmed) + 1
	member = []byte(`"provider":"` + r.provider + `"`)
	if next := bytes.TrimLeft(trimmed[1:], " \t\r\n"); len(next) == 0 || next[0] != '}' {
		member = append(member, ',')
	}
	return member, at
}

// bodyError returns the refusal behind an error of reading the body of r.
func bodyError(r *http.Request, err error) error {
	detail := "The body ended before it was whole"
	_, broken := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		detail = "The body arrived too slowly"
	case len(r.TransferEncoding) > 0 && !broken && !errors.Is(err, io.ErrUnexpectedEOF):
		return problem.InvalidError(problem.FieldError{Message: "The body must be in well-formed chunks"})
	}
	return &problem.Error{Kind: problem.RequestTimeout, Reason: "request_timeout", Detail: detail}
}

// What is read of a refused upload. A client that is still sending may not see an answer
// on a connection that is closed, and would send the same again.
const (
	maxDrain  = 64 << 20
	drainTime = 30 * time.Second
)

// drain reads the rest of the body of a refused upload, unless the client waits for the
// answer before it sends it.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.ContentLength > maxDrain || r.Header.Get("Expect") != "" {
		return
	}
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxDrain)) // what is left, net/http closes
	_ = c.SetReadDeadline(time.Time{})
}

// sending is a body on its way to the upstream. It keeps the error of reading it from
// the client, during which the upstream is not waited for.
type sending struct {
	io.ReadCloser
	p     *passage
	watch *watchdog
}

// Read reads the next part.
func (b *sending) Read(p []byte) (int, error) {
	b.watch.pause()
	n, err := b.ReadCloser.Read(p)
	b.watch.wait()
	if err != nil && err != io.EOF {
		b.p.broken.Store(&err)
	}
	return n, err
}

// watchdog calls a function when the upstream is waited for longer than patience. Safe
// for concurrent use.
type watchdog struct {
	patience time.Duration

	mu    sync.Mutex
	timer *time.Timer // nil once it is off
}

func newWatchdog(patience time.Duration, bark func()) *watchdog {
	return &watchdog{patience: patience, timer: time.AfterFunc(patience, bark)}
}

// wait begins to wait for the upstream, anew.
func (d *watchdog) wait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Reset(d.patience)
	}
}

// pause waits no longer, until the next wait.
func (d *watchdog) pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}

// off waits no longer at all.
func (d *watchdog) off() {
	d.pause()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = nil
}

// coming is the body of an answer while it is passed on. Each part must arrive within
// the patience of the route, and be taken by the client within slowest.
type coming struct {
	io.ReadCloser
	p       *passage
	ctx     context.Context // of the request to the upstream
	release func()
	watch   *watchdog
}

// slowest is how long a client may take to read one part of an answer.
const slowest = 30 * time.Second

// Read reads the next part. A stream that this server ends is at its end, and not
// broken.
func (b *coming) Read(p []byte) (int, error) {
	_ = b.p.connection.SetWriteDeadline(time.Time{})
	b.watch.wait()
	n, err := b.ReadCloser.Read(p)
	b.watch.pause()
	if n > 0 {
		_ = b.p.connection.SetWriteDeadline(time.Now().Add(slowest))
	}
	if err != nil && errors.Is(context.Cause(b.ctx), errEnded) {
		err = io.EOF
	}
	return n, err
}

// Close releases what the request holds.
func (b *coming) Close() error {
	b.watch.off()
	err := b.ReadCloser.Close()
	b.release()
	return err
}
