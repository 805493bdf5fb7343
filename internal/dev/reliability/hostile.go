package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// hostile is a caller that sends what no client of ours would.
type hostile struct {
	w    *world
	http *http.Client
}

func (w *world) newHostile() *hostile { return w.hostileFrom(hostileFrom) }

// hostileFrom returns one with an address of this machine.
func (w *world) hostileFrom(address string) *hostile {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	t := &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: 64, DisableCompression: true}
	return &hostile{w, &http.Client{Transport: t, Timeout: 30 * time.Second}}
}

// post sends a body to a node and records the status, 0 without an answer.
func (h *hostile) post(ctx context.Context, node int, path string, header http.Header, body io.Reader, length int64) {
	n := h.w.stack.Nodes[node%len(h.w.stack.Nodes)]
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+n.Addr+path, body)
	if err != nil {
		return
	}
	r.Header, r.ContentLength = header, length
	h.send(r, n.Index)
}

// bytes is post of a body that is sent at once.
func (h *hostile) bytes(ctx context.Context, node int, path string, header http.Header, body []byte) {
	h.post(ctx, node, path, header, bytes.NewReader(body), int64(len(body)))
}

// send makes the call and records it.
func (h *hostile) send(r *http.Request, node int) {
	c := record.Call{Client: "attacker", Node: node, Op: "hostile", Of: "attack", Start: h.w.log.Now()}
	c.Args = map[string]string{"path": r.URL.Path}
	res, err := h.http.Do(r)
	if err == nil {
		c.Status = res.StatusCode
		_, _ = io.Copy(io.Discard, res.Body) // for the connection to be used again
		_ = res.Body.Close()
	} else {
		c.Error = err.Error()
	}
	c.End = h.w.log.Now()
	h.w.log.Add(c)
}

// loop calls f with 0, 1, ... from so many workers until the context ends, each with a
// rest after every call.
func loop(ctx context.Context, workers int, rest time.Duration, f func(worker, n int)) {
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				f(i, n)
				pause(ctx, rest)
			}
		})
	}
	all.Wait()
}

// pause waits for a time, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// header returns a header of names and values.
func header(pairs ...string) http.Header {
	h := make(http.Header)
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// packed returns the gzip of prefix, fill n times, and suffix.
func packed(prefix string, fill byte, n int, suffix string) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	block := bytes.Repeat([]byte{fill}, 1<<20)
	_, err := io.WriteString(z, prefix)
	for ; err == nil && n > 0; n -= len(block) {
		_, err = z.Write(block[:min(n, len(block))])
	}
	if err == nil {
		_, err = io.WriteString(z, suffix)
	}
	if err == nil {
		err = z.Close()
	}
	return out.Bytes(), err
}
