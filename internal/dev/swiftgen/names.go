package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// names maps every message and enum of the module to its Swift name.
type names struct {
	swift map[protoreflect.FullName]string // nested types with their parents: Tree.Node
	proto map[string]protoreflect.FullName
	// options reads the options of fields.
	options *operations
	// sets maps a set of values to the name of its enum.
	sets map[string]string
	// inputs are the messages that methods take, outputs those that they return.
	inputs, outputs map[protoreflect.FullName]bool
}

func newNames(options *operations) *names {
	return &names{
		map[protoreflect.FullName]string{},
		map[string]protoreflect.FullName{},
		options,
		map[string]string{},
		map[protoreflect.FullName]bool{},
		map[protoreflect.FullName]bool{},
	}
}

// addFile names the types that a file declares. It refuses a file that is not proto3,
// has extensions, or declares a name that is taken.
func (n *names) addFile(file *protogen.File) error {
	if file.Desc.Syntax() != protoreflect.Proto3 {
		return fmt.Errorf("%s: only proto3 is supported, not %v", file.Desc.Path(), file.Desc.Syntax())
	}
	if len(file.Extensions) > 0 {
		return fmt.Errorf("%s: extensions are not supported", file.Desc.Path())
	}
	if err := n.addTypes("", file.Enums, file.Messages); err != nil {
		return err
	}
	for _, service := range file.Services {
		if err := n.add(clientName(service), service.Desc); err != nil {
			return err
		}
		for _, method := range service.Methods {
			n.inputs[method.Input.Desc.FullName()] = true
			n.outputs[method.Output.Desc.FullName()] = true
		}
	}
	return nil
}

func (n *names) addTypes(parent string, enums []*protogen.Enum, messages []*protogen.Message) error {
	for _, enum := range enums {
		if err := n.add(parent+typeName(string(enum.Desc.Name()), "Enum"), enum.Desc); err != nil {
			return err
		}
	}
	for _, message := range messages {
		if message.Desc.IsMapEntry() {
			continue
		}
		name := parent + typeName(string(message.Desc.Name()), "Message")
		if err := n.add(name, message.Desc); err != nil {
			return err
		}
		if len(message.Extensions) > 0 {
			return fmt.Errorf("%s: extensions are not supported", message.Desc.FullName())
		}
		if err := n.addTypes(name+".", message.Enums, message.Messages); err != nil {
			return err
		}
	}
	return nil
}

func (n *names) add(swift string, desc protoreflect.Descriptor) error {
	if other, taken := n.proto[swift]; taken {
		return fmt.Errorf("%s and %s: both become %s", other, desc.FullName(), swift)
	}
	n.proto[swift], n.swift[desc.FullName()] = desc.FullName(), swift
	return nil
}

// fileName returns the name of the Swift file for a proto file: user.pb.swift for
// openwearables/v1/user.proto. A Swift module cannot have two files of the same name;
// the ending .pb.swift avoids a clash with hand-written files. protoc and buf refuse two
// generated files of the same name.
func fileName(file *protogen.File) string {
	return strings.TrimSuffix(path.Base(file.Desc.Path()), ".proto") + ".pb.swift"
}

// typeName returns the last part of a type's name: the name in the proto, with a suffix
// if it would hide a type of Swift or of the runtime from generated code.
func typeName(name, suffix string) string {
	name = upperCamel(name)
	if slices.Contains(reservedTypes, name) {
		return name + suffix
	}
	return name
}

var reservedTypes = strings.Fields(`
	Any AnyObject Array Bool CaseIterable Codable CustomReflectable Data Date Decodable Decoder
	Dictionary Double Encodable Encoder Equatable Error Float Foundation Hashable Hasher Identifiable
	Int Int32 Int64 KeyValuePairs Mirror Never Optional Protocol RawRepresentable RawValue Self
	Sendable Set String Swift Type UInt32 UInt64 Void
	APIError Call CallOptions EnumValue FieldValue GeneratedObject Message MessageError MessageTable
	MethodDescriptor OtherValue OpenWearables PagedSequence Plain Protobuf Redacted Redacting
	Response ScalarValue SharedTransport Slot Slots TextField TextValue UnaryTransport
`)

// oneofName returns the name of the enum for a oneof.
func oneofName(oneof *protogen.Oneof) string {
	name := typeName(upperCamel(string(oneof.Desc.Name())), "Oneof")
	for _, enum := range oneof.Parent.Enums {
		if typeName(string(enum.Desc.Name()), "Enum") == name {
			return name + "Oneof"
		}
	}
	for _, message := range oneof.Parent.Messages {
		if typeName(string(message.Desc.Name()), "Message") == name {
			return name + "Oneof"
		}
	}
	return name
}

// propertyName returns the name of the property for a field or a oneof. It adds a suffix
// to names that Swift or the protocols of a message already use.
func propertyName(name protoreflect.Name) string {
	camel := lowerCamel(string(name))
	switch camel {
	case "self", "description", "debugDescription", "hashValue", "customMirror", "slots", "editable":
		return camel + "Field"
	}
	return camel
}

// caseNames returns the case for each value of an enum: running for SPORT_RUNNING of
// Sport. A value keeps its full name if it lacks the prefix, or if the rest is not a valid
// or not a unique name.
func caseNames(enum *protogen.Enum) []string {
	prefix := strings.ToUpper(snake(string(enum.Desc.Name()))) + "_"
	short := func(value *protogen.EnumValue) string {
		rest, found := strings.CutPrefix(string(value.Desc.Name()), prefix)
		name := lowerCamel(strings.ToLower(rest))
		if !found || rest == "" || rest[0] >= '0' && rest[0] <= '9' || slices.Contains(reservedCases, name) {
			return ""
		}
		return name
	}
	uses := map[string]int{}
	for _, value := range enum.Values {
		uses[short(value)]++
	}
	result := make([]string, len(enum.Values))
	for i, value := range enum.Values {
		result[i] = short(value)
		if result[i] == "" || uses[result[i]] > 1 {
			result[i] = lowerCamel(strings.ToLower(string(value.Desc.Name())))
		}
		if slices.Contains(reservedCases, result[i]) {
			result[i] += "Value"
		}
	}
	return result
}

// reservedCases are members that every generated enum has.
var reservedCases = []string{"unrecognized", "rawValue", "schemaNames", "self"}

// quoted returns an identifier as source text, in backquotes if it is a keyword.
func quoted(name string) string {
	if slices.Contains(keywords, name) {
		return "`" + name + "`"
	}
	return name
}

var keywords = strings.Fields(`
	associatedtype class deinit enum extension fileprivate func import init inout internal let open
	operator precedencegroup private protocol public rethrows static struct subscript typealias var
	break case catch continue default defer do else fallthrough for guard if in repeat return switch
	throw where while Any as await false is nil self Self super throws true try
`)

// lowerCamel returns userID for user_id, httpURL for http_url.
func lowerCamel(name string) string {
	words := strings.FieldsFunc(snake(name), func(r rune) bool { return r == '_' })
	for i, word := range words {
		switch {
		case i == 0:
		case slices.Contains(initialisms, word):
			words[i] = strings.ToUpper(word)
		default:
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

var initialisms = []string{"api", "http", "https", "id", "ip", "json", "url", "uri", "uuid"}

// upperCamel returns a name with an initial capital and without underscores.
func upperCamel(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// snake returns http_version for HTTPVersion.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' && (next || !unicode.IsUpper(runes[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
