package front

import (
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

// Limits of a stream. Each of its messages has at most maxSmallBody bytes.
const (
	maxStreamMessages = 100
	streamReadTime    = 10 * time.Second
	streamWriteTime   = 15 * time.Second // leaves time to refuse what comes too late
)

// readStream is the bodyReader of streams. It reads nothing itself, but limits
// what the handler can read: the number, size and time of the messages.
func readStream(o *operation, r *http.Request) error {
	if err := checkProtocol(r.Header); err != nil {
		return err
	}
	media := mediaType(r.Header.Get("Content-Type"))
	_, framed := rpcCodec(media)
	isConnect := media == "application/connect+json" || media == "application/connect+proto"
	if !framed && !isConnect {
		return errMedia("Send the messages as application/grpc, application/grpc-web or application/connect+proto")
	}
	if isCompressed(r.Header.Get("Content-Encoding")) {
		return errCompressed()
	}
	if v := r.Header.Get("Connect-Content-Encoding"); isCompressed(v) && v != "gzip" {
		return errCompressed()
	}
	if err := checkGRPC(r.Header); err != nil {
		return err
	}
	if r.ProtoMajor < 2 {
		return &problem.Error{Kind: problem.BadRequest, Reason: "http2_required", Detail: "A stream needs HTTP/2"}
	}
	stream := http.NewResponseController(call.From(r.Context()))
	now := time.Now()
	if err := stream.SetReadDeadline(now.Add(streamReadTime)); err != nil {
		return err
	}
	if err := stream.SetWriteDeadline(now.Add(streamWriteTime)); err != nil {
		return err
	}
	r.Header.Set("Content-Type", media)
	r.Body = &frames{ReadCloser: r.Body, limit: uint32(o.maxBody())}
	return nil
}

// frames passes a stream of gRPC frames on. It refuses the header of a frame
// that is compressed, too large or one too many, before anybody reads it.
type frames struct {
	io.ReadCloser
	limit   uint32 // of one message, in bytes
	read    int    // messages so far
	header  [frameHeader]byte
	have    int    // bytes of the header
	message uint32 // bytes of the message that are still to come
}

// Read reads from the stream. The error of a refused frame is a *problem.Error,
// returned without any byte.
func (f *frames) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if refused := f.check(p[:n]); refused != nil {
		return 0, refused
	}
	return n, err
}

// check follows the frames through the bytes that were read.
func (f *frames) check(data []byte) error {
	for len(data) > 0 {
		if f.message > 0 {
			n := min(len(data), int(f.message))
			data, f.message = data[n:], f.message-uint32(n)
			continue
		}
		n := copy(f.header[f.have:], data)
		data, f.have = data[n:], f.have+n
		if f.have < frameHeader {
			return nil
		}
		f.have, f.read, f.message = 0, f.read+1, binary.BigEndian.Uint32(f.header[1:])
		switch {
		case f.header[0]&1 != 0:
			return errCompressed()
		case f.header[0] != 0:
			return problem.InvalidError(problem.FieldError{Message: "The body must hold messages in gRPC frames"})
		case f.message > f.limit:
			return errTooLarge()
		case f.read > maxStreamMessages:
			return &problem.Error{
				Kind: problem.TooLarge, Reason: "body_too_large",
				Detail: "A stream holds at most " + strconv.Itoa(maxStreamMessages) + " messages",
			}
		}
	}
	return nil
}
