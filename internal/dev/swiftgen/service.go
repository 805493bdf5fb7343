package main

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
)

func serviceName(service *protogen.Service) string {
	return typeName(string(service.Desc.Name()), "Service")
}

func clientName(service *protogen.Service) string { return serviceName(service) + "Client" }

// method is a method with its Swift names.
type method struct {
	proto         *protogen.Method
	name          string
	input, output string
	descriptor    []string // the arguments of its MethodDescriptor
	pages         *paging  // nil if it does not return pages
}

// parameter returns the type of the request, with a default value if all of its fields
// may be absent.
func (m method) parameter() string {
	for _, field := range m.proto.Input.Fields {
		if !field.Desc.HasPresence() && !field.Desc.IsList() && !field.Desc.IsMap() {
			return m.input
		}
	}
	return m.input + " = " + m.input + "()"
}

// service writes a service's protocol, an extension that all its implementations share,
// and the client.
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
	f.block("public protocol "+serviceName(service)+": Sendable", func() {
		for _, m := range methods {
			f.comment(m.proto.Comments)
			f.line("func %s(", quoted(m.name))
			f.line("  _ request: %s, options: CallOptions", m.input)
			f.line(") async throws -> Response<%s>", m.output)
			f.gap()
		}
	})
	f.gap()
	f.conveniences(service, methods)
	f.gap()
	f.client(service, methods)
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

// conveniences writes the methods without options and those that iterate over pages.
func (f *file) conveniences(service *protogen.Service, methods []method) {
	f.block("extension "+serviceName(service), func() {
		for _, m := range methods {
			f.line("/// ``%s(_:options:)`` with the default options.", m.name)
			f.line("public func %s(", quoted(m.name))
			f.line("  _ request: %s", m.parameter())
			f.block(fmt.Sprintf(") async throws -> Response<%s>", m.output), func() {
				f.line("try await %s(request, options: CallOptions())", quoted(m.name))
			})
			f.gap()
			if m.pages != nil {
				f.pagedSequence(m)
				f.gap()
			}
		}
	})
}

func (f *file) client(service *protogen.Service, methods []method) {
	f.line("/// Calls %s over a transport.", service.Desc.Name())
	f.block(fmt.Sprintf("public final class %s: %s", clientName(service), serviceName(service)), func() {
		f.line("/// Describes the methods to a transport.")
		f.block("public enum Method", func() {
			for _, m := range methods {
				f.list("public static let "+quoted(m.name)+" = MethodDescriptor(", m.descriptor, "", ")")
			}
		})
		f.gap()
		f.line("private let transport: any UnaryTransport")
		f.gap()
		f.block("public init(transport: any UnaryTransport)", func() {
			f.line("self.transport = transport")
		})
		for _, m := range methods {
			f.gap()
			f.line("public func %s(", quoted(m.name))
			f.line("  _ request: %s, options: CallOptions", m.input)
			f.block(fmt.Sprintf(") async throws -> Response<%s>", m.output), func() {
				f.line("try await transport.unary(Method.%s, request, options: options)", quoted(m.name))
			})
		}
	})
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
