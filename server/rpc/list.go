package rpc

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// optionalList returns a repeated field as an optional one: nil is absent. An
// empty list that is not nil comes from the JSON codec only, because the binary
// form of protobuf has no empty list.
func optionalList(list []string) *[]string {
	if list == nil {
		return nil
	}
	return &list
}

// markEmptyLists makes each list of m that is [] in the JSON body empty but not
// nil. Protobuf decodes it to nil, as if it were absent, and an absent list may
// stand for everything. m must have been decoded from the body.
func markEmptyLists(body []byte, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); f.IsList() && m.Get(f).List().Len() == 0 && holdsEmptyList(body, f) {
			list := m.Mutable(f).List()
			list.Append(list.NewElement())
			list.Truncate(0)
		}
	}
}

// holdsEmptyList reports whether the member of the field is [] in the body.
func holdsEmptyList(body []byte, f protoreflect.FieldDescriptor) bool {
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return false
		}
		ours := name.String() == f.JSONName() || name.String() == f.TextName()
		if ours && d.PeekKind() == '[' {
			_, err := d.ReadToken()
			return err == nil && d.PeekKind() == ']'
		}
		if d.SkipValue() != nil {
			return false
		}
	}
	return false
}
