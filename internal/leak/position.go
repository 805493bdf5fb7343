package leak

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// position is a place in a stream of bytes. The zero value is its beginning.
type position struct {
	line  int64 // line feeds before it
	bytes int64 // since the last line feed
	runes int64 // the same in characters of UTF-8
}

// advance returns the position after b.
func (p position) advance(b []byte) position {
	if last := bytes.LastIndexByte(b, '\n'); last >= 0 {
		p = position{line: p.line + int64(bytes.Count(b, []byte("\n")))}
		b = b[last+1:]
	}
	p.bytes += int64(len(b))
	p.runes += int64(countRunes(b))
	return p
}

// countRunes counts the bytes that begin a character, so that the counts of two
// parts of a text add up wherever it is cut.
func countRunes(b []byte) int {
	n := len(b)
	for ; len(b) >= 8; b = b[8:] { // eight at once, since a line may be long
		const ones = 0x0101010101010101
		x := binary.LittleEndian.Uint64(b)
		n -= bits.OnesCount64(x >> 7 &^ (x >> 6) & ones)
	}
	for _, c := range b {
		if c&0xC0 == 0x80 {
			n--
		}
	}
	return n
}

// column returns the column from 1, in characters.
func (p position) column(e Encoding) int64 {
	if e == UTF16 {
		return p.bytes/2 + 1
	}
	return p.runes + 1
}

// skipMark returns the position of the first byte such that the first character
// after a byte order mark is in column 1.
func skipMark(b []byte) position {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return position{bytes: -3, runes: -1}
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return position{bytes: -2, runes: -2}
	default:
		return position{}
	}
}
