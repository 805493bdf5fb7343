package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// message writes a message and its nested types.
func (f *file) message(message *protogen.Message) error {
	properties, err := f.names.properties(message)
	if err != nil {
		return err
	}
	if err := f.checkShadows(message, properties); err != nil {
		return err
	}
	f.comment(message.Comments)
	name := lastPart(f.names.swift[message.Desc.FullName()])
	f.block("public struct "+name+": "+f.conformances(message, properties), func() {
		f.line("public static let messageName = %q", message.Desc.FullName())
		f.gap()
		f.storedProperties(properties)
		f.initializers(properties)
		f.gap()
		if err = f.table(name, properties); err == nil {
			err = f.nested(message)
		}
	})
	return err
}

func (f *file) conformances(message *protogen.Message, properties []property) string {
	list := "GeneratedMessage"
	isObject := !f.names.inputs[message.Desc.FullName()]
	if isObject && slices.ContainsFunc(properties, func(p property) bool { return p.name == "id" && p.kind == "String" }) {
		list += ", Identifiable"
	}
	if slices.ContainsFunc(properties, func(p property) bool { return p.redacted }) {
		list += ", Redacting"
	}
	return list
}

// nested writes the sets of values, oneofs, enums and messages nested in a message.
func (f *file) nested(message *protogen.Message) error {
	if err := f.sets(message); err != nil {
		return err
	}
	for _, oneof := range message.Oneofs {
		if oneof.Desc.IsSynthetic() {
			continue
		}
		f.gap()
		if err := f.oneof(oneof); err != nil {
			return err
		}
	}
	for _, enum := range message.Enums {
		f.gap()
		f.enum(enum)
	}
	for _, inner := range message.Messages {
		if inner.Desc.IsMapEntry() {
			continue
		}
		f.gap()
		if err := f.message(inner); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) storedProperties(properties []property) {
	for _, p := range properties {
		if p.field != nil {
			f.comment(p.field.Comments)
		} else {
			f.comment(p.oneof.Comments)
		}
		head := "public var " + quoted(p.name)
		if p.boxed {
			head = "@Boxed " + head
		}
		if strings.HasSuffix(p.kind, "?") {
			f.line("%s: %s", head, p.kind)
		} else {
			f.line("%s: %s = %s", head, p.kind, p.initial)
		}
	}
	f.gap()
}

// initializers writes the initializer with all fields, and the one that leaves all of them
// at their defaults.
func (f *file) initializers(properties []property) {
	var parameters []string
	for _, p := range properties {
		parameter := quoted(p.name) + ": " + p.kind
		if !p.required {
			parameter += " = " + p.initial
		}
		parameters = append(parameters, parameter)
	}
	f.list("public init(", parameters, "", ") {")
	f.depth++
	for _, p := range properties {
		name := quoted(p.name)
		if 2*f.depth+len("self. = ")+2*len(name) <= lineLength {
			f.line("self.%s = %s", name, name)
		} else {
			f.line("self.%s =", name)
			f.line("  %s", name)
		}
	}
	f.depth--
	f.line("}")
	f.gap()
	f.line("public init(defaults: Void) {}")
}

// table writes the rows by which the message is read and written.
func (f *file) table(name string, properties []property) error {
	if len(properties) == 0 {
		f.line("public static let fields: [Field<%s>] = []", name)
		return nil
	}
	f.line("public static let fields: [Field<%s>] = [", name)
	f.depth++
	f.comma = ","
	if len(properties) == 1 && (properties[0].oneof == nil || len(properties[0].oneof.Fields) == 1) {
		f.comma = "" // as swift-format has it
	}
	for _, p := range properties {
		if p.field == nil {
			if err := f.members(p); err != nil {
				return err
			}
			continue
		}
		arguments := []string{`\.` + quoted(p.name)}
		if p.key != "" {
			arguments = append(arguments, p.key+".self")
		}
		arguments = append(append(arguments, p.wire+".self"), jsonNames(p.field)...)
		if p.redacted {
			arguments = append(arguments, "secret: true")
		}
		f.row("."+p.row+"(", arguments...)
	}
	f.depth--
	f.line("]")
	return nil
}

// members writes a row for each member of a oneof.
func (f *file) members(p property) error {
	for _, member := range p.oneof.Fields {
		kind, err := f.names.elementType(member)
		if err != nil {
			return err
		}
		oneof, name := oneofName(p.oneof), quoted(memberName(member))
		take := fmt.Sprintf("{ if case .%s(let value) = $0 { value } else { nil } }", name)
		f.row(".member(", append([]string{
			`\.` + quoted(p.name), "{ " + oneof + "." + name + "($0) }", take, kind + ".self", fmt.Sprintf("of: %q", p.name),
		}, jsonNames(member)...)...)
	}
	return nil
}

// row writes a row of a table, on several lines if it does not fit on one.
func (f *file) row(head string, arguments ...string) {
	all := strings.Join(arguments, ", ")
	switch {
	case 2*f.depth+len(head)+len(all)+len("),") <= lineLength:
		f.line("%s%s)%s", head, all, f.comma)
	case 2*f.depth+2+len(all)+len("),") <= lineLength:
		f.line("%s", head)
		f.line("  %s)%s", all, f.comma)
	default:
		f.line("%s", head)
		f.line("  %s)%s", strings.Join(arguments, ",\n"+strings.Repeat("  ", f.depth+1)), f.comma)
	}
}

// checkShadows refuses a message in which a nested type hides a type that the
// message or one of its nested messages uses.
func (f *file) checkShadows(message *protogen.Message, properties []property) error {
	own := f.names.swift[message.Desc.FullName()]
	for _, p := range properties {
		fields := []*protogen.Field{p.field}
		if p.oneof != nil {
			fields = p.oneof.Fields
		}
		for _, field := range fields {
			kind, err := f.names.elementType(valueField(field))
			if err != nil {
				return err
			}
			root, _, _ := strings.Cut(kind, ".")
			for scope := own; ; scope = scope[:strings.LastIndexByte(scope, '.')] {
				if _, hidden := f.names.proto[scope+"."+root]; hidden {
					return fmt.Errorf("%s: the nested type %s.%s hides its type %s",
						field.Desc.FullName(), scope, root, kind)
				}
				if !strings.Contains(scope, ".") {
					break
				}
			}
		}
	}
	return nil
}

// jsonNames returns the names under which a field is read: its JSON name, and its
// proto name if that differs.
func jsonNames(field *protogen.Field) []string {
	names := []string{fmt.Sprintf("%q", field.Desc.JSONName())}
	if name := string(field.Desc.Name()); name != field.Desc.JSONName() {
		names = append(names, fmt.Sprintf("%q", name))
	}
	return names
}

func lastPart(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}

// call writes a call, on several lines if it does not fit on one.
func (f *file) call(head string, arguments ...string) {
	f.line("%s", head)
	f.line("  %s)", strings.Join(arguments, ",\n"+strings.Repeat("  ", f.depth+1)))
}
