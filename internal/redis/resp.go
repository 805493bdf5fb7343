package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Bounds of an answer. The longest that is asked for lists the slots of a thousand nodes.
const (
	maxAnswer = 16 << 20 // bytes of memory
	maxDepth  = 8
	valueSize = 56 // bytes of a Value
)

// Error is an error that the server answered with, such as "NOAUTH ...".
type Error string

func (e Error) Error() string { return string(e) }

// A Value is an answer of the server, of the protocol's version 2: a text, a number, a
// list, an error or, as the zero Value, nothing.
type Value struct {
	kind   byte // the first of the answer
	number int64
	text   string
	list   []Value
}

// Err returns the Error that the value is, or nil.
func (v Value) Err() error {
	if v.kind == '-' {
		return Error(v.text)
	}
	return nil
}

// Number returns the number that the value is.
func (v Value) Number() (n int64, ok bool) { return v.number, v.kind == ':' }

// Text returns the text that the value is.
func (v Value) Text() (s string, ok bool) { return v.text, v.kind == '+' || v.kind == '$' }

// List returns the items of the list that the value is, or none.
func (v Value) List() []Value { return v.list }

// appendCommand appends a command as the protocol has it.
func appendCommand(b []byte, command []string) []byte {
	b = appendLength(b, '*', len(command))
	for _, a := range command {
		b = append(append(appendLength(b, '$', len(a)), a...), "\r\n"...)
	}
	return b
}

func appendLength(b []byte, kind byte, n int) []byte {
	return append(strconv.AppendInt(append(b, kind), int64(n), 10), "\r\n"...)
}

// errProtocol says that the other side does not speak the protocol.
var errProtocol = errors.New("redis answered what is not its protocol")

// reader reads answers.
type reader struct {
	*bufio.Reader
	room int64 // bytes of memory that the answer may still take
}

func newReader(r io.Reader) *reader { return &reader{Reader: bufio.NewReader(r)} }

// answer reads one answer.
func (r *reader) answer() (Value, error) {
	r.room = maxAnswer
	return r.value(0)
}

// take takes memory for n parts of a size.
func (r *reader) take(n, size int64) error {
	if n < 0 || n > r.room/size {
		return fmt.Errorf("%w: an answer of more than %d bytes, or of a length below 0", errProtocol, maxAnswer)
	}
	r.room -= n * size
	return nil
}

func (r *reader) value(depth int) (Value, error) {
	line, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return Value{}, err
	}
	if err != nil || len(line) < 3 || line[len(line)-2] != '\r' {
		return Value{}, errProtocol
	}
	v, rest := Value{kind: line[0]}, line[1:len(line)-2]
	switch v.kind {
	case '+', '-':
		v.text = string(rest)
		return v, r.take(int64(len(rest)), 1)
	case ':':
		v.number, err = number(rest)
		return v, err
	case '$', '*':
		n, err := number(rest)
		switch {
		case err != nil:
			return Value{}, err
		case n == -1:
			return Value{}, nil
		case v.kind == '*':
			v.list, err = r.list(n, depth)
		default:
			v.text, err = r.text(n)
		}
		return v, err
	}
	return Value{}, errProtocol
}

func (r *reader) text(n int64) (string, error) {
	if err := r.take(n, 1); err != nil {
		return "", err
	}
	text := make([]byte, n+2)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", err
	}
	if string(text[n:]) != "\r\n" {
		return "", errProtocol
	}
	return string(text[:n]), nil
}

func (r *reader) list(n int64, depth int) ([]Value, error) {
	if depth >= maxDepth {
		return nil, fmt.Errorf("%w: lists in more than %d lists", errProtocol, maxDepth)
	}
	if err := r.take(n, valueSize); err != nil {
		return nil, err
	}
	list := make([]Value, 0, min(n, 64))
	for range n {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// number parses a number of at most 18 digits.
func number(text []byte) (n int64, _ error) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, errProtocol
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, errProtocol
		}
		n = n*10 + int64(d-'0')
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, nil
}
