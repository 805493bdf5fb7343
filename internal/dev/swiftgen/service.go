package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
)

func clientName(service *protogen.Service) string {
	return typeName(string(service.Desc.Name()), "Service") + "Client"
}

// method is a method with its Swift names.
type method struct {
	proto         *protogen.Method
	name          string
	input, output string
	descriptor    []string // the arguments of its MethodDescriptor
	pages         *paging  // nil if it does not return pages
}

// parameter returns the type of the request, with a default value if its initializer needs
// no argument.
func (f *file) parameter(m method) (string, error) {
	if m.proto.Input.Desc.ParentFile().Package() == "google.protobuf" {
		return m.input, nil
	}
	properties, err := f.names.properties(m.proto.Input)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(properties, func(p property) bool { return p.required }) {
		return m.input, nil
	}
	return m.input + " = " + m.input + "()", nil
}

// service writes a service's client.
func (f *file) service(service *protogen.Service) error {
	methods, err := f.methods(service)
	if err != nil {
		return err
	}
	f.comment(service.Comments)
	if len(methods) < len(service.Methods) {
		f.documentation("")
		f.documentation("The streaming methods are left out.")
	}
	f.block("public struct "+clientName(service)+": Sendable", func() {
		f.line("/// Describes the methods to a transport.")
		f.block("public enum Method", func() {
			for _, m := range methods {
				f.line("%s", onUse)
				f.block("public static var "+quoted(m.name)+": MethodDescriptor", func() {
					f.list("MethodDescriptor(", m.descriptor, "", ")")
				})
			}
		})
		f.gap()
		f.line("@usableFromInline let transport: SharedTransport")
		f.gap()
		f.block("public init(transport: any UnaryTransport)", func() {
			f.line("self.transport = SharedTransport(transport)")
		})
		for _, m := range methods {
			f.gap()
			err = f.method(m)
			if err != nil {
				return
			}
		}
	})
	return err
}

// method writes a method, and the one that iterates over its pages.
func (f *file) method(m method) error {
	f.comment(m.proto.Comments)
	f.line("%s", onUse)
	head := fmt.Sprintf("public var %s: Call<%s, %s>", quoted(m.name), m.input, m.output)
	if 2*f.depth+len(head)+len(" {") > lineLength {
		f.line("public var %s:", quoted(m.name))
		f.line("  Call<")
		f.line("    %s,", m.input)
		f.line("    %s", m.output)
		f.line("  >")
		head = " "
	}
	f.block(strings.TrimSpace(head), func() { f.line("Call(Method.%s, transport.base)", quoted(m.name)) })
	if m.pages != nil {
		parameter, err := f.parameter(m)
		if err != nil {
			return err
		}
		f.gap()
		f.pagedSequence(m, parameter)
	}
	return nil
}

// methods returns the unary methods of a service.
func (f *file) methods(service *protogen.Service) ([]method, error) {
	var result []method
	for _, m := range service.Methods {
		if m.Desc.IsStreamingClient() || m.Desc.IsStreamingServer() {
			continue
		}
		input, err := f.names.messageTypeOf(m.Input)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Desc.FullName(), err)
		}
		output, err := f.names.messageTypeOf(m.Output)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Desc.FullName(), err)
		}
		pages, err := f.pagingOf(m)
		if err != nil {
			return nil, err
		}
		descriptor, err := f.descriptor(m)
		if err != nil {
			return nil, err
		}
		result = append(result, method{m, lowerCamel(string(m.Desc.Name())), input, output, descriptor, pages})
	}
	return result, nil
}

// descriptor returns the arguments of a method's MethodDescriptor.
func (f *file) descriptor(m *protogen.Method) ([]string, error) {
	arguments := []string{fmt.Sprintf(`procedure: "%s/%s"`, m.Parent.Desc.FullName(), m.Desc.Name())}
	options, _ := m.Desc.Options().(*descriptorpb.MethodOptions)
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		arguments = append(arguments, "idempotency: .noSideEffects")
	case descriptorpb.MethodOptions_IDEMPOTENT:
		arguments = append(arguments, "idempotency: .idempotent")
	}
	operation, err := f.operations.arguments(m)
	return append(arguments, operation...), err
}
