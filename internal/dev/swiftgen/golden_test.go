package main

import (
	"bytes"
	"context"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

var update = flag.Bool("update", false, "rewrite the golden files and the vectors")

// golden holds the Swift generated from testdata. It is among the Swift tests, which
// compile it.
const golden = "../../../clients/swift/Tests/OpenWearablesTests/Messages/Golden"

// compile compiles protos from testdata and from sources, which maps file names to text.
func compile(t *testing.T, sources map[string]string, names ...string) linker.Files {
	t.Helper()
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)},
			&protocompile.SourceResolver{ImportPaths: []string{"testdata", "../../../schema"}},
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// runPlugin runs the plugin the way protoc does.
func runPlugin(t *testing.T, files linker.Files, parameter string) *pluginpb.CodeGeneratorResponse {
	t.Helper()
	request := &pluginpb.CodeGeneratorRequest{}
	if parameter != "" {
		request.Parameter = &parameter
	}
	seen := map[string]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		imports := file.Imports()
		for i := range imports.Len() {
			add(imports.Get(i).FileDescriptor)
		}
		request.ProtoFile = append(request.ProtoFile, protoutil.ProtoFromFileDescriptor(file))
	}
	for _, file := range files {
		add(file)
		request.FileToGenerate = append(request.FileToGenerate, file.Path())
	}
	data, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(bytes.NewReader(data), &out); err != nil {
		t.Fatal(err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out.Bytes(), &response); err != nil {
		t.Fatal(err)
	}
	return &response
}

func TestSwiftMatchesTheGoldenFiles(t *testing.T) {
	files := compile(t, nil, "values.proto", "names.proto", "service.proto", "openwearables/v1/options.proto")
	response := runPlugin(t, files, "import=OpenWearables")
	if response.GetError() != "" {
		t.Fatal(response.GetError())
	}
	if response.GetSupportedFeatures()&uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL) == 0 {
		t.Error("proto3 optional is not declared")
	}
	got := map[string]string{}
	for _, file := range response.GetFile() {
		got[file.GetName()] = file.GetContent()
	}
	if *update {
		for name, content := range got {
			if err := os.WriteFile(filepath.Join(golden, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(golden, "*.pb.swift"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want[filepath.Base(path)] = string(content)
	}
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("files %v, want %v", g, w)
	}
	for name, content := range got {
		if content != want[name] {
			t.Errorf("%s is not what is committed: see the difference by go test ./internal/dev/swiftgen -update", name)
		}
		for number, line := range strings.Split(content, "\n") {
			if len([]rune(line)) > lineLength {
				t.Errorf("%s:%d is longer than %d", name, number+1, lineLength)
			}
		}
	}
}

func TestUnsupportedProtosAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"proto2": {
			`syntax = "proto2"; message M { required int32 a = 1; }`,
			"only proto3 is supported",
		},
		"editions": {
			`edition = "2023"; message M { int32 a = 1; }`,
			"editions",
		},
		"extension": {
			`syntax = "proto3"; import "google/protobuf/descriptor.proto";
			extend google.protobuf.FieldOptions { string mark = 50000; }`,
			"extensions are not supported",
		},
		"nested extension": {
			`syntax = "proto3"; import "google/protobuf/descriptor.proto";
			message M { extend google.protobuf.FieldOptions { string mark = 50000; } }`,
			"extensions are not supported",
		},
		"unknown well-known type": {
			`syntax = "proto3"; import "google/protobuf/source_context.proto";
			message M { google.protobuf.SourceContext a = 1; }`,
			"google.protobuf.SourceContext is not supported",
		},
		"type of another module": {
			`syntax = "proto3"; import "values.proto"; message M { swiftgen.test.Scalars a = 1; }`,
			"swiftgen.test.Scalars is not supported",
		},
		"wrapper of a method": {
			`syntax = "proto3"; import "google/protobuf/wrappers.proto";
			service S { rpc R(google.protobuf.StringValue) returns (google.protobuf.StringValue); }`,
			"not supported as the message of a method",
		},
		"two fields of one name": {
			`syntax = "proto3"; message M { int32 a = 1; int32 _a = 2; }`,
			"two fields become a",
		},
		"two types of one name": {
			`syntax = "proto3"; message Error {} message ErrorMessage {}`,
			"both become ErrorMessage",
		},
		"a client and a message of one name": {
			`syntax = "proto3"; service S {} message SClient {}`,
			"both become SClient",
		},
		"a type behind a nested one": {
			`syntax = "proto3"; message A {} message M { message A {} .A a = 1; }`,
			"hides its type A",
		},
		"an unknown option": {`syntax = "proto3";`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			files := compile(t, map[string]string{"refused.proto": test.source}, "refused.proto")
			if test.want == "" {
				request := &pluginpb.CodeGeneratorRequest{
					Parameter:      proto.String("colour=red"),
					FileToGenerate: []string{"refused.proto"},
					ProtoFile:      []*descriptorpb.FileDescriptorProto{protoutil.ProtoFromFileDescriptor(files[0])},
				}
				if _, err := respond(request); err == nil {
					t.Fatal("accepted")
				}
				return
			}
			response := runPlugin(t, files, "")
			if !strings.Contains(response.GetError(), test.want) {
				t.Fatalf("error %q, want %q", response.GetError(), test.want)
			}
		})
	}
}
