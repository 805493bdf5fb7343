// Command swiftgen is a protoc plugin that writes Swift: a struct with a table of its
// fields for each message, an enum for each enum, oneof and set of values, and a client for
// each service, for the runtime in clients/swift/Sources/OpenWearables/Messages.
//
// It reads proto3. It refuses proto2 and editions files, extensions, and well-known
// types that the runtime lacks. It leaves out streaming methods. The extensions it supports
// are the method option openwearables.v1.operation, which becomes part of the method's
// MethodDescriptor, and the field options always and values of that package.
//
// The option import=OpenWearables is for modules other than the runtime's own.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "swiftgen:", err)
		os.Exit(1)
	}
}

// run reads a CodeGeneratorRequest and writes a CodeGeneratorResponse. The response
// reports faults in the protos. An error means that the plugin protocol was violated.
func run(in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var request pluginpb.CodeGeneratorRequest
	if err := proto.Unmarshal(data, &request); err != nil {
		return err
	}
	response, err := respond(&request)
	if err != nil {
		return err
	}
	if data, err = proto.Marshal(response); err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}

func respond(request *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, error) {
	// protogen requires a Go package for every file, although no Go is generated here.
	for _, file := range request.GetProtoFile() {
		if file.GetOptions().GetGoPackage() == "" {
			options := proto.CloneOf(file.GetOptions())
			if options == nil {
				options = &descriptorpb.FileOptions{}
			}
			options.GoPackage = proto.String("swift/" + path.Dir(file.GetName()))
			file.Options = options
		}
	}
	var flags flag.FlagSet
	runtime := flags.String("import", "", "the module of the runtime, if it is another one")
	plugin, err := protogen.Options{ParamFunc: flags.Set}.New(request)
	if err != nil {
		return nil, err
	}
	if err := generate(plugin, *runtime); err != nil {
		plugin.Error(err)
	}
	return plugin.Response(), nil
}

// generate writes a Swift file for each requested proto file. Swift modules have no
// packages, so it refuses two messages or enums of the same name.
func generate(plugin *protogen.Plugin, runtime string) error {
	plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
	operations, err := newOperations(plugin.Files)
	if err != nil {
		return err
	}
	var files []*protogen.File
	names := newNames(operations)
	for _, file := range plugin.Files {
		if !file.Generate || declaredOperation(file) != nil {
			continue
		}
		files = append(files, file)
		if err := names.addFile(file); err != nil {
			return err
		}
	}
	for _, file := range files {
		if err := names.addSets(file.Messages); err != nil {
			return err
		}
	}
	for _, file := range files {
		source, err := render(file, names, operations, runtime)
		if err != nil {
			return err
		}
		out := plugin.NewGeneratedFile(fileName(file), file.GoImportPath)
		if _, err := out.Write([]byte(source)); err != nil {
			return err
		}
	}
	return nil
}
