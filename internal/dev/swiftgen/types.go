package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// wellKnown maps the types of google/protobuf to the types of Swift properties.
var wellKnown = map[protoreflect.FullName]string{
	"google.protobuf.Any":         "Protobuf.AnyMessage",
	"google.protobuf.Duration":    "Protobuf.Duration",
	"google.protobuf.Empty":       "Protobuf.Empty",
	"google.protobuf.FieldMask":   "Protobuf.FieldMask",
	"google.protobuf.ListValue":   "[Protobuf.Value]",
	"google.protobuf.NullValue":   "Protobuf.NullValue",
	"google.protobuf.Struct":      "[String: Protobuf.Value]",
	"google.protobuf.Timestamp":   "Protobuf.Timestamp",
	"google.protobuf.Value":       "Protobuf.Value",
	"google.protobuf.BoolValue":   "Bool",
	"google.protobuf.BytesValue":  "Data",
	"google.protobuf.DoubleValue": "Double",
	"google.protobuf.FloatValue":  "Float",
	"google.protobuf.Int32Value":  "Int32",
	"google.protobuf.Int64Value":  "Int64",
	"google.protobuf.StringValue": "String",
	"google.protobuf.UInt32Value": "UInt32",
	"google.protobuf.UInt64Value": "UInt64",
}

// typeOf returns the Swift type of a message or enum. It fails if neither the module nor
// the runtime has it.
func (n *names) typeOf(desc protoreflect.Descriptor) (string, error) {
	if name, ok := wellKnown[desc.FullName()]; ok {
		return name, nil
	}
	if name, ok := n.swift[desc.FullName()]; ok {
		return name, nil
	}
	return "", fmt.Errorf("%s is not supported: no file that is generated declares it", desc.FullName())
}

// messageTypeOf returns the Swift type of the input or output of a method.
func (n *names) messageTypeOf(message *protogen.Message) (string, error) {
	name, err := n.typeOf(message.Desc)
	if err == nil && message.Desc.ParentFile().Package() == "google.protobuf" &&
		(!strings.HasPrefix(name, "Protobuf.") || name == "Protobuf.Value") {
		return "", fmt.Errorf("%s is not supported as the message of a method", message.Desc.FullName())
	}
	return name, err
}

// elementType returns the Swift type of one value of a field.
func (n *names) elementType(field *protogen.Field) (string, error) {
	switch field.Desc.Kind() {
	case protoreflect.BoolKind:
		return "Bool", nil
	case protoreflect.StringKind:
		return "String", nil
	case protoreflect.BytesKind:
		return "Data", nil
	case protoreflect.FloatKind:
		return "Float", nil
	case protoreflect.DoubleKind:
		return "Double", nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "Int32", nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "Int64", nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "UInt32", nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "UInt64", nil
	case protoreflect.EnumKind:
		return n.typeOf(field.Enum.Desc)
	case protoreflect.MessageKind:
		return n.typeOf(field.Message.Desc)
	}
	return "", fmt.Errorf("%s: %v is not supported", field.Desc.FullName(), field.Desc.Kind())
}

// plain maps the types that JSON spells to those of properties that differ.
var plain = map[string]string{"Int32": "Int", "Int64": "Int", "UInt32": "Int", "Protobuf.Timestamp": "Date"}

// plainType returns the type of a property whose value JSON spells as kind.
func plainType(kind string) string {
	if name, ok := plain[kind]; ok {
		return name
	}
	return kind
}

// property is a stored property of a message: a field, or a oneof.
type property struct {
	field *protogen.Field // nil for a oneof
	oneof *protogen.Oneof

	name     string
	kind     string // the Swift type
	wire     string // the type of one value as JSON spells it
	key      string // the type of a map's keys as JSON spells them
	row      string // the kind of row in the table of fields
	initial  string
	required bool // the initializer has no default for it
	redacted bool
}

// access returns the name of the subscript that reads and writes the property's slot.
func (p property) access() string {
	if p.row == "always" {
		return "one"
	}
	return p.row
}

