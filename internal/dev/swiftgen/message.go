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
	conformances := "Message"
	redacting := slices.ContainsFunc(properties, func(p property) bool { return p.redacted })
	if redacting {
		conformances = "Message, Redacting"
	}
	f.comment(message.Comments)
	name := lastPart(f.names.swift[message.Desc.FullName()])
	f.block("public struct "+name+": "+conformances, func() {
		f.line("public static let messageName = %q", message.Desc.FullName())
		f.gap()
		f.storedProperties(properties)
		f.initializers(properties)
		f.gap()
		f.decoder(properties)
		f.gap()
		f.encoder(properties)
		if redacting {
			f.gap()
			f.mirror(properties)
		}
		err = f.nested(message)
	})
	return err
}

// nested writes the oneofs, enums and messages nested in a message.
func (f *file) nested(message *protogen.Message) error {
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

// initializers writes the initializer without arguments and the one with all fields.
func (f *file) initializers(properties []property) {
	f.line("public init() {}")
	if len(properties) == 0 {
		return
	}
	f.gap()
	var parameters []string
	for _, p := range properties {
		parameters = append(parameters, fmt.Sprintf("%s: %s = %s", quoted(p.name), p.kind, p.initial))
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
}

func (f *file) decoder(properties []property) {
	f.block("public init(from decoder: any Decoder) throws", func() {
		f.line("self.init()")
		if len(properties) == 0 {
			f.line("_ = try FieldReader(decoder)")
			return
		}
		f.line("let reader = try FieldReader(decoder)")
		for _, p := range properties {
			if p.field != nil {
				f.call("try reader.read(", append([]string{"&" + reference(p.name)}, jsonNames(p.field)...)...)
				continue
			}
			for _, member := range p.oneof.Fields {
				arguments := append([]string{"&" + reference(p.name)}, jsonNames(member)...)
				member := fmt.Sprintf("as: %s.%s", oneofName(p.oneof), quoted(memberName(member)))
				f.call("try reader.read(", append(arguments, member)...)
			}
		}
	})
}

func (f *file) encoder(properties []property) {
	f.block("public func encode(to encoder: any Encoder) throws", func() {
		if len(properties) == 0 {
			f.line("_ = FieldWriter(encoder)")
			return
		}
		f.line("var writer = FieldWriter(encoder)")
		for _, p := range properties {
			if p.field != nil {
				f.call("try writer.write(", reference(p.name), fmt.Sprintf("%q", p.field.Desc.JSONName()))
				continue
			}
			f.line("switch %s {", reference(p.name))
			for _, member := range p.oneof.Fields {
				f.line("case .%s(let value)?:", quoted(memberName(member)))
				f.call("  try writer.write(", "member: value", fmt.Sprintf("%q", member.Desc.JSONName()))
			}
			f.line("case nil: break")
			f.line("}")
		}
	})
}

// mirror writes the mirror that printing, dumping and reflection use.
func (f *file) mirror(properties []property) {
	f.block("public var customMirror: Mirror", func() {
		var children []string
		for _, p := range properties {
			value := reference(p.name)
			switch {
			case p.redacted && strings.HasSuffix(p.kind, "?"):
				value += ".map { _ in Redacted() } as Any"
			case p.redacted:
				value = "Redacted()"
			case strings.HasSuffix(p.kind, "?"):
				value += " as Any"
			}
			children = append(children, fmt.Sprintf("%q: %s", p.name, value))
		}
		f.line("Mirror(")
		f.line("  self,")
		f.depth++
		f.list("children: [", children, ",", "])")
		f.depth--
	})
}

// call writes a call, on several lines if it does not fit on one.
func (f *file) call(head string, arguments ...string) {
	all := strings.Join(arguments, ", ") + ")"
	switch {
	case 2*f.depth+len(head)+len(all) <= lineLength:
		f.line("%s%s", head, all)
	case 2*f.depth+2+len(all) <= lineLength:
		f.line("%s", head)
		f.line("  %s", all)
	default:
		f.line("%s", head)
		f.line("  %s)", strings.Join(arguments, ",\n"+strings.Repeat("  ", f.depth+1)))
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

// reference returns the expression by which a message's own code refers to a property.
func reference(name string) string {
	if slices.Contains([]string{"reader", "writer", "decoder", "encoder", "value"}, name) {
		return "self." + name
	}
	return quoted(name)
}

func lastPart(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}
