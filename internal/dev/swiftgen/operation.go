package main

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// operationOption is the one supported extension: a method option. No Swift is generated
// for the file that declares it, which may declare options of fields too.
const operationOption protoreflect.FullName = "openwearables.v1.operation"

// declaredOperation returns operationOption if the file declares it, else nil.
func declaredOperation(file *protogen.File) *protogen.Extension {
	for _, extension := range file.Extensions {
		if extension.Desc.FullName() == operationOption {
			return extension
		}
	}
	return nil
}

// operations reads operationOption through reflection. The plugin cannot link the
// generated Go type, because buf deletes it before the plugin runs.
type operations struct {
	declared *protogen.Extension // nil if no file declares it
	option   protoreflect.ExtensionType
	fields   map[protoreflect.FullName]protoreflect.ExtensionType
	types    protoregistry.Types
}

func newOperations(files []*protogen.File) (*operations, error) {
	for _, file := range files {
		if declared := declaredOperation(file); declared != nil {
			o := &operations{declared: declared, fields: map[protoreflect.FullName]protoreflect.ExtensionType{}}
			o.option = dynamicpb.NewExtensionType(o.declared.Desc)
			return o, o.registerAll(file)
		}
	}
	return &operations{}, nil
}

// registerAll makes the options of a file readable.
func (o *operations) registerAll(file *protogen.File) error {
	if err := o.types.RegisterExtension(o.option); err != nil {
		return err
	}
	for _, extension := range file.Extensions {
		if name := extension.Desc.FullName(); name == alwaysOption || name == valuesOption {
			o.fields[name] = dynamicpb.NewExtensionType(extension.Desc)
			if err := o.types.RegisterExtension(o.fields[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// arguments returns the arguments that a method's option adds to its MethodDescriptor.
// Members that are unset add none.
func (o *operations) arguments(method *protogen.Method) ([]string, error) {
	if o.declared == nil {
		return nil, nil
	}
	data, err := proto.Marshal(method.Desc.Options())
	if err != nil {
		return nil, err
	}
	var options descriptorpb.MethodOptions
	if err := (proto.UnmarshalOptions{Resolver: &o.types}).Unmarshal(data, &options); err != nil {
		return nil, fmt.Errorf("%s: %w", method.Desc.FullName(), err)
	}
	operation := options.ProtoReflect().Get(o.option.TypeDescriptor()).Message()
	var arguments []string
	for _, field := range o.declared.Message.Fields {
		if field.Enum == nil || !operation.Has(field.Desc) {
			continue
		}
		value := field.Enum.Desc.Values().ByNumber(operation.Get(field.Desc).Enum())
		if value == nil {
			return nil, fmt.Errorf("%s: %s has no such value", method.Desc.FullName(), field.Desc.FullName())
		}
		arguments = append(arguments, fmt.Sprintf("%s: .%s", propertyName(field.Desc.Name()), caseNames(field.Enum)[value.Index()]))
	}
	return arguments, nil
}