// properties returns the properties of a message in the order of its fields.
func (n *names) properties(message *protogen.Message) ([]property, error) {
	var result []property
	seen := map[*protogen.Oneof]bool{}
	for _, field := range message.Fields {
		if oneof := field.Oneof; oneof != nil && !oneof.Desc.IsSynthetic() {
			if !seen[oneof] {
				result = append(result, property{
					oneof: oneof, name: propertyName(oneof.Desc.Name()),
					kind: oneofName(oneof) + "?", initial: "nil",
				})
			}
			seen[oneof] = true
			continue
		}
		p, err := n.property(field)
		if err != nil {
			return nil, err
		}
		result = append(result, p)
	}
	uses := map[string]bool{}
	for _, p := range result {
		if uses[p.name] {
			return nil, fmt.Errorf("%s: two fields become %s", message.Desc.FullName(), p.name)
		}
		uses[p.name] = true
	}
	return result, nil
}

func (n *names) property(field *protogen.Field) (property, error) {
	p := property{field: field, name: propertyName(field.Desc.Name()), redacted: isSecret(field)}
	element, err := n.elementType(valueField(field))
	if err != nil {
		return p, err
	}
	if set, err := n.setOf(field); err != nil {
		return p, err
	} else if set != "" {
		element = set
	}
	p.wire = element
	element = plainType(element)
	always, err := n.options.isAlways(field)
	switch {
	case err != nil:
		return p, err
	case field.Desc.IsMap():
		if p.key, err = n.elementType(field.Message.Fields[0]); err != nil {
			return p, err
		}
		p.row, p.kind, p.initial = "map", "["+plainType(p.key)+": "+element+"]", "[:]"
	case field.Desc.IsList():
		p.row, p.kind, p.initial = "list", "["+element+"]", "[]"
	case field.Desc.HasPresence() && always:
		p.row, p.kind, p.initial, p.required = "always", element, element+"(defaults: ())", true
		if element == "Date" {
			p.initial = "Date(timeIntervalSince1970: 0)"
		}
	case field.Desc.HasPresence():
		p.row, p.kind, p.initial = "maybe", element+"?", "nil"
	default:
		p.row, p.kind, p.initial = "one", element, defaultValue(field)
		p.required = field.Desc.Kind() == protoreflect.StringKind && !isCursor(field)
		if p.wire != "String" && p.required {
			p.initial = `.unrecognized("")`
		}
	}
	return p, nil
}

// isCursor reports whether a field names a page: that of the first is empty.
func isCursor(field *protogen.Field) bool {
	return slices.Contains([]protoreflect.Name{"cursor", "page_token", "next_cursor", "next_page_token"}, field.Desc.Name())
}

// valueField returns the field itself, or the field of the values if it is a map.
func valueField(field *protogen.Field) *protogen.Field {
	if field.Desc.IsMap() {
		return field.Message.Fields[1]
	}
	return field
}

// defaultValue returns the default of a field without presence.
func defaultValue(field *protogen.Field) string {
	switch field.Desc.Kind() {
	case protoreflect.BoolKind:
		return "false"
	case protoreflect.StringKind:
		return `""`
	case protoreflect.BytesKind:
		return "Data()"
	case protoreflect.EnumKind:
		if _, ok := wellKnown[field.Enum.Desc.FullName()]; ok {
			return ".null"
		}
		return "." + quoted(caseNames(field.Enum)[0])
	}
	return "0"
}

// isSecret reports whether a field is redacted when its message is printed.
func isSecret(field *protogen.Field) bool {
	options, ok := field.Desc.Options().(*descriptorpb.FieldOptions)
	return ok && options.GetDebugRedact()
}

// containsItself reports whether a field leads back to its own message through singular
// message fields only. Swift cannot lay out such a struct without indirection. Lists and
// maps store their elements on the heap.
func containsItself(field *protogen.Field) bool {
	seen := map[*protogen.Message]bool{}
	var reaches func(*protogen.Field) bool
	reaches = func(f *protogen.Field) bool {
		if f.Message == nil || f.Desc.IsList() || f.Desc.IsMap() ||
			f.Message.Desc.ParentFile().Package() == "google.protobuf" {
			return false
		}
		if f.Message == field.Parent {
			return true
		}
		if seen[f.Message] {
			return false
		}
		seen[f.Message] = true
		for _, next := range f.Message.Fields {
			if reaches(next) {
				return true
			}
		}
		return false
	}
	return reaches(field)
}
