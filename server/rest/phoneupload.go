package rest

import (
	"errors"
	"io"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

// maxHeldWorkouts bounds the workouts of an upload that names its provider after them,
// maxHeld the bytes of those that wait, and maxPart what is read of a body at once: a text,
// a number, or a member of a workout.
const (
	maxHeldWorkouts = 10_000
	maxHeld         = 2 << 20
	maxPart         = 1 << 20
)

// phoneProviders are those whose data the mobile SDKs send.
var phoneProviders = []string{"apple", "samsung", "google"}

// writeWorkouts writes at most event.MaxBatch workouts and returns how many it wrote.
type writeWorkouts func(in []phoneWorkout, provider string) (written int, err error)

// upload reads one body of the mobile SDKs: an object with the provider and, in its
// member data, lists of records, of sleep and of workouts, in any order.
type upload struct {
	d        *jsontext.Decoder
	body     *parts
	write    writeWorkouts
	provider string // "": not known yet
	fallback string

	pending                         []phoneWorkout
	held                            int // bytes of pending, in the body
	workouts, saved, records, sleep int
}

func newUpload(body io.Reader, fallback string, write writeWorkouts) *upload {
	bounded := &parts{Reader: body, left: maxPart}
	d := jsontext.NewDecoder(bounded, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // so that it remembers no names
	return &upload{d: d, body: bounded, write: write, fallback: fallback}
}

// parts refuses to read more than maxPart between two calls of next.
type parts struct {
	io.Reader
	left int
}

var errPart = errors.New("rest: a part of the body is too long")

func (p *parts) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, errPart
	}
	n, err := p.Reader.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

func (p *parts) next() { p.left = maxPart }

// read reads the body and writes its workouts.
func (u *upload) read() error {
	if err := u.object(u.member); err != nil {
		return uploadError(err)
	}
	if u.body.next(); u.provider == "" {
		u.provider = u.fallback
	}
	if u.provider == "" {
		return errUpload("provider is required: one of " + strings.Join(phoneProviders, ", "))
	}
	return u.flush(0)
}

func (u *upload) member(name string) (err error) {
	switch {
	case name == "provider" && u.d.PeekKind() == jsontext.KindString:
		t, err := u.d.ReadToken()
		if err != nil {
			return err
		}
		if u.provider = strings.ToLower(t.String()); !slices.Contains(phoneProviders, u.provider) {
			return errUpload("provider must be one of " + strings.Join(phoneProviders, ", "))
		}
		return nil
	case name == "data" && u.d.PeekKind() == jsontext.KindBeginObject:
		return u.object(u.list)
	default:
		return u.skip()
	}
}

func (u *upload) list(name string) error {
	if u.d.PeekKind() != jsontext.KindBeginArray {
		return u.skip()
	}
	switch name {
	case "records":
		return u.each(func() error { u.records++; return u.skip() })
	case "sleep":
		return u.each(func() error { u.sleep++; return u.skip() })
	case "workouts":
		return u.each(u.workout)
	default:
		return u.skip()
	}
}

// workout reads one workout. What is no object counts as one that cannot be read.
func (u *upload) workout() error {
	u.workouts++
	if u.d.PeekKind() != jsontext.KindBeginObject {
		return u.skip()
	}
	var w phoneWorkout
	err := u.object(func(name string) error {
		if name == "values" {
			return u.values(&w)
		}
		to := w.member(name)
		if to == nil {
			return u.skip()
		}
		size, err := u.value(&w, to)
		w.size += size
		return err
	})
	if err != nil || w.unreadable {
		return err
	}
	u.pending, u.held = append(u.pending, w), u.held+w.size
	switch {
	case u.provider == "" && (len(u.pending) > maxHeldWorkouts || u.held > maxHeld):
		return errUpload("provider must come before so many workouts")
	case u.held > maxHeld:
		return u.flush(0)
	default:
		return u.flush(event.MaxBatch - 1)
	}
}

// value reads a value of the workout into to, and returns its size in bytes.
func (u *upload) value(w *phoneWorkout, to any) (size int, err error) {
	value, err := u.d.ReadValue()
	if err == nil && jsonv2.Unmarshal(value, to, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), numbers) != nil {
		w.unreadable = true
	}
	return len(value), err
}

// values reads the values of the workout, of which it holds one at a time.
func (u *upload) values(w *phoneWorkout) error {
	kind := u.d.PeekKind()
	if kind != jsontext.KindBeginArray {
		w.unreadable = w.unreadable || kind != jsontext.KindNull
		return u.skip()
	}
	return u.each(func() error {
		var v phoneValue
		_, err := u.value(w, &v)
		w.measure(&v)
		return err
	})
}

// flush writes the workouts that wait, if they are more than so many and the provider is
// known.
func (u *upload) flush(most int) error {
	for u.provider != "" && len(u.pending) > most {
		n := min(len(u.pending), event.MaxBatch)
		written, err := u.write(u.pending[:n], u.provider)
		if err != nil {
			return err
		}
		u.saved += written
		for i := range n {
			u.held -= u.pending[i].size
		}
		u.pending = slices.Delete(u.pending, 0, n)
	}
	return nil
}

// object reads an object. f reads the value of each of its members.
func (u *upload) object(f func(name string) error) error {
	if u.d.PeekKind() != jsontext.KindBeginObject {
		if _, err := u.d.ReadToken(); err != nil {
			return err
		}
		return errUpload("The body must be a JSON object")
	}
	return u.inside(func() error {
		name, err := u.d.ReadToken()
		if err != nil {
			return err
		}
		return f(name.String())
	})
}

// each reads a list. f reads each of its items.
func (u *upload) each(f func() error) error { return u.inside(f) }

// inside calls f until the object or list that begins here ends.
func (u *upload) inside(f func() error) error {
	if _, err := u.d.ReadToken(); err != nil {
		return err
	}
	for {
		u.body.next()
		switch u.d.PeekKind() {
		case jsontext.KindEndObject, jsontext.KindEndArray:
			_, err := u.d.ReadToken()
			return err
		case jsontext.KindInvalid:
			_, err := u.d.ReadToken()
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
}

// skip reads a value of any length, of which it holds one text at most.
func (u *upload) skip() error {
	for depth := u.d.StackDepth(); ; {
		u.body.next()
		if _, err := u.d.ReadToken(); err != nil {
			return err
		}
		if u.d.StackDepth() <= depth {
			return nil
		}
	}
}

func errUpload(detail string) error {
	return &problem.Error{Kind: problem.BadRequest, Reason: "invalid_request", Detail: detail}
}

// uploadError returns the refusal behind an error of reading a body. One that ends early
// did not arrive; what is no JSON will not be one the next time either.
func uploadError(err error) error {
	_, malformed := errors.AsType[*jsontext.SyntacticError](err)
	switch e, ok := errors.AsType[*problem.Error](err); {
	case ok:
		return e
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &problem.Error{Kind: problem.RequestTimeout, Reason: "request_timeout", Detail: "The body ended before it was whole"}
	case errors.Is(err, errPart):
		return errUpload("A part of the body is too long")
	case malformed:
		return errUpload("The body must be valid JSON")
	default:
		return &problem.Error{Kind: problem.RequestTimeout, Reason: "request_timeout", Detail: "The body did not arrive", Cause: err}
	}
}
