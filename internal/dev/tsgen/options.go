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

const optionsPackage = "openwearables.v1."

// options reads the options of openwearables/v1/options.proto through reflection. The
// plugin cannot link their generated Go types, because buf deletes them before the
// plugin runs.
type options struct {
	types protoregistry.Types
}

func newOptions(files []*protogen.File) (*options, error) {
	o := &options{}
	for _, file := range files {
		for _, extension := range file.Extensions {
			if err := o.types.RegisterExtension(dynamicpb.NewExtensionType(extension.Desc)); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

// get returns the value of an option of a descriptor, invalid if no file declares it.
func (o *options) get(of protoreflect.Descriptor, name protoreflect.FullName, into proto.Message) (protoreflect.Value, error) {
	option, err := o.types.FindExtensionByName(optionsPackage + name)
	if err != nil {
		return protoreflect.Value{}, nil
	}
	data, err := proto.Marshal(of.Options())
	if err != nil {
		return protoreflect.Value{}, err
	}
	if err := (proto.UnmarshalOptions{Resolver: &o.types}).Unmarshal(data, into); err != nil {
		return protoreflect.Value{}, fmt.Errorf("%s: %w", of.FullName(), err)
	}
	return into.ProtoReflect().Get(option.TypeDescriptor()), nil
}

// always reports whether a message or a time is always there.
func (o *options) always(field *protogen.Field) (bool, error) {
	value, err := o.get(field.Desc, "always", &descriptorpb.FieldOptions{})
	return err == nil && value.IsValid() && value.Bool(), err
}

// values returns what a text can be, nil if it can be anything.
func (o *options) values(field *protogen.Field) ([]string, error) {
	value, err := o.get(field.Desc, "values", &descriptorpb.FieldOptions{})
	if err != nil || !value.IsValid() {
		return nil, err
	}
	var values []string
	for i := range value.List().Len() {
		values = append(values, value.List().Get(i).String())
	}
	return values, nil
}

// The flags of a method, as wire.ts reads them.
const (
	flagSafe = 1 << iota // it can be repeated
	flagKey              // each call has an Idempotency-Key
	flagOpen             // its credential is in its body
)

func (o *options) flags(method *protogen.Method) (int, error) {
	flags := 0
	level := method.Desc.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel()
	if level != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
		flags |= flagSafe
	}
	value, err := o.get(method.Desc, "operation", &descriptorpb.MethodOptions{})
	if err != nil || !value.IsValid() {
		return flags, err
	}
	operation := value.Message()
	fields := operation.Descriptor().Fields()
	if operation.Get(fields.ByName("idempotency_key")).Enum() == 1 {
		flags |= flagKey
	}
	if operation.Get(fields.ByName("proof")).Enum() == 1 {
		flags |= flagOpen
	}
	return flags, nil
}
