package rpc

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/openwearables/openwearables/internal/problem"
)

// wrongText finds in an encoded message of the descriptor a string that is no
// UTF-8 or holds U+0000, as jsonbody finds it in JSON; nil if there is none.
// Data that is no message is the decoder's to refuse.
func wrongText(data []byte, of protoreflect.MessageDescriptor) *problem.FieldError {
	var seen map[protowire.Number]int // items of lists so far
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return nil
		}
		field := of.Fields().ByNumber(number)
		if field != nil && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data)
			if f := wrongTextIn(value, field); f != nil {
				if field.IsList() {
					f.Field = "[" + strconv.Itoa(seen[number]) + "]" + f.Field
				}
				f.Field = string(field.Name()) + f.Field
				return f
			}
			if field.IsList() {
				if seen == nil {
					seen = make(map[protowire.Number]int)
				}
				seen[number]++
			}
		}
		data = data[n:]
	}
	return nil
}

// wrongTextIn is wrongText of one value; the field that it names is below it.
func wrongTextIn(value []byte, field protoreflect.FieldDescriptor) *problem.FieldError {
	switch {
	case field.Kind() == protoreflect.MessageKind:
		f := wrongText(value, field.Message())
		if f != nil {
			f.Field = "." + f.Field
		}
		return f
	case field.Kind() != protoreflect.StringKind:
		return nil
	case !utf8.Valid(value):
		return &problem.FieldError{Message: "must be valid UTF-8"}
	case bytes.IndexByte(value, 0) >= 0:
		return &problem.FieldError{Message: "must not hold U+0000"}
	}
	return nil
}
