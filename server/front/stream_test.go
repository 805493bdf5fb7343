package front

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/openwearables/openwearables/internal/problem"
)

// frame returns a message in a gRPC frame with the flags.
func frame(flags byte, message string) string {
	return string(flags) + string(binary.BigEndian.AppendUint32(nil, uint32(len(message)))) + message
}

// The frames of a stream are checked wherever its reads are cut, and no byte of a
// refused header is passed on together with it.
func TestFramesAreCheckedInAnyPieces(t *testing.T) {
	const limit = 100
	good := frame(0, "a") + frame(0, "") + frame(0, strings.Repeat("x", limit))
	for _, c := range []struct {
		what, data string
		passed     int // bytes
		kind       problem.Kind
	}{
		{"good frames", good, len(good), 0},
		{"half a frame", good + frame(0, "abc")[:6], len(good) + 6, 0},
		{"a compressed frame", good + frame(1, "a"), len(good), problem.UnsupportedMedia},
		{"an unknown flag", good + frame(2, "a"), len(good), problem.Invalid},
		{"a long frame", good + frame(0, strings.Repeat("x", limit+1)), len(good), problem.TooLarge},
		{"a frame of 4 GiB", good + "\x00\xff\xff\xff\xff", len(good), problem.TooLarge},
		{"the most frames", strings.Repeat(frame(0, "a"), maxStreamMessages), 6 * maxStreamMessages, 0},
		{"one frame too many", strings.Repeat(frame(0, "a"), maxStreamMessages+1), 6 * maxStreamMessages, problem.TooLarge},
	} {
		for name, cut := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "by bytes": iotest.OneByteReader, "in halves": iotest.HalfReader, "with its end": iotest.DataErrReader,
		} {
			f := &frames{ReadCloser: io.NopCloser(cut(strings.NewReader(c.data))), limit: limit}
			var got bytes.Buffer
			// A frame at a time, as the RPC library reads.
			var err error
			for err == nil {
				_, err = io.CopyN(&got, f, 1)
			}
			refused, _ := errors.AsType[*problem.Error](err)
			if (refused != nil) != (c.kind != 0) || refused != nil && refused.Kind != c.kind {
				t.Errorf("%s, read %s, ends with %v", c.what, name, err)
			}
			if refused == nil && got.Len() != c.passed || !strings.HasPrefix(c.data, got.String()) || got.Len() > c.passed+frameHeader-1 {
				t.Errorf("%s, read %s: %d bytes are passed on, want %d", c.what, name, got.Len(), c.passed)
			}
		}
	}
}
