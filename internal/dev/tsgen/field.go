package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// scalars has the TypeScript type of each supported kind, and its mark in a table.
var scalars = map[protoreflect.Kind][2]string{
	protoreflect.StringKind: {"string", ""},
	protoreflect.BoolKind:   {"boolean", "="},
	protoreflect.Int32Kind:  {"number", "#"},
	protoreflect.Int64Kind:  {"number", "#"},
	protoreflect.DoubleKind: {"number", "%"},
}

// supported refuses a field that the runtime cannot read or write.
func supported(field *protogen.Field, request bool) error {
	wrong := ""
	switch kind := field.Desc.Kind(); {
	case field.Desc.ParentFile().Syntax() != protoreflect.Proto3:
		wrong = "only proto3 is supported"
	case field.Desc.IsMap():
		wrong = "maps are not supported"
	case field.Oneof != nil && !field.Oneof.Desc.IsSynthetic():
		wrong = "oneofs are not supported"
	case field.Message != nil:
		if wellKnown(field.Message) && !isTime(field) && !(isMask(field) && request) {
			wrong = fmt.Sprintf("%s is not supported here", field.Message.Desc.FullName())
		}
	case kind == protoreflect.Int64Kind && request:
		wrong = "int64 is not supported in requests, where a number cannot hold it"
	case scalars[kind][0] == "":
		wrong = fmt.Sprintf("%s is not supported", kind)
	}
	if wrong != "" {
		return fmt.Errorf("%s: %s", field.Desc.FullName(), wrong)
	}
	return nil
}

func isTime(field *protogen.Field) bool {
	return field.Message != nil && field.Message.Desc.FullName() == "google.protobuf.Timestamp"
}

func isRedacted(field *protogen.Field) bool {
	return field.Desc.Options().(*descriptorpb.FieldOptions).GetDebugRedact()
}

// isSecret reports whether a member of a response is a credential.
func (g *generator) isSecret(field *protogen.Field) bool {
	return isRedacted(field) && field.Desc.Kind() == protoreflect.StringKind && g.responses[field.Parent] && !g.requests[field.Parent]
}

func isMask(field *protogen.Field) bool {
	return field.Message != nil && field.Message.Desc.FullName() == "google.protobuf.FieldMask"
}

// member returns a member of an interface.
func (g *generator) member(field *protogen.Field, values []string, request bool) (string, error) {
	always, err := g.options.always(field)
	if err != nil {
		return "", err
	}
	kind := scalars[field.Desc.Kind()][0]
	switch {
	case isTime(field) && request:
		kind = "Date | string"
	case isTime(field):
		kind = "Date"
	case field.Message != nil:
		kind = g.interfaceName(field.Message, request)
	case g.isSecret(field):
		kind = "Secret"
	case values != nil && request:
		kind = union(values)
	case values != nil:
		kind = union(values) + " | (string & {})"
	}
	list := field.Desc.IsList()
	if list {
		if strings.Contains(kind, " ") {
			kind = "(" + kind + ")"
		}
		kind += "[]"
		if request {
			kind = "readonly " + kind
		}
	}
	name := field.Desc.JSONName()
	// A request needs its messages and times that are always there, and every text that
	// has no presence; a list is needed if its message has nothing else to say.
	needed := always || field.Desc.Kind() == protoreflect.StringKind && !field.Desc.HasPresence() && !list
	switch {
	case request && !needed:
		return name + "?: " + kind + " | null | undefined", nil
	case !request && !list && field.Desc.HasPresence() && !always:
		return name + ": " + kind + " | null", nil
	}
	return name + ": " + kind, nil
}

// table returns the members of a message: each is its name and its marks, which wire.ts
// explains. It writes a line of each message that they hold before, once for each service; a
// member has the number of that line.
func (g *generator) table(message *protogen.Message) (string, error) {
	masked := slices.ContainsFunc(message.Fields, isMask)
	var members []string
	for _, field := range message.Fields {
		always, err := g.options.always(field)
		if err != nil {
			return "", err
		}
		member := field.Desc.JSONName() + marks(field, always, masked, g.isSecret(field))
		if field.Message != nil && !wellKnown(field.Message) {
			number, err := g.held(field.Message)
			if err != nil {
				return "", err
			}
			member += strconv.Itoa(number)
		}
		members = append(members, member)
	}
	return strings.Join(members, " "), nil
}

// held returns the number of the line of a message that others hold, and writes that the
// first time.
func (g *generator) held(message *protogen.Message) (int, error) {
	const begun = -1
	number, known := g.tables[message]
	switch {
	case number == begun:
		return 0, fmt.Errorf("%s: a message that holds itself is not supported", message.Desc.FullName())
	case known:
		return number, nil
	case len(message.Fields) == 0:
		return 0, fmt.Errorf("%s: a message without members is not supported in another", message.Desc.FullName())
	}
	g.tables[message] = begun
	members, err := g.table(message)
	if err != nil {
		return 0, err
	}
	g.line("%s", members)
	g.tables[message] = g.numbered
	g.numbered++
	return g.tables[message], nil
}

// marks returns what a table says of a member behind its name. An update mask names the
// members that can be cleared or left out, except for the proof of who makes the call.
func marks(field *protogen.Field, always, masked, secret bool) string {
	kind := scalars[field.Desc.Kind()][1]
	switch {
	case secret:
		kind = "$"
	case isMask(field):
		return "~"
	case isTime(field):
		kind = "@"
	case field.Message != nil:
		kind = ">"
	}
	switch {
	case field.Desc.IsList():
		return kind + "*"
	case always:
	case field.Desc.HasPresence() && masked && isRedacted(field):
		return kind + "-"
	case field.Desc.HasPresence():
		return kind + "?"
	}
	return kind
}
