package front

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

// How fast each step of an upload must arrive.
const (
	uploadStep     = 64 << 10 // bytes
	uploadStepTime = 5 * time.Second
)

// streamMemory is what one upload that is read as it arrives counts for, in bytes, and
// streamTime how long the whole of it may take.
const (
	streamMemory = 4 << 20
	streamTime   = 10 * time.Minute

	streamAnswerTime = 2 * time.Minute // for an answer, from each step on, with what is written in between
)

// uploads bounds the bodies longer than maxBody that are received or served at
// once. It is safe for concurrent use.
type uploads struct {
	memory    int64 // bytes of all of them
	perCaller int
	stepTime  time.Duration // of each step
	time      time.Duration // of the whole
	turn      func(context.Context) (leave func(), err error)

	mu      sync.Mutex
	held    int64
	callers map[string]int // uploads of each
}

// newUploads returns the bounds. Each upload that has arrived waits for its turn, which
// ends when it is answered. leave may be called again.
func newUploads(memory int64, perCaller int, whole time.Duration, turn func(context.Context) (leave func(), err error)) *uploads {
	return &uploads{
		memory: memory, perCaller: perCaller, stepTime: uploadStepTime, time: whole, turn: turn, callers: make(map[string]int),
	}
}

// bytes returns how many bytes of uploads are held in memory.
func (u *uploads) bytes() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held
}

// open returns the body of a request that may be an upload. Whoever opens it must
// release it when the request has been served.
func (u *uploads) open(c *call.Call, r *http.Request) *upload {
	b := &upload{
		ReadCloser: r.Body, of: u, ctx: r.Context(), connection: http.NewResponseController(c),
		caller: c.AddressID(), declared: r.ContentLength, free: maxBody, began: time.Now(),
	}
	if c.Principal != nil {
		b.caller = c.Principal.Actor()
	}
	if b.declared > maxBody {
		b.free = 0
	}
	return b
}

// upload is the body of one request. What arrives of it counts as held until it
// is released, so that one that is announced and not sent keeps nobody out. A body
// of at most maxBody bytes is no upload and costs nothing.
type upload struct {
	io.ReadCloser
	of         *uploads
	ctx        context.Context // of the request
	connection *http.ResponseController
	caller     string
	declared   int64 // bytes, -1: unknown
	streams    bool  // is read as it arrives, and needs no turn
	began      time.Time

	leave func() // ends its turn; nil: it has none
	free  int64  // bytes that may be read before more of the memory is taken
	read  int64
	held  int64 // guarded by uploads.mu
}

// Read reads from the body. Before the end of an upload it waits for its turn. The error
// of an upload for which there is no room or no turn is a *problem.Error, that of one
// that is too slow is os.ErrDeadlineExceeded.
func (b *upload) Read(p []byte) (int, error) {
	if b.free == 0 && b.held == 0 && b.read > 0 { // a body that ends here is no upload
		n, err := b.ReadCloser.Read(p[:min(len(p), 1)])
		if n == 0 {
			return 0, err
		}
		if err := b.begin(); err != nil {
			return 0, err
		}
		b.read, b.free = b.read+1, b.free-1
		return n, b.arrived(err)
	}
	if b.free == 0 {
		if err := b.begin(); err != nil {
			return 0, err
		}
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.free)])
	b.read, b.free = b.read+int64(n), b.free-int64(n)
	return n, b.arrived(err)
}

// arrived returns the error of the last read. If that says that all of an upload has
// arrived, it first waits for the upload's turn, whose refusal is then the error.
func (b *upload) arrived(err error) error {
	if err != io.EOF || b.held == 0 || b.leave != nil {
		return err
	}
	// HTTP/1 goes on reading, to notice when the client hangs up.
	_ = b.connection.SetReadDeadline(time.Time{})
	if b.streams {
		return err
	}
	leave, refused := b.of.turn(b.ctx)
	if refused != nil {
		return refused
	}
	b.leave = leave
	return err
}

// begin takes the memory of the next step, which must arrive in time.
func (b *upload) begin() error {
	if err := b.of.take(b); err != nil {
		return err
	}
	b.free = uploadStep
	return b.setDeadline()
}

// setDeadline sets when the next step must have arrived, and of an upload that is read as
// it arrives, when it must have been answered: the server gives an answer a time that
// begins with the request. Only a connection has deadlines.
func (b *upload) setDeadline() error {
	next := time.Now().Add(b.of.stepTime)
	whole := b.of.time
	if b.streams {
		whole = streamTime
		_ = b.connection.SetWriteDeadline(time.Now().Add(streamAnswerTime))
	}
	if last := b.began.Add(whole); next.After(last) {
		next = last
	}
	if err := b.connection.SetReadDeadline(next); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// take counts another step of the upload, with what was read of it before. An
// upload that declares its length begins only if there is room for all of it.
func (u *uploads) take(b *upload) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	begins := b.held == 0
	step := b.read + uploadStep - b.held
	wanted := step
	if b.streams {
		step = streamMemory - b.held
		wanted = step
	} else if begins {
		wanted = max(step, b.declared)
	}
	switch {
	case begins && u.callers[b.caller] >= u.perCaller:
		return errUploads("Too many large bodies of this caller are in flight")
	case u.held+wanted > u.memory:
		return errUploads("Too many large bodies are in flight")
	}
	if begins {
		u.callers[b.caller]++
	}
	u.held += step
	b.held += step
	return nil
}

// endTurn ends the turn of the upload, if it has one.
func (b *upload) endTurn() {
	if b.leave != nil {
		b.leave()
	}
}

// release ends the upload.
func (b *upload) release() {
	b.endTurn()
	u := b.of
	u.mu.Lock()
	defer u.mu.Unlock()
	if b.held == 0 {
		return
	}
	u.held -= b.held
	b.held = 0
	if u.callers[b.caller]--; u.callers[b.caller] == 0 {
		delete(u.callers, b.caller)
	}
}

func errUploads(detail string) error {
	return &problem.Error{Kind: problem.Unavailable, Reason: "too_many_uploads", Detail: detail, RetryAfter: 1}
}

// bodyError returns the refusal behind an error of reading the body of r. What did
// not arrive is no fault of what was sent: the same request may succeed later.
func bodyError(r *http.Request, err error) error {
	if e, ok := errors.AsType[*problem.Error](err); ok {
		return e
	}
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
