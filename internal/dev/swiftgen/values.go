package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The options of fields: whether a message or a time is always there, and which values a
// text has.
const (
	alwaysOption protoreflect.FullName = "openwearables.v1.always"
	valuesOption protoreflect.FullName = "openwearables.v1.values"
)

// fieldOption returns an option of a field; an invalid value if the field lacks it.
func (o *operations) fieldOption(field *protogen.Field, name protoreflect.FullName) (protoreflect.Value, error) {
	kind := o.fields[name]
	if kind == nil {
		return protoreflect.Value{}, nil
	}
	data, err := proto.Marshal(field.Desc.Options())
	if err != nil {
		return protoreflect.Value{}, err
	}
	var options descriptorpb.FieldOptions
	if err := (proto.UnmarshalOptions{Resolver: &o.types}).Unmarshal(data, &options); err != nil {
		return protoreflect.Value{}, fmt.Errorf("%s: %w", field.Desc.FullName(), err)
	}
	if !options.ProtoReflect().Has(kind.TypeDescriptor()) {
		return protoreflect.Value{}, nil
	}
	return options.ProtoReflect().Get(kind.TypeDescriptor()), nil
}

// isAlways reports whether a field with presence is always there.
func (o *operations) isAlways(field *protogen.Field) (bool, error) {
	value, err := o.fieldOption(field, alwaysOption)
	return value.IsValid() && value.Bool(), err
}

// values returns the values that a text has; none if it has any.
func (o *operations) values(field *protogen.Field) ([]string, error) {
	value, err := o.fieldOption(field, valuesOption)
	if err != nil || !value.IsValid() {
		return nil, err
	}
	var values []string
	for i := range value.List().Len() {
		values = append(values, value.List().Get(i).String())
	}
	return values, nil
}

// setOf returns the name of the enum for the values of a field; empty if the field has no
// set of values. Fields of one name with the same values share the enum, which is nested in
// the message of the first: Key.Environment.
func (n *names) setOf(field *protogen.Field) (string, error) {
	values, err := n.options.values(field)
	if err != nil || len(values) == 0 {
		return "", err
	}
	id := setID(field, values)
	if name, known := n.sets[id]; known {
		return name, nil
	}
	name := n.swift[field.Parent.Desc.FullName()] + "." + setName(field)
	if other, taken := n.proto[name]; taken {
		return "", fmt.Errorf("%s and the values of %s: both become %s", other, field.Desc.FullName(), name)
	}
	n.proto[name], n.sets[id] = field.Desc.FullName(), name
	return name, nil
}

func setID(field *protogen.Field, values []string) string {
	return setName(field) + " " + strings.Join(values, " ")
}

// setName returns Scope for the values of scopes.
func setName(field *protogen.Field) string {
	name := upperCamel(string(field.Desc.Name()))
	if field.Desc.IsList() {
		name = strings.TrimSuffix(name, "s")
	}
	return typeName(name, "Value")
}

// addSets names the enums of a message's values and those of its nested messages.
func (n *names) addSets(messages []*protogen.Message) error {
	for _, message := range messages {
		for _, field := range message.Fields {
			if _, err := n.setOf(field); err != nil {
				return err
			}
		}
		if err := n.addSets(message.Messages); err != nil {
			return err
		}
	}
	return nil
}

// sets writes the enums of the values whose first field is in a message.
func (f *file) sets(message *protogen.Message) error {
	for _, field := range message.Fields {
		values, err := f.names.options.values(field)
		if err != nil {
			return err
		}
		if len(values) == 0 || f.names.proto[f.names.sets[setID(field, values)]] != field.Desc.FullName() {
			continue
		}
		f.gap()
		f.comment(field.Comments)
		f.block("public enum "+setName(field)+": TextValue", func() { f.set(values) })
	}
	return nil
}

func (f *file) set(values []string) {
	cases := textCases(values)
	for _, name := range cases {
		f.line("case %s", quoted(name))
	}
	f.line("/// A text that this version has no name for.")
	f.line("case unrecognized(String)")
	f.gap()
	f.line("@inline(never)")
	f.block("public init(rawValue: String)", func() {
		f.line(`let values: StaticString = """`)
		for _, value := range values {
			f.line("  %s", value)
		}
		f.line(`  """`)
		f.line("switch MessageTable.place(of: rawValue, in: values) {")
		for i, name := range cases {
			f.line("case %d: self = .%s", i, quoted(name))
		}
		f.line("default: self = .unrecognized(rawValue)")
		f.line("}")
	})
	f.gap()
	f.line("@inline(never)")
	f.block("public var rawValue: String", func() {
		f.line("switch self {")
		for i, name := range cases {
			f.line("case .%s: %q", quoted(name), values[i])
		}
		f.line("case .unrecognized(let text): text")
		f.line("}")
	})
}

// textCases returns the case for each value: usersRead for users:read, hs256 for HS256.
func textCases(values []string) []string {
	cases := make([]string, len(values))
	for i, value := range values {
		words := strings.FieldsFunc(value, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		cases[i] = lowerCamel(strings.Join(words, "_"))
		if slices.Contains(reservedCases, cases[i]) || slices.Contains(cases[:i], cases[i]) {
			cases[i] += "Value"
		}
	}
	return cases
}
