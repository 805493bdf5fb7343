package rules_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/openwearables/openwearables/gen/openapi"
	_ "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func loadSpec(t *testing.T) *openapi3.T {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData(openapi.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// operations calls visit for each operation of the spec.
func operations(spec *openapi3.T, visit func(path, method string, op *openapi3.Operation)) {
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			visit(path, method, op)
		}
	}
}

func TestSpecIsValid(t *testing.T) {
	if err := loadSpec(t).Validate(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestEmbeddedSpecMatchesTheSource(t *testing.T) {
	source, err := os.ReadFile("../../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(source, openapi.Spec) {
		t.Error("gen/openapi/openapi.yaml differs from openapi.yaml: run go generate ./gen")
	}
}

func TestOperationsAreTheRPCs(t *testing.T) {
	rpcs := map[string]bool{}
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				name := string(methods.Get(j).Name())
				if rpcs[name] {
					t.Errorf("two RPCs are called %s", name)
				}
				rpcs[name] = true
			}
		}
		return true
	})
	if len(rpcs) == 0 {
		t.Fatal("openwearables.v1 has no RPCs")
	}

	ids := map[string]bool{}
	operations(loadSpec(t), func(_, _ string, op *openapi3.Operation) { ids[op.OperationID] = true })
	for _, name := range slices.Sorted(maps.Keys(rpcs)) {
		if !ids[name] {
			t.Errorf("RPC %s is not in openapi.yaml", name)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if !rpcs[id] {
			t.Errorf("operation %s is not an RPC", id)
		}
	}
}

// Members that are absent, and not null, where they do not apply.
var optionalMembers = map[string]bool{"Error.errors": true, "Error.required_scope": true}

func TestResponsesDescribeEveryMember(t *testing.T) {
	spec := loadSpec(t)
	operations(spec, func(path, method string, op *openapi3.Operation) {
		for status, response := range op.Responses.Map() {
			where := method + " " + path + " " + status
			for name, header := range response.Value.Headers {
				if header.Value.Required {
					t.Errorf("%s: header %s is required", where, name)
				}
			}
			if media := response.Value.Content.Get("application/json"); media != nil {
				checkClosed(t, where, media.Schema)
			}
		}
	})
}

// checkClosed reports each object in schema that allows members it does not describe, or
// describes members that a response may leave out.
func checkClosed(t *testing.T, where string, schema *openapi3.SchemaRef) {
	t.Helper()
	name := strings.TrimPrefix(schema.Ref, "#/components/schemas/")
	if name != "" {
		where = name
	}
	value := schema.Value
	for _, part := range value.AllOf {
		checkClosed(t, where, part)
	}
	if value.Items != nil {
		checkClosed(t, where, value.Items)
	}
	isReference := len(value.AllOf) > 0 && len(value.Properties) == 0 // beside which it only says that it may be null
	if !value.Type.Is("object") || isReference {
		return
	}
	if value.AdditionalProperties.Has == nil || *value.AdditionalProperties.Has {
		t.Errorf("%s allows additional properties", where)
	}
	for member, property := range value.Properties {
		if member == "code" && where != "PairingCode" { // in an error, existing clients take it for an enumeration
			t.Errorf("%s has a member called code", where)
		}
		if !slices.Contains(value.Required, member) && !optionalMembers[where+"."+member] {
			t.Errorf("%s.%s is not required", where, member)
		}
		checkClosed(t, where+"."+member, property)
	}
}

func TestEveryOperationDescribesItsErrors(t *testing.T) {
	operations(loadSpec(t), func(path, method string, op *openapi3.Operation) {
		want := []string{"429", "500", "503"}
		if op.RequestBody != nil {
			want = append(want, "413", "415", "422")
		}
		if op.Security == nil {
			t.Errorf("%s %s does not say which credential it takes", method, path)
		}
		for _, status := range want {
			response := op.Responses.Value(status)
			if response == nil {
				t.Errorf("%s %s does not describe %s", method, path, status)
				continue
			}
			media := response.Value.Content.Get("application/json")
			if media == nil || media.Schema.Ref != "#/components/schemas/Error" {
				t.Errorf("%s %s %s is not an Error", method, path, status)
			}
		}
	})
}

// A field that holds a credential is marked, so that the SDKs redact it when they print
// the message.
func TestSecretsAreMarked(t *testing.T) {
	var visit func(protoreflect.MessageDescriptors)
	marked := 0
	visit = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			fields := messages.Get(i).Fields()
			for j := range fields.Len() {
				field := fields.Get(j)
				name := string(field.Name())
				want := slices.ContainsFunc([]string{"password", "secret", "access_token", "refresh_token"}, func(end string) bool {
					return strings.HasSuffix(name, end)
				})
				got := field.Options().(*descriptorpb.FieldOptions).GetDebugRedact()
				if want && !got {
					t.Errorf("%s is not marked debug_redact", field.FullName())
				}
				if got {
					marked++
				}
			}
			visit(messages.Get(i).Messages())
		}
	}
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(file protoreflect.FileDescriptor) bool {
		visit(file.Messages())
		return true
	})
	if marked < 10 {
		t.Errorf("only %d secrets found", marked)
	}
}
