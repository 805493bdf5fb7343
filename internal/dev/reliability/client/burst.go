package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// Burst makes all requests at once: over one HTTP/2 connection to each address,
// everything but the last byte of each body is sent first, and then those bytes
// in one write. Requests have bodies. The answers are in the requests' order.
func Burst(log *record.Recorder, requests []Request) ([]Answer, error) {
	lines, err := load(requests)
	defer func() {
		for _, l := range lines {
			_ = l.conn.Close() // all was read, or will never be
		}
	}()
	if err != nil {
		return nil, err
	}
	answers, errs := make([]Answer, len(requests)), make([]error, len(lines))
	begun := log.Now()
	var all sync.WaitGroup
	for i, l := range lines {
		all.Go(func() { errs[i] = l.fire(log, answers) })
	}
	all.Wait()
	for i, a := range answers {
		r, c := requests[i], &Client{log: log}
		answers[i].Start = begun
		log.Add(record.Call{
			Client: fmt.Sprint("stream", i), Node: r.Node, Op: r.Op, Of: r.Of, Args: c.args(r), Start: begun, End: a.End,
			Status: a.Status, Reason: a.Str("reason"), Out: Outputs(log, a),
		})
	}
	return answers, errors.Join(errs...)
}

// load connects to each address and sends all but the last bytes.
func load(requests []Request) (lines []*line, err error) {
	places := make(map[string]*line)
	for i, r := range requests {
		l := places[r.Addr]
		if l == nil {
			if l, err = dial(r.Addr); err != nil {
				return lines, err
			}
			places[r.Addr], lines = l, append(lines, l)
		}
		if err := l.prepare(i, r); err != nil {
			return lines, err
		}
	}
	for _, l := range lines {
		if err := l.settle(); err != nil {
			return lines, err
		}
	}
	return lines, nil
}

// line is one connection.
type line struct {
	conn    net.Conn
	framer  *http2.Framer
	head    bytes.Buffer // is written first
	last    bytes.Buffer // the write that ends all bodies
	encoder *hpack.Encoder
	fields  bytes.Buffer
	streams map[uint32]int // to the request's place
	next    uint32
}

func dial(addr string) (*line, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, streams: make(map[uint32]int), next: 1}
	l.encoder = hpack.NewEncoder(&l.fields)
	l.head.WriteString(http2.ClientPreface)
	l.framer = http2.NewFramer(&l.head, conn)
	l.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := l.framer.WriteSettings(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return l, nil
}

// prepare adds a request.
func (l *line) prepare(place int, r Request) error {
	body, err := json.Marshal(r.Body)
	if err != nil {
		return err
	}
	fields := []string{
		":method", r.Method, ":scheme", "http", ":authority", r.Addr, ":path", r.Path,
		"content-type", "application/json", "content-length", strconv.Itoa(len(body)),
	}
	if r.Key != "" {
		fields = append(fields, "idempotency-key", r.Key)
	}
	if r.Bearer != "" {
		fields = append(fields, "authorization", "Bearer "+r.Bearer)
	}
	l.fields.Reset()
	for i := 0; i < len(fields); i += 2 {
		if err := l.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			return err
		}
	}
	stream := l.next
	l.next += 2
	l.streams[stream] = place
	err = l.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: l.fields.Bytes(), EndHeaders: true})
	if err != nil {
		return err
	}
	if err := l.framer.WriteData(stream, false, body[:len(body)-1]); err != nil {
		return err
	}
	return http2.NewFramer(&l.last, nil).WriteData(stream, true, body[len(body)-1:])
}

// settle sends the heads and waits until the server has read them.
func (l *line) settle() error {
	if err := l.framer.WritePing(false, [8]byte{1}); err != nil {
		return err
	}
	if err := l.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := l.conn.Write(l.head.Bytes()); err != nil {
		return err
	}
	for {
		frame, err := l.framer.ReadFrame()
		if err != nil {
			return err
		}
		if p, ok := frame.(*http2.PingFrame); ok && p.IsAck() {
			return nil
		}
	}
}

// fire ends all bodies and reads the answers.
func (l *line) fire(log *record.Recorder, answers []Answer) error {
	var settings bytes.Buffer
	if err := http2.NewFramer(&settings, nil).WriteSettingsAck(); err != nil {
		return err
	}
	if _, err := l.conn.Write(append(settings.Bytes(), l.last.Bytes()...)); err != nil {
		return err
	}
	bodies := make(map[uint32]*bytes.Buffer)
	for left := len(l.streams); left > 0; {
		frame, err := l.framer.ReadFrame()
		if err != nil {
			return fmt.Errorf("%d answers are missing: %w", left, err)
		}
		id := frame.Header().StreamID
		place, ours := l.streams[id]
		if !ours {
			continue
		}
		a, ended := &answers[place], false
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			a.Status, a.Header, ended = heads(f)
			bodies[id] = new(bytes.Buffer)
		case *http2.DataFrame:
			bodies[id].Write(f.Data())
			ended = f.StreamEnded()
		case *http2.RSTStreamFrame:
			return fmt.Errorf("stream %d was reset: %v", id, f.ErrCode)
		}
		if ended {
			left--
			a.End = log.Now()
			if err := json.NewDecoder(bodies[id]).Decode(&a.Body); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
	}
	return nil
}

func heads(f *http2.MetaHeadersFrame) (status int, h http.Header, ended bool) {
	h = make(http.Header)
	for _, field := range f.RegularFields() {
		h.Add(field.Name, field.Value)
	}
	status, _ = strconv.Atoi(f.PseudoValue("status")) // 0 is not a success
	return status, h, f.StreamEnded()
}
