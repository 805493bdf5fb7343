package main

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// enum writes an enum. A second name for a number becomes a constant.
func (f *file) enum(enum *protogen.Enum) {
	names := caseNames(enum)
	first := map[protoreflect.EnumNumber]string{}
	f.comment(enum.Comments)
	name := f.names.swift[enum.Desc.FullName()]
	f.block("public enum "+lastPart(name)+": EnumValue", func() {
		for i, value := range enum.Values {
			f.comment(value.Comments)
			if other, taken := first[value.Desc.Number()]; taken {
				f.line("public static let %s = Self.%s", quoted(names[i]), quoted(other))
				continue
			}
			first[value.Desc.Number()] = names[i]
			f.line("case %s", quoted(names[i]))
		}
		f.line("/// A number that this version has no name for.")
		f.line("case unrecognized(Int32)")
		f.gap()
		f.schemaNames(enum)
		f.gap()
		f.rawValue(enum, names)
	})
}

func (f *file) schemaNames(enum *protogen.Enum) {
	f.line("public static let schemaNames: KeyValuePairs<String, Int32> = [")
	f.depth++
	for _, value := range enum.Values {
		f.line("%q: %d,", value.Desc.Name(), value.Desc.Number())
	}
	f.depth--
	f.line("]")
}

func (f *file) rawValue(enum *protogen.Enum, names []string) {
	each := func(write func(name string, number protoreflect.EnumNumber)) {
		seen := map[protoreflect.EnumNumber]bool{}
		for i, value := range enum.Values {
			if !seen[value.Desc.Number()] {
				write(quoted(names[i]), value.Desc.Number())
			}
			seen[value.Desc.Number()] = true
		}
	}
	f.block("public init(rawValue: Int32)", func() {
		f.line("switch rawValue {")
		each(func(name string, number protoreflect.EnumNumber) {
			f.line("case %d: self = .%s", number, name)
		})
		f.line("default: self = .unrecognized(rawValue)")
		f.line("}")
	})
	f.gap()
	f.block("public var rawValue: Int32", func() {
		f.line("switch self {")
		each(func(name string, number protoreflect.EnumNumber) {
			f.line("case .%s: %d", name, number)
		})
		f.line("case .unrecognized(let number): number")
		f.line("}")
	})
}
