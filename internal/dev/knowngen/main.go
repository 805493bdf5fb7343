// Command knowngen is a protoc plugin that writes the values of open sets, which the
// field option known of openwearables/v1/options.proto lists, as constants of one
// language: lang=go, lang=typescript or lang=swift.
package main

import (
	"flag"
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	var flags flag.FlagSet
	lang := flags.String("lang", "", "")
	protogen.Options{ParamFunc: flags.Set}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		sets, err := setsOf(plugin.Files)
		if err != nil || len(sets) == 0 {
			return err
		}
		of := sets[0].field.Desc.ParentFile()
		switch *lang {
		case "go":
			pkg := plugin.FilesByPath[of.Path()]
			return write(plugin, "known.go", goText(string(pkg.GoPackageName), sets), pkg.GoImportPath)
		case "typescript":
			return write(plugin, "known.ts", typescriptText(sets), "")
		case "swift":
			return write(plugin, "known.swift", swiftText(sets), "")
		default:
			return fmt.Errorf("knowngen: lang is %q: give lang=go, lang=typescript or lang=swift", *lang)
		}
	})
}

func write(plugin *protogen.Plugin, name, text string, of protogen.GoImportPath) error {
	_, err := plugin.NewGeneratedFile(name, of).Write([]byte(text))
	return err
}

// set is an open set of values.
type set struct {
	field  *protogen.Field // that lists them
	name   string          // such as WorkoutType
	values []string        // lower-case words with "_" between them
}

// setsOf returns the sets of all fields, in the order of the files.
func setsOf(files []*protogen.File) (sets []set, err error) {
	option := knownOption(files)
	if option == nil {
		return nil, nil
	}
	for _, file := range files {
		for _, message := range file.Messages {
			for _, field := range message.Fields {
				s, err := setOf(field, option)
				if err != nil {
					return nil, err
				}
				if s.name != "" {
					sets = append(sets, s)
				}
			}
		}
	}
	return sets, nil
}

// knownOption finds the option. The plugin reads it by reflection: its generated type
// is deleted before the plugin runs.
func knownOption(files []*protogen.File) protoreflect.ExtensionType {
	for _, file := range files {
		for _, extension := range file.Extensions {
			if extension.Desc.FullName() == "openwearables.v1.known" {
				return dynamicpb.NewExtensionType(extension.Desc)
			}
		}
	}
	return nil
}

func setOf(field *protogen.Field, option protoreflect.ExtensionType) (set, error) {
	data, err := proto.Marshal(field.Desc.Options())
	if err != nil {
		return set{}, err
	}
	var options descriptorpb.FieldOptions
	if err := (proto.UnmarshalOptions{Resolver: only{option}}).Unmarshal(data, &options); err != nil {
		return set{}, fmt.Errorf("%s: %w", field.Desc.FullName(), err)
	}
	if !options.ProtoReflect().Has(option.TypeDescriptor()) {
		return set{}, nil
	}
	known := options.ProtoReflect().Get(option.TypeDescriptor()).Message()
	fields := known.Descriptor().Fields()
	s := set{field: field, name: known.Get(fields.ByName("name")).String()}
	list := known.Get(fields.ByName("values")).List()
	for i := range list.Len() {
		s.values = append(s.values, list.Get(i).String())
	}
	return s, nil
}

// only resolves one extension.
type only struct{ protoreflect.ExtensionType }

func (o only) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return nil, fmt.Errorf("knowngen: %s is read by its number", name)
}

func (o only) FindExtensionByNumber(of protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	if d := o.TypeDescriptor(); d.ContainingMessage().FullName() == of && d.Number() == number {
		return o.ExtensionType, nil
	}
	return dynamicpb.NewTypes(nil).FindExtensionByNumber(of, number)
}

// camel returns TrailRunning for trail_running.
func camel(value string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(value, "_") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }
