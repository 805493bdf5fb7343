// Package jsonbody checks the JSON bodies of requests strictly, so that every
// decoder reads the same meaning from them.
package jsonbody

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how many objects and arrays may enclose one another, the outermost
// included.
const MaxDepth = 32

// MaxMembers is how many members one object may have. Unknown members are
// ignored, but comparing their names must have a bounded cost.
const MaxMembers = 10_000

// Check returns nil if body is exactly one JSON object (RFC 8259) that is also
// I-JSON (RFC 7493): UTF-8 without a byte order mark, no lone surrogates, no
// name twice in an object. Nothing but white space may follow it, no string or
// name in it may hold U+0000, escaped or not, and MaxDepth and MaxMembers hold.
// maxItems holds the most items of the object's own lists by their names; other
// lists may have any number. What is inside such an item may hold an escaped
// U+0000: who reads the items refuses it, in one of them alone. Otherwise the error is an *Error about the first
// fault. Numbers may be of any size.
//
// It reads no further than the first fault, keeps no part of body, and may be
// called concurrently.
func Check(body []byte, maxItems map[string]int) error {
	r := readers.Get().(*reader)
	r.open(body, maxItems)
	err := r.check()
	if err != nil {
		err = explain(err, body)
	}
	r.open(nil, nil)
	if len(body) <= pooledBody {
		readers.Put(r)
	}
	return err
}

// pooledBody is the longest body after which a reader is pooled: a reader that
// has met very long or very many names holds on to their memory.
const pooledBody = 64 << 10

var readers = sync.Pool{New: func() any { return new(reader) }}

// A reader walks one body at a time.
type reader struct {
	decoder jsontext.Decoder
	source  bytes.Buffer
	nul     bool // the body holds what may be an escaped U+0000

	maxItems map[string]int
	bound    int // of the list of the outermost object that is being read; 0: none
}

var escapedNUL = []byte(`\u0000`)

func (r *reader) open(body []byte, maxItems map[string]int) {
	r.maxItems, r.bound = maxItems, 0
	r.source = *bytes.NewBuffer(body)
	r.decoder.Reset(&r.source)
	r.nul = bytes.Contains(body, escapedNUL)
}

// check returns an *Error, or the decoder's error for a fault in the grammar.
func (r *reader) check() error {
	if kind := r.decoder.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
		return &Error{Problem: "must be a JSON object"}
	}
	for {
		token, err := r.decoder.ReadToken()
		if err != nil {
			return err
		}
		if err := r.countItem(token.Kind()); err != nil {
			return err
		}
		switch token.Kind() {
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			if r.decoder.StackDepth() > MaxDepth {
				return &Error{Problem: fmt.Sprintf("must not be nested deeper than %d levels", MaxDepth)}
			}
		case jsontext.KindString:
			if err := r.checkString(token); err != nil {
				return err
			}
		case jsontext.KindEndObject:
			if r.decoder.StackDepth() == 0 {
				return r.checkEnd()
			}
		}
	}
}

// listDepth is the depth inside a list that is a member of the outermost object.
const listDepth = 2

// countItem counts the items of a bounded list. kind is that of the token that
// was just read.
func (r *reader) countItem(kind jsontext.Kind) error {
	depth := r.decoder.StackDepth()
	switch {
	case len(r.maxItems) == 0:
	case depth < listDepth:
		r.bound = 0
	case depth == listDepth && kind == jsontext.KindBeginArray:
		r.bound = r.maxItems[r.decoder.StackPointer().LastToken()]
	case r.bound > 0:
		if _, items := r.decoder.StackIndex(listDepth); items > int64(r.bound) {
			list := r.decoder.StackPointer().Parent()
			return &Error{Field(string(list)), fmt.Sprintf("must hold at most %d items", r.bound)}
		}
	}
	return nil
}

// checkString checks a string or a name that was just read. A name that must
// not be repeated is reported as the object around it.
func (r *reader) checkString(token jsontext.Token) error {
	kind, length := r.decoder.StackIndex(r.decoder.StackDepth())
	isName := kind == jsontext.KindBeginObject && length%2 == 1
	switch {
	case isName && length > 2*MaxMembers:
		return &Error{r.field(isName), fmt.Sprintf("must not have more than %d members", MaxMembers)}
	case r.bound > 0 && r.decoder.StackDepth() > listDepth:
		return nil
	case !r.nul || strings.IndexByte(token.String(), 0) < 0:
		return nil
	case isName:
		return &Error{r.field(isName), "must not have a member whose name holds U+0000"}
	default:
		return &Error{r.field(isName), "must not hold U+0000"}
	}
}

// field returns where the decoder stands or, after a name, the object that
// holds it.
func (r *reader) field(afterName bool) string {
	at := r.decoder.StackPointer()
	if afterName {
		at = at.Parent()
	}
	return Field(string(at))
}

func (r *reader) checkEnd() error {
	if _, err := r.decoder.ReadToken(); err != io.EOF {
		return &Error{Problem: "must hold nothing after the JSON object"}
	}
	return nil
}

// explain turns what check returned into an *Error. If the input ends before
// any token, the body was white space.
func explain(err error, body []byte) error {
	var fault *jsontext.SyntacticError
	switch {
	case errors.As(err, &fault):
		return describe(fault, body)
	case errors.Is(err, io.EOF):
		return &Error{Problem: "must be a JSON object"}
	default:
		return err
	}
}
