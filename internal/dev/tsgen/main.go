// Command tsgen is a protoc plugin that writes one TypeScript file: an interface for
// each message, and of each service a text, by which clients/typescript/src/wire.ts reads and
// writes what its methods send and receive.
//
// A message that requests hold becomes an interface of what a caller may give, one that
// responses hold an interface of what a caller gets, and a message of both becomes two.
//
// It reads the options of openwearables/v1/options.proto. It refuses what the runtime
// lacks: proto2, enums, bytes, maps, oneofs, int64 in requests, and streams.
package main

import (
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
		fmt.Fprintln(os.Stderr, "tsgen:", err)
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
			options.GoPackage = proto.String("typescript/" + path.Dir(file.GetName()))
			file.Options = options
		}
	}
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		return nil, err
	}
	plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
	source, err := render(plugin)
	if err != nil {
		plugin.Error(err)
		return plugin.Response(), nil
	}
	file := plugin.NewGeneratedFile("schema.ts", "")
	if _, err := file.Write([]byte(source)); err != nil {
		return nil, err
	}
	return plugin.Response(), nil
}
