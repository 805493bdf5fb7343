package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Bounds of an answer. The longest that is asked for lists a thousand nodes.
const (
	maxText  = 4 << 20
	maxList  = 1 << 16
	maxDepth = 8
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

// readValue reads one answer.
func readValue(r *bufio.Reader, depth int) (Value, error) {
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
		return v, nil
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
			v.list, err = readList(r, n, depth)
		default:
			v.text, err = readText(r, n)
		}
		return v, err
	}
	return Value{}, errProtocol
}

func readText(r *bufio.Reader, n int64) (string, error) {
	if n < 0 || n > maxText {
		return "", fmt.Errorf("%w: a text of %d bytes", errProtocol, n)
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

func readList(r *bufio.Reader, n int64, depth int) ([]Value, error) {
	if n < 0 || n > maxList || depth >= maxDepth {
		return nil, fmt.Errorf("%w: a list of %d items", errProtocol, n)
	}
	list := make([]Value, 0, min(n, 64))
	for range n {
		v, err := readValue(r, depth+1)
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
