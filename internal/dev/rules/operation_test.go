package rules_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// methods returns every method of the contract by its name in a path:
// openwearables.v1.KeyService/GetKey.
func methods(t *testing.T) map[string]protoreflect.MethodDescriptor {
	t.Helper()
	found := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				found[fmt.Sprintf("%s/%s", service.FullName(), method.Name())] = method
			}
		}
		return true
	})
	if len(found) == 0 {
		t.Fatal("openwearables.v1 has no methods")
	}
	return found
}

// generated returns the files that a glob below the root finds.
func generated(t *testing.T, glob string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "..", glob))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s finds nothing (%v)", glob, err)
	}
	files := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(content)
	}
	return files
}

// Each call can be made safe to repeat: its method has an idempotency_level, or takes
// an Idempotency-Key. Logout needs neither, since it ends what its caller proves itself
// with: a repetition is refused, and has nothing left to end.
func TestEveryCallCanBeRepeated(t *testing.T) {
	for procedure, method := range methods(t) {
		options := method.Options().(*descriptorpb.MethodOptions)
		operation := proto.GetExtension(options, owv1.E_Operation).(*owv1.Operation)
		leveled := options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
		keyed := operation.GetIdempotencyKey() != owv1.Operation_IDEMPOTENCY_KEY_UNSPECIFIED
		if leveled == keyed && method.Name() != "Logout" {
			t.Errorf("%s has an idempotency_level: %t, takes an Idempotency-Key: %t; want one of them", procedure, leveled, keyed)
		}
	}
}

// The TypeScript SDK calls a method by its description: whether it can be repeated (1),
// takes a key for each call (2), and holds its credential in its body (4).
func TestTypeScriptDescribesTheMethodsOfTheProtos(t *testing.T) {
	want := methods(t)
	service := regexp.MustCompile("service\\(\n  \"(\\w+)\",\n  `([^`]*)`")
	description := regexp.MustCompile(`(?m)^(\d)(\w+)[^|\n]*\|`)
	for name, content := range generated(t, "clients/typescript/src/schema/schema.ts") {
		for _, service := range service.FindAllStringSubmatch(content, -1) {
			for _, match := range description.FindAllStringSubmatch(service[2], -1) {
				procedure := "openwearables.v1." + service[1] + "Service/" + match[2]
				method, ok := want[procedure]
				if !ok {
					t.Errorf("%s has %s, the protos have not", name, procedure)
					continue
				}
				if want := typescriptFlags(method); match[1] != strconv.Itoa(want) {
					t.Errorf("%s has the flags %s in %s, %d by the protos", procedure, match[1], name, want)
				}
				delete(want, procedure)
			}
		}
	}
	for procedure := range want {
		t.Errorf("%s is not in the TypeScript SDK", procedure)
	}
}

func typescriptFlags(method protoreflect.MethodDescriptor) (flags int) {
	options := method.Options().(*descriptorpb.MethodOptions)
	operation := proto.GetExtension(options, owv1.E_Operation).(*owv1.Operation)
	if options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
		flags |= 1
	}
	if operation.GetIdempotencyKey() == owv1.Operation_IDEMPOTENCY_KEY_PER_CALL {
		flags |= 2
	}
	if operation.GetProof() == owv1.Operation_PROOF_BODY {
		flags |= 4
	}
	return flags
}

// Its transport for connect-es reads the options of a method from the descriptor in its
// generated file.
func TestTypeScriptHasTheOptionsOfTheProtos(t *testing.T) {
	want := methods(t)
	descriptor := regexp.MustCompile(`fileDesc\("([^"]+)"`)
	for name, content := range generated(t, "clients/typescript/src/gen/openwearables/v1/*_pb.ts") {
		match := descriptor.FindStringSubmatch(content)
		if match == nil {
			t.Fatalf("%s has no descriptor", name)
		}
		data, err := base64.RawStdEncoding.DecodeString(match[1])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, service := range file.GetService() {
			for _, method := range service.GetMethod() {
				procedure := fmt.Sprintf("%s.%s/%s", file.GetPackage(), service.GetName(), method.GetName())
				source, ok := want[procedure]
				if !ok {
					t.Errorf("%s has %s, the protos have not", name, procedure)
					continue
				}
				if got, want := method.GetOptions(), source.Options(); !proto.Equal(got, want) {
					t.Errorf("%s has the options {%v} in %s, {%v} in the protos", procedure, got, name, want)
				}
				delete(want, procedure)
			}
		}
	}
	for procedure := range want {
		t.Errorf("%s is not in the TypeScript SDK", procedure)
	}
}

// The Swift SDK reads them from the MethodDescriptor of the method.
func TestSwiftHasTheOptionsOfTheProtos(t *testing.T) {
	want := methods(t)
	descriptor := regexp.MustCompile(`MethodDescriptor\(\s*procedure: "([^"]+)"([^)]*)\)`)
	for name, content := range generated(t, "clients/swift/Sources/OpenWearables/Generated/*.pb.swift") {
		for _, match := range descriptor.FindAllStringSubmatch(content, -1) {
			procedure, got := match[1], strings.Join(strings.Fields(match[2]), " ")
			source, ok := want[procedure]
			if !ok {
				t.Errorf("%s has %s, the protos have not", name, procedure)
				continue
			}
			if want := swiftArguments(source); got != want {
				t.Errorf("%s has %q in %s, %q by the protos", procedure, got, name, want)
			}
			delete(want, procedure)
		}
	}
	for procedure := range want {
		t.Errorf("%s is not in the Swift SDK", procedure)
	}
}

// swiftArguments returns the arguments of a MethodDescriptor behind the procedure.
func swiftArguments(method protoreflect.MethodDescriptor) string {
	options := method.Options().(*descriptorpb.MethodOptions)
	operation := proto.GetExtension(options, owv1.E_Operation).(*owv1.Operation)
	return map[descriptorpb.MethodOptions_IdempotencyLevel]string{
		descriptorpb.MethodOptions_NO_SIDE_EFFECTS: ", idempotency: .noSideEffects",
		descriptorpb.MethodOptions_IDEMPOTENT:      ", idempotency: .idempotent",
	}[options.GetIdempotencyLevel()] + map[owv1.Operation_Proof]string{
		owv1.Operation_PROOF_BODY:   ", proof: .body",
		owv1.Operation_PROOF_EITHER: ", proof: .either",
	}[operation.GetProof()] + map[owv1.Operation_IdempotencyKey]string{
		owv1.Operation_IDEMPOTENCY_KEY_PER_CALL:       ", idempotencyKey: .perCall",
		owv1.Operation_IDEMPOTENCY_KEY_PER_CREDENTIAL: ", idempotencyKey: .perCredential",
	}[operation.GetIdempotencyKey()]
}
