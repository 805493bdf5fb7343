package leak

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// AllowMarker stands in the line of a credential that is not to be reported, at
// most reach bytes from it.
const (
	AllowMarker = "openwearables:allow"
	reach       = 1 << 10
)

// margin is how much of the stream is kept on either side of what is searched:
// no less than a credential and the reach of a marker.
const margin = 2 << 10

const bufferSize = 256 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// placed is a credential at a place of a stream.
type placed struct {
	match
	position
	allowed bool
}

// search calls emit for each credential in r, in their order, and returns how
// many bytes it read. It needs the same memory for every stream.
func search(ctx context.Context, r io.Reader, emit func(placed)) (size int64, err error) {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	var (
		at         position
		n, from    int // buffer[:n] is filled, and searched before from
		first, end = true, false
		found      []match
	)
	for !end {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		read, err := io.ReadFull(r, buffer[n:])
		n, size = n+read, size+int64(read)
		end = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return size, err
		}
		b := buffer[:n]
		if first {
			at, first = skipMark(b), false
		}
		to := n
		if !end {
			to = n - margin
		}
		found = findEncoded(findText(found[:0], b, from, to), b, from, to)
		place(found, b, at, emit)
		kept := max(0, to-margin)
		at = at.advance(b[:kept])
		from = to - kept
		n = copy(buffer[:], b[kept:])
	}
	return size, nil
}

// place calls emit for each match in b, which begins at a position.
func place(found []match, b []byte, at position, emit func(placed)) {
	slices.SortFunc(found, func(x, y match) int { return cmp.Compare(x.start, y.start) })
	before := 0
	for _, m := range found {
		at = at.advance(b[before:m.start])
		before = m.start
		emit(placed{m, at, isAllowed(b, m)})
	}
}

// isAllowed reports whether the marker stands in the line of m.
func isAllowed(b []byte, m match) bool {
	left, right := b[max(0, m.start-reach):m.start], b[m.end:min(len(b), m.end+reach)]
	left = left[bytes.LastIndexByte(left, '\n')+1:]
	if n := bytes.IndexByte(right, '\n'); n >= 0 {
		right = right[:n]
	}
	if m.encoding == UTF16 {
		left, right = bytes.ReplaceAll(left, []byte{0}, nil), bytes.ReplaceAll(right, []byte{0}, nil)
	}
	return bytes.Contains(left, []byte(AllowMarker)) || bytes.Contains(right, []byte(AllowMarker))
}
