package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
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
		if err = f.table(message, properties); err != nil {
			return
		}
		f.line("public let slots: Slots")
		f.gap()
		f.line("public init(slots: Slots) { self.slots = slots }")
		f.gap()
		if err = f.properties(properties); err != nil {
			return
		}
		f.initializer(properties)
		err = f.nested(message)
	})
	return err
}

func (f *file) conformances(message *protogen.Message, properties []property) string {
	list := "Message"
	isObject := !f.names.inputs[message.Desc.FullName()]
	if isObject && !f.names.outputs[message.Desc.FullName()] {
		list = "GeneratedObject"
	}
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

// onUse marks what is compiled where it is used, and not for each message.
const onUse = "@_alwaysEmitIntoClient"

// properties writes the properties, which read and write the slots of their fields.
func (f *file) properties(properties []property) error {
	slot := 0
	for _, p := range properties {
		if p.field == nil {
			if err := f.oneofProperty(p, slot); err != nil {
				return err
			}
			slot += len(p.oneof.Fields)
			continue
		}
		f.comment(p.field.Comments)
		f.line("%s", onUse)
		f.block("public var "+quoted(p.name)+": "+p.kind, func() {
			access := fmt.Sprintf("[%s: %d, %s.self]", p.access(), slot, p.wire)
			if p.key != "" {
				access = fmt.Sprintf("[map: %d, %s.self, %s.self]", slot, p.key, p.wire)
			}
			f.accessor("get", "slots"+access)
			f.accessor("set", "editable"+access+" = newValue")
		})
		f.gap()
		slot++
	}
	return nil
}

// accessor writes an accessor, on one line if it fits.
func (f *file) accessor(name, body string) {
	if line := name + " { " + body + " }"; 2*f.depth+len(line) <= lineLength {
		f.line("%s", line)
		return
	}
	f.block(name, func() { f.line("%s", body) })
}

// oneofProperty writes the property of a oneof, whose members have slots of their own.
func (f *file) oneofProperty(p property, slot int) error {
	f.comment(p.oneof.Comments)
	f.line("%s", onUse)
	var err error
	f.block("public var "+quoted(p.name)+": "+p.kind, func() {
		f.block("get", func() {
			for i, member := range p.oneof.Fields {
				kind, e := f.names.elementType(member)
				if e != nil {
					err = e
					return
				}
				f.line("if let value = slots[maybe: %d, %s.self] { return .%s(value) }", slot+i, kind, quoted(memberName(member)))
			}
			f.line("return nil")
		})
		f.block("set", func() {
			f.line("editable.clear(%d...%d)", slot, slot+len(p.oneof.Fields)-1)
			f.line("guard let newValue else { return }")
			f.line("switch newValue {")
			for i, member := range p.oneof.Fields {
				kind, e := f.names.elementType(member)
				if e != nil {
					err = e
					return
				}
				f.line("case .%s(let value): editable[maybe: %d, %s.self] = value", quoted(memberName(member)), slot+i, kind)
			}
			f.line("}")
		})
	})
	f.gap()
	return err
}

// initializer writes the initializer with all fields.
func (f *file) initializer(properties []property) {
	var parameters []string
	for _, p := range properties {
		parameter := quoted(p.name) + ": " + p.kind
		if !p.required {
			parameter += " = " + p.initial
		}
		parameters = append(parameters, parameter)
	}
	f.line("%s", onUse)
	f.list("public init(", parameters, "", ") {")
	f.depth++
	f.line("self.init(defaults: ())")
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
}

// table writes the table by which the message is read, written and shown.
func (f *file) table(message *protogen.Message, properties []property) error {
	var err error
	f.line("%s", onUse)
	f.block("public static var table: MessageTable", func() { err = f.tableOf(message, properties) })
	f.gap()
	return err
}

// tableOf writes the call that returns the table.
func (f *file) tableOf(message *protogen.Message, properties []property) error {
	if len(properties) == 0 {
		f.line(".of(%q)", message.Desc.FullName())
		return nil
	}
	types := map[string][]string{}
	f.line(".of(")
	f.depth++
	f.line(`"""`)
	f.line("%s", message.Desc.FullName())
	for _, p := range properties {
		if p.field != nil {
			f.row(types, p.row, p.field, p.key, p.wire, "", p.redacted)
			continue
		}
		for _, member := range p.oneof.Fields {
			kind, err := f.names.elementType(member)
			if err != nil {
				return err
			}
			f.row(types, "member", member, "", kind, p.name, isSecret(member))
		}
	}
	end := `"""`
	for _, list := range []string{"messages", "others"} {
		if len(types[list]) > 0 {
			f.line("%s,", end)
			end = list + ": { [" + strings.Join(types[list], ", ") + "] }"
			if 2*f.depth+len(end)+1 > lineLength {
				f.line("%s: {", list)
				f.line("  [")
				f.line("    %s,", strings.Join(types[list], ",\n"+strings.Repeat("  ", f.depth+2)))
				f.line("  ]")
				end = "}"
			}
		}
	}
	f.line("%s)", end)
	f.depth--
	return nil
}

// row writes a line of a table. It collects the types that the line only calls message or
// other.
func (f *file) row(types map[string][]string, shape string, field *protogen.Field, key, wire, oneof string, secret bool) {
	kind := func(swift string, of *protogen.Field) string {
		if kind, known := kinds[swift]; known {
			return kind
		}
		switch _, wellKnown := wellKnown[typeNameOf(of)]; {
		case of.Message != nil && !wellKnown:
			types["messages"] = append(types["messages"], swift+".self")
			return "message"
		case of.Desc.Kind() == protoreflect.StringKind:
			return "string"
		}
		types["others"] = append(types["others"], swift+".self")
		return "other"
	}
	words := []string{shape, strings.Join(jsonNames(field), "/")}
	if key != "" {
		words = append(words, kind(key, field.Message.Fields[0]))
	}
	words = append(words, kind(wire, valueField(field)))
	if oneof != "" {
		words = append(words, "of", oneof)
	}
	if secret {
		words = append(words, "secret")
	}
	line := strings.Join(words, " ")
	if 2*f.depth+len(line) > lineLength {
		line = strings.Replace(line, "/", "/\\\n"+strings.Repeat("  ", f.depth), 1)
	}
	f.line("%s", line)
}

// kinds maps the types that tables know to their names there.
var kinds = map[string]string{
	"Bool": "bool", "String": "string", "Double": "double", "Int32": "int32", "Int64": "int64", "UInt32": "uint32",
	"Protobuf.Timestamp": "time",
}

// typeNameOf returns the full name of the message or enum of a field; empty for a scalar.
func typeNameOf(field *protogen.Field) protoreflect.FullName {
	switch {
	case field.Message != nil:
		return field.Message.Desc.FullName()
	case field.Enum != nil:
		return field.Enum.Desc.FullName()
	}
	return ""
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
	names := []string{field.Desc.JSONName()}
	if name := string(field.Desc.Name()); name != field.Desc.JSONName() {
		names = append(names, name)
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
