// Package record keeps every call of a trial as one JSON object a line: what a
// checker needs, and nothing secret. Times are of the host's monotonic clock.
package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Call is one request and its outcome, or, with the client "harness", something
// that was done to the stack.
type Call struct {
	Client string            `json:"client"`
	Node   int               `json:"node"`
	Op     string            `json:"op"`
	Of     string            `json:"of,omitempty"` // the subject: a family, a credential, a fault
	Args   map[string]string `json:"args,omitempty"`
	Start  int64             `json:"start"` // nanoseconds since the record was begun
	End    int64             `json:"end"`
	Status int               `json:"status,omitempty"` // 0: no answer arrived
	Reason string            `json:"reason,omitempty"`
	Out    map[string]string `json:"out,omitempty"`
	Error  string            `json:"error,omitempty"` // why no answer arrived
}

// OK reports whether the call succeeded.
func (c *Call) OK() bool { return c.Status >= 200 && c.Status < 300 }

// PutOff reports whether the answer was 503 with Retry-After: the call was neither
// accepted nor refused, and its effect is unknown.
func (c *Call) PutOff() bool { return c.Status == 503 && c.Out["Retry-After"] != "" }

// Took returns the time from its start to its end.
func (c *Call) Took() time.Duration { return time.Duration(c.End - c.Start) }

func (c *Call) String() string {
	text, _ := json.Marshal(c) // there is nothing in it that does not marshal
	return string(text)
}

// Recorder writes calls to a file. Safe for concurrent use.
type Recorder struct {
	begun time.Time
	path  string

	mu     sync.Mutex
	file   *os.File
	buffer *bufio.Writer
	labels map[string]string
	counts map[string]int
	err    error
}

// New begins a record in the file.
func New(path string) (*Recorder, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Recorder{
		begun: time.Now(), path: path, file: f, buffer: bufio.NewWriterSize(f, 1<<20),
		labels: make(map[string]string), counts: make(map[string]int),
	}, nil
}

// Now returns the time of the record, in nanoseconds.
func (r *Recorder) Now() int64 { return int64(time.Since(r.begun)) }

// Label returns the name of a secret in the record: its kind and a number.
func (r *Recorder) Label(kind, secret string) string {
	if secret == "" {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	label, ok := r.labels[secret]
	if !ok {
		r.counts[kind]++
		label = fmt.Sprintf("%s%d", kind, r.counts[kind])
		r.labels[secret] = label
	}
	return label
}

// Add records a call.
func (r *Recorder) Add(c Call) {
	text, err := json.Marshal(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		_, err = r.buffer.Write(append(text, '\n'))
	}
	r.err = errors.Join(r.err, err)
}

// Event calls and times done, and records it as something done to the stack.
func (r *Recorder) Event(op, of string, node int, done func() error) error {
	c := Call{Client: "harness", Op: op, Of: of, Node: node, Start: r.Now()}
	err := done()
	c.End, c.Status = r.Now(), 200
	if err != nil {
		c.Status, c.Error = 0, err.Error()
	}
	r.Add(c)
	return err
}

// Read returns all calls in the order in which they ended.
func (r *Recorder) Read() ([]Call, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := errors.Join(r.err, r.buffer.Flush()); err != nil {
		return nil, err
	}
	f, err := os.Open(r.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var calls []Call
	for d := json.NewDecoder(bufio.NewReader(f)); d.More(); {
		var c Call
		if err := d.Decode(&c); err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// Close ends the record.
func (r *Recorder) Close() error { return errors.Join(r.buffer.Flush(), r.file.Close()) }
