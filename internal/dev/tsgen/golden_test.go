package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// golden is the TypeScript of testdata/library.proto. The tests of the SDK read and write
// messages by its tables.
const golden = "../../../clients/typescript/test/golden/schema.ts"

// runPlugin compiles protos and runs the plugin the way protoc does. Sources maps file
// names to text.
func runPlugin(t *testing.T, sources map[string]string, names ...string) *pluginpb.CodeGeneratorResponse {
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
	data, err := proto.Marshal(requestOf(files))
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

func requestOf(files linker.Files) *pluginpb.CodeGeneratorRequest {
	request := &pluginpb.CodeGeneratorRequest{}
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
	return request
}

func TestTypeScriptMatchesTheGoldenFile(t *testing.T) {
	response := runPlugin(t, nil, "library.proto", "openwearables/v1/options.proto")
	if response.GetError() != "" {
		t.Fatal(response.GetError())
	}
	if response.GetSupportedFeatures()&uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL) == 0 {
		t.Error("proto3 optional is not declared")
	}
	if len(response.GetFile()) != 1 || response.GetFile()[0].GetName() != "schema.ts" {
		t.Fatalf("files %v, want schema.ts alone", response.GetFile())
	}
	got := strings.ReplaceAll(response.GetFile()[0].GetContent(), ` from "../`, ` from "../../src/`)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("it is not what is committed: see the difference by go test ./internal/dev/tsgen -update")
	}
}

func TestUnsupportedProtosAreRefused(t *testing.T) {
	const head = `syntax = "proto3"; service S { rpc R(Q) returns (A); } `
	for name, test := range map[string]struct{ source, want string }{
		"proto2":               {`syntax = "proto2"; service S { rpc R(Q) returns (Q); } message Q { optional string a = 1; }`, "Q.a: only proto3 is supported"},
		"an enum":              {head + `enum E { E_X = 0; } message Q { E a = 1; } message A {}`, "Q.a: enum is not supported"},
		"bytes":                {head + `message Q {} message A { bytes a = 1; }`, "A.a: bytes is not supported"},
		"a float":              {head + `message Q {} message A { float a = 1; }`, "A.a: float is not supported"},
		"an unsigned number":   {head + `message Q {} message A { uint32 a = 1; }`, "A.a: uint32 is not supported"},
		"int64 in a request":   {head + `message Q { int64 a = 1; } message A {}`, "Q.a: int64 is not supported in requests"},
		"a map":                {head + `message Q {} message A { map<string, string> a = 1; }`, "A.a: maps are not supported"},
		"a oneof":              {head + `message Q { oneof o { string a = 1; } } message A {}`, "Q.a: oneofs are not supported"},
		"a mask in a response": {`import "google/protobuf/field_mask.proto"; ` + head + `message Q {} message A { google.protobuf.FieldMask a = 1; }`, "A.a: google.protobuf.FieldMask is not supported here"},
		"another known type":   {`import "google/protobuf/duration.proto"; ` + head + `message Q { google.protobuf.Duration a = 1; } message A {}`, "Q.a: google.protobuf.Duration is not supported here"},
		"a stream":             {`syntax = "proto3"; service S { rpc R(Q) returns (stream Q); } message Q {}`, "S.R: streams are not supported"},
		"a circle":             {`syntax = "proto3"; package openwearables.v1; service SService { rpc R(Q) returns (A); } message Q {} message A { B b = 1; } message B { B b = 1; }`, "B: a message that holds itself is not supported"},
		"an empty message":     {`syntax = "proto3"; package openwearables.v1; service SService { rpc R(Q) returns (A); } message Q {} message A { B b = 1; } message B {}`, "B: a message without members is not supported in another"},
		"another package":      {`syntax = "proto3"; package other.v1; service SService { rpc R(Q) returns (Q); } message Q {}`, "other.v1.SService: only a service of openwearables.v1"},
		"two of one name":      {`syntax = "proto3"; service S { rpc R(NewA) returns (B); } message NewA { A a = 1; } message A {} message B { A a = 1; }`, "both become NewA"},
	} {
		t.Run(name, func(t *testing.T) {
			source := test.source
			if imported, rest, found := strings.Cut(source, `syntax = "proto3"; `); found {
				source = `syntax = "proto3"; ` + imported + rest
			}
			response := runPlugin(t, map[string]string{"refused.proto": source}, "refused.proto")
			if !strings.Contains(response.GetError(), test.want) {
				t.Fatalf("error %q, want %q", response.GetError(), test.want)
			}
		})
	}
}
