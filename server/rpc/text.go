package rpc

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/openwearables/openwearables/internal/problem"
)

// wrongText finds the first string in an encoded message that is not valid UTF-8
// or holds U+0000, as package jsonbody does in JSON. It returns nil if there is
// none, and for data that is not a message, which the decoder refuses.
func wrongText(data []byte, of protoreflect.MessageDescriptor) *problem.FieldError {
	var seen map[protowire.Number]int // items of each list so far
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

// wrongTextIn applies wrongText to one value. The path that it returns is
// relative to the value.
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
