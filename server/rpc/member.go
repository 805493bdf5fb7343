package rpc

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/openwearables/openwearables/internal/problem"
)

// wrongMember returns the first member of a JSON body that does not fit the
// descriptor, and what it must be. The body must be a JSON object that the decoder
// has refused. wrongMember reads it once, and decodes single values alone.
func wrongMember(body []byte, of protoreflect.MessageDescriptor) problem.FieldError {
	s := search{jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))}
	if f := s.object(of, ""); f != nil {
		return *f
	}
	return notMessage(of)
}

// notMessage returns the fault of a body as a whole.
func notMessage(of protoreflect.MessageDescriptor) problem.FieldError {
	return problem.FieldError{Message: "The body must be a " + string(of.FullName()) + " message"}
}

// A search reads a JSON body up to the first member that does not fit. Its
// methods read the value at path, and return nil if it fits.
type search struct{ *jsontext.Decoder }

func (s search) object(of protoreflect.MessageDescriptor, path string) *problem.FieldError {
	if !s.open(jsontext.KindBeginObject) {
		return &problem.FieldError{Field: path, Message: "must be an object"}
	}
	seen := make(map[protoreflect.FieldNumber]bool)
	for s.more() {
		name, _ := s.ReadToken()
		field := fieldNamed(of, name.String())
		switch {
		case field == nil:
			_ = s.SkipValue()
			continue
		case seen[field.Number()]:
			return &problem.FieldError{Field: path, Message: "must not name a member twice"}
		}
		seen[field.Number()] = true
		if f := s.member(field, join(path, string(field.Name()))); f != nil {
			return f
		}
	}
	return nil
}

func (s search) member(field protoreflect.FieldDescriptor, path string) *problem.FieldError {
	switch {
	case s.PeekKind() == jsontext.KindNull: // as if it were absent
		_ = s.SkipValue()
		return nil
	case !field.IsList():
		return s.single(field, path)
	case !s.open(jsontext.KindBeginArray):
		return &problem.FieldError{Field: path, Message: "must be an array"}
	}
	for i := 0; s.more(); i++ {
		if f := s.single(field, path+"["+strconv.Itoa(i)+"]"); f != nil {
			return f
		}
	}
	return nil
}

// single reads the value of a field, or one item of a list.
func (s search) single(field protoreflect.FieldDescriptor, path string) *problem.FieldError {
	if m := field.Message(); m != nil && m.ParentFile().Package() != "google.protobuf" {
		return s.object(m, path)
	}
	value, _ := s.ReadValue()
	if fits(value, field) {
		return nil
	}
	return &problem.FieldError{Field: path, Message: mustBe(field, value.Kind())}
}

// open reads the token that begins an object or an array, if the next value is one.
func (s search) open(begin jsontext.Kind) bool {
	if s.PeekKind() != begin {
		return false
	}
	_, err := s.ReadToken()
	return err == nil
}

// more reports whether the open object or array holds anything more, or else reads
// its end.
func (s search) more() bool {
	switch s.PeekKind() {
	case jsontext.KindInvalid:
		return false
	case jsontext.KindEndObject, jsontext.KindEndArray:
		_, _ = s.ReadToken()
		return false
	default:
		return true
	}
}

func fieldNamed(of protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := of.Fields().ByJSONName(name); f != nil {
		return f
	}
	return of.Fields().ByTextName(name)
}

// fits reports whether the decoder takes the value in the field, or as an item of
// it.
func fits(value jsontext.Value, field protoreflect.FieldDescriptor) bool {
	switch kind := value.Kind(); field.Kind() {
	case protoreflect.StringKind:
		return kind == jsontext.KindString
	case protoreflect.BoolKind:
		return kind == jsontext.KindTrue || kind == jsontext.KindFalse
	}
	open, end := `{"`+field.JSONName()+`":`, "}"
	if field.IsList() {
		open, end = open+"[", "]}"
	}
	alone := append(append([]byte(open), value...), end...)
	return protojson.Unmarshal(alone, dynamicpb.NewMessage(field.ContainingMessage())) == nil
}

// mustBe says what a value of the field must be instead of one of the kind.
func mustBe(field protoreflect.FieldDescriptor, kind jsontext.Kind) string {
	switch field.Kind() {
	case protoreflect.StringKind:
		return "must be a string"
	case protoreflect.BoolKind:
		return "must be true or false"
	case protoreflect.Int32Kind:
		return "must be an integer in range"
	case protoreflect.DoubleKind:
		return "must be a number in range"
	case protoreflect.MessageKind:
		switch {
		case field.Message().Name() == "FieldMask":
			return "must be a comma-separated list of fields"
		case kind != jsontext.KindString:
			return "must be a string"
		default:
			return "must be an RFC 3339 time such as 2026-03-07T10:30:00Z"
		}
	default:
		return "has the wrong type"
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
