package main

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
)

// oneof writes the enum for a oneof.
func (f *file) oneof(oneof *protogen.Oneof) error {
	redacting := slices.ContainsFunc(oneof.Fields, isSecret)
	conformances := "Hashable, Sendable"
	if redacting {
		conformances += ", Redacting"
	}
	head := "public enum "
	all := !slices.ContainsFunc(oneof.Fields, func(member *protogen.Field) bool { return !containsItself(member) })
	if all {
		head = "public indirect enum "
	}
	var err error
	f.comment(oneof.Comments)
	f.block(head+oneofName(oneof)+": "+conformances, func() {
		for _, member := range oneof.Fields {
			kind, e := f.names.elementType(member)
			if e != nil {
				err = e
				return
			}
			indirect := ""
			if !all && containsItself(member) {
				indirect = "indirect "
			}
			f.comment(member.Comments)
			f.line("%scase %s(%s)", indirect, quoted(memberName(member)), plainType(kind))
		}
		if redacting {
			f.gap()
			f.oneofMirror(oneof)
		}
	})
	return err
}

func (f *file) oneofMirror(oneof *protogen.Oneof) {
	f.block("public var customMirror: Mirror", func() {
		f.line("switch self {")
		for _, member := range oneof.Fields {
			binding, value := "(let value)", "value"
			if isSecret(member) {
				binding, value = "", "Redacted()"
			}
			f.line("case .%s%s:", quoted(memberName(member)), binding)
			f.line("  Mirror(self, children: [%q: %s])", memberName(member), value)
		}
		f.line("}")
	})
}

// memberName returns the case for a member of a oneof.
func memberName(member *protogen.Field) string {
	name := propertyName(member.Desc.Name())
	if name == "none" {
		return fmt.Sprintf("%sField", name)
	}
	return name
}
