package openwearables

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// invalidField returns the error of an argument that is refused before anything is sent.
func invalidField(field, message string) *Error {
	e := invalid(field + ": " + message)
	e.Fields = []FieldViolation{{field, message}}
	return e
}

// in names the option, or the argument of New, that the error is about.
func (e *Error) in(option string) *Error {
	e.Fields = []FieldViolation{{option, e.Message}}
	return e
}

// scratch holds buffers for requests that are encoded only to see whether they can be.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// checkRequest returns an error with the fields of a request that are not UTF-8. Such a
// request must not be begun: connect-go fails to encode it, and yet sends an empty one.
func checkRequest(request any) error {
	m, ok := request.(proto.Message)
	if !ok {
		return nil
	}
	buffer := scratch.Get().(*[]byte)
	encoded, err := proto.MarshalOptions{}.MarshalAppend((*buffer)[:0], m)
	if cap(encoded) <= plainBody {
		clear(encoded) // it may hold a secret
		*buffer = encoded
	}
	scratch.Put(buffer)
	if err == nil {
		return nil
	}
	found := invalid("the request cannot be encoded: " + err.Error())
	eachText(m.ProtoReflect(), "", func(field, text string) {
		switch {
		case utf8.ValidString(text) || len(found.Fields) == maxFields:
		case len(found.Fields) == 0:
			found = invalidField(field, "must be UTF-8")
		default:
			found.Fields = append(found.Fields, FieldViolation{field, "must be UTF-8"})
		}
	})
	return found
}

// eachText calls f with each string of a message and its field, such as
// workouts[3].external_id.
func eachText(m protoreflect.Message, path string, f func(field, text string)) {
	visit := func(field string, kind protoreflect.Kind, v protoreflect.Value) {
		switch kind {
		case protoreflect.StringKind:
			f(field, v.String())
		case protoreflect.MessageKind:
			eachText(v.Message(), field+".", f)
		}
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		field, value := path+string(fd.Name()), m.Get(fd)
		switch {
		case !m.Has(fd) || fd.IsMap(): // no request has a map
		case fd.IsList():
			for i := range value.List().Len() {
				visit(fmt.Sprintf("%s[%d]", field, i), fd.Kind(), value.List().Get(i))
			}
		default:
			visit(field, fd.Kind(), value)
		}
	}
}
