package openwearables

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"connectrpc.com/connect"
)

// The bounds of a response, in bytes. They apply to each body before and after it is
// unpacked.
const (
	defaultMaxResponse = 16 << 20
	minMaxResponse     = 64 << 10
	maxMaxResponse     = 1 << 30
	maxTokenResponse   = 1 << 20  // of a response that holds a token pair
	maxErrorBody       = 64 << 10 // of an error
	maxResponseHeader  = 64 << 10 // of the headers, on the default transport
	plainBody          = 64 << 10 // up to this size no message needs counting
)

func overBound(bound int64) *Error {
	return invalidResponse("the response is larger than " + strconv.FormatInt(bound, 10) + " bytes")
}

// bounded is a body that fails once more than bound bytes of it were read.
type bounded struct {
	io.ReadCloser
	bound, left int64
}

func newBounded(body io.ReadCloser, bound int64) *bounded { return &bounded{body, bound, bound} }

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, overBound(b.bound)
	}
	return n, err
}

// envelopes is a body of enveloped messages (gRPC, gRPC-Web and Connect streams). It
// fails as soon as a prefix announces more than bound bytes. Its length as a whole has
// no bound: a stream may be long.
type envelopes struct {
	io.ReadCloser
	bound  int64
	prefix [5]byte // flags and length
	got    int     // bytes of prefix
	left   int64   // bytes of the message
}

// The flags of the envelope that ends a stream, in Connect and in gRPC-Web.
const endOfStream = 0x02 | 0x80

func (e *envelopes) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if e.left > 0 {
			skip := min(e.left, int64(len(rest)))
			rest, e.left = rest[skip:], e.left-skip
			continue
		}
		k := copy(e.prefix[e.got:], rest)
		rest = rest[k:]
		if e.got += k; e.got < len(e.prefix) {
			break
		}
		bound := e.bound
		if e.prefix[0]&endOfStream != 0 {
			bound = min(bound, maxErrorBody)
		}
		if e.got, e.left = 0, int64(binary.BigEndian.Uint32(e.prefix[1:])); e.left > bound {
			return 0, overBound(bound)
		}
	}
	return n, err
}

// gunzip unpacks up to bound bytes. It implements connect.Decompressor.
type gunzip struct {
	gzip.Reader
	bound, left int64
}

func (g *gunzip) Reset(r io.Reader) error {
	g.left = g.bound
	if err := g.Reader.Reset(r); err != nil {
		return errNotGzip()
	}
	return nil
}

func (g *gunzip) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	if g.left -= int64(n); g.left < 0 {
		return 0, overBound(g.bound)
	}
	if err != nil && err != io.EOF {
		err = errNotGzip()
	}
	return n, err
}

func errNotGzip() *Error { return invalidResponse("the response cannot be unpacked") }

// boundedGzip makes a generated client unpack messages of up to bound bytes.
func boundedGzip(bound int64) connect.ClientOption {
	return connect.WithAcceptCompression("gzip",
		func() connect.Decompressor { return &gunzip{bound: bound} },
		func() connect.Compressor { return gzip.NewWriter(io.Discard) })
}

// boundBody bounds the body of a response by its media type: a message in JSON is
// read and checked at once, any other while it is read.
func (o *origin) boundBody(res *http.Response, media string) (*http.Response, error) {
	bound := o.bound
	if res.StatusCode != http.StatusOK {
		bound = min(bound, maxErrorBody)
	}
	switch {
	case strings.HasPrefix(media, "application/grpc"), strings.HasPrefix(media, "application/connect+"):
		res.Body = &envelopes{ReadCloser: res.Body, bound: bound}
	case res.ContentLength > bound:
		_ = res.Body.Close()
		return nil, overBound(bound).of(res)
	case !isKnown(res.Header.Get("Content-Encoding")):
		_ = res.Body.Close()
		return nil, errNotGzip().of(res)
	case media == mediaJSON:
		return o.readJSON(res, bound)
	case res.ContentLength <= 0: // 0 may be a transport's omission
		res.Body = newBounded(res.Body, bound)
	}
	return res, nil
}

// isKnown reports whether a body in this encoding can be unpacked.
func isKnown(coding string) bool { return coding == "" || coding == "identity" || coding == "gzip" }

// readJSON reads and unpacks a body of up to bound bytes. An error that is not one of
// Connect came from something else than the API.
func (o *origin) readJSON(res *http.Response, bound int64) (*http.Response, error) {
	raw, err := readUnpacked(res, bound)
	if err == nil && countJSON(raw) > maxParts(bound) {
		err = tooManyParts()
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return nil, e.of(res)
	}
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && !isConnectError(raw) {
		return o.replaceForeign(res, raw), nil
	}
	setBody(res, raw)
	res.Header.Set("Content-Type", mediaJSON) // without parameters that connect-go does not know
	return res, nil
}

func readUnpacked(res *http.Response, bound int64) ([]byte, error) {
	defer res.Body.Close()
	raw, err := io.ReadAll(newBounded(res.Body, bound))
	if err != nil || len(raw) == 0 || res.Header.Get("Content-Encoding") != "gzip" {
		return raw, err
	}
	z := &gunzip{bound: bound}
	if err := z.Reset(bytes.NewReader(raw)); err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// setBody replaces the body of a response.
func setBody(res *http.Response, body []byte) {
	for _, name := range []string{"Content-Encoding", "Content-Length", "Trailer"} {
		res.Header.Del(name)
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}
