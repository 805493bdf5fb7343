package rpc

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/openwearables/openwearables/internal/problem"
)

// fitMembers reads the JSON body of a message once. It returns the body with the
// values in the notation that the decoder takes, or else the first member that
// does not fit the descriptor, and what it must be. The body must be a JSON
// object.
func fitMembers(body []byte, of protoreflect.MessageDescriptor) (fitted, *problem.FieldError) {
	s := search{Decoder: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))}
	if f := s.object(of, ""); f != nil {
		return fitted{}, f
	}
	return fitted{s.edits.apply(body), s.faults}, nil
}

// notMessage returns the fault of a body as a whole.
func notMessage(of protoreflect.MessageDescriptor) *problem.FieldError {
	return &problem.FieldError{Message: "The body must be a " + string(of.FullName()) + " message"}
}

// A search reads a JSON body up to the first member that does not fit. Its
// methods read the value at path, and return nil if it fits.
type search struct {
	*jsontext.Decoder
	edits  edits
	faults []itemFault
}

func (s *search) object(of protoreflect.MessageDescriptor, path string) *problem.FieldError {
	if !s.open(jsontext.KindBeginObject) {
		return notObject(path)
	}
	return s.members(of, path)
}

func notObject(path string) *problem.FieldError {
	return &problem.FieldError{Field: path, Message: "must be an object"}
}

// members reads what is left of an object that was opened.
func (s *search) members(of protoreflect.MessageDescriptor, path string) *problem.FieldError {
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

func (s *search) member(field protoreflect.FieldDescriptor, path string) *problem.FieldError {
	switch {
	case field.IsMap(), s.PeekKind() == jsontext.KindNull: // null is as if it were absent
		_ = s.SkipValue()
		return nil
	case !field.IsList():
		return s.single(field, path)
	case !s.open(jsontext.KindBeginArray):
		return &problem.FieldError{Field: path, Message: "must be an array"}
	}
	for i := 0; s.more(); i++ {
		if standsAlone(field) {
			s.item(field, i)
		} else if f := s.single(field, path+"["+strconv.Itoa(i)+"]"); f != nil {
			return f
		}
	}
	return nil
}

// single reads the value of a field, or one item of a list.
func (s *search) single(field protoreflect.FieldDescriptor, path string) *problem.FieldError {
	if m := field.Message(); m != nil && m.ParentFile().Package() != "google.protobuf" {
		return s.object(m, path)
	}
	value, _ := s.ReadValue()
	fitted, fault := fitValue(value, field)
	if fault != "" {
		return &problem.FieldError{Field: path, Message: fault}
	}
	if fitted != "" {
		end := int(s.InputOffset())
		s.edits = append(s.edits, edit{end - len(value), end, fitted})
	}
	return nil
}

// item reads an item that stands alone. If it does not fit, it becomes an empty
// object.
func (s *search) item(list protoreflect.FieldDescriptor, index int) {
	depth, edits := s.StackDepth(), len(s.edits)
	var from int
	var fault *problem.FieldError
	if s.open(jsontext.KindBeginObject) {
		from = int(s.InputOffset()) - 1
		fault = s.members(list.Message(), "")
	} else {
		value, _ := s.ReadValue()
		from = int(s.InputOffset()) - len(value)
		fault = notObject("")
	}
	if fault == nil {
		return
	}
	for s.StackDepth() > depth {
		if _, err := s.ReadToken(); err != nil {
			return // the decoder refuses the body
		}
	}
	s.edits = append(s.edits[:edits], edit{from, int(s.InputOffset()), "{}"})
	s.faults = append(s.faults, itemFault{list, index, *fault})
}

// open reads the token that begins an object or an array, if the next value is one.
func (s *search) open(begin jsontext.Kind) bool {
	if s.PeekKind() != begin {
		return false
	}
	_, err := s.ReadToken()
	return err == nil
}

// more reports whether the open object or array holds anything more, or else reads
// its end.
func (s *search) more() bool {
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

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
