package front

import (
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/openwearables/openwearables/gen/openapi"
	_ "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/gateway"
)

// The table of operations and openapi.yaml agree, in both directions.
func TestOperationsEqualSpec(t *testing.T) {
	spec, err := openapi3.NewLoader().LoadFromData(openapi.Spec)
	if err != nil {
		t.Fatal(err)
	}
	table := operationsByName(t)
	seen := 0
	for path, item := range spec.Paths.Map() {
		for method, described := range item.Operations() {
			o, ok := table[described.OperationID]
			if !ok {
				t.Errorf("%s of openapi.yaml is not in the table", described.OperationID)
				continue
			}
			seen++
			if route := method + " " + path; o.rest != route {
				t.Errorf("%s is %q in the table, %q in openapi.yaml", o.name, o.rest, route)
			}
			if got := describedBody(described); o.body != got {
				t.Errorf("%s has body %d in the table, %d in openapi.yaml", o.name, o.body, got)
			}
			if got := describedForm(described); o.form != got {
				t.Errorf("%s takes a form: %t in the table, %t in openapi.yaml", o.name, o.form, got)
			}
			if got := describedProof(described); o.proof != got {
				t.Errorf("%s has %s in the protos, %s in openapi.yaml", o.name, o.proof, got)
			}
			if got := describedKey(described); o.takesKey != got {
				t.Errorf("%s takes an Idempotency-Key: %t in the protos, %t in openapi.yaml", o.name, o.takesKey, got)
			}
			if got, want := describedLimit(described), limitOf(o); got != want {
				t.Errorf("%s has x-max-body %d in openapi.yaml, the server's limit is %d", o.name, got, want)
			}
			if o.safe != (method == http.MethodGet) {
				t.Errorf("%s is safe: %t, and its method is %s", o.name, o.safe, method)
			}
		}
	}
	if seen != len(table) {
		t.Errorf("the table has %d operations, openapi.yaml %d of them", len(table), seen)
	}
}

// The table of operations and the protos agree, in both directions.
func TestOperationsEqualServices(t *testing.T) {
	table := operationsByName(t)
	seen := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				o, ok := table[string(method.Name())]
				if !ok {
					t.Errorf("%s is not in the table", method.FullName())
					continue
				}
				seen++
				if o.service != string(service.Name()) {
					t.Errorf("%s is in %s in the table, in %s in the protos", o.name, o.service, service.Name())
				}
				level := method.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel()
				if level != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN && o.takesKey {
					t.Errorf("%s is %s and takes an Idempotency-Key, which it does not need", o.name, level)
				}
				if method.IsStreamingClient() || method.IsStreamingServer() {
					t.Errorf("%s is a stream, which no reader of bodies can serve", o.name)
				}
			}
		}
		return true
	})
	if seen != len(table) {
		t.Errorf("the table has %d operations, the protos %d of them", len(table), seen)
	}
}

func operationsByName(t *testing.T) map[string]operation {
	t.Helper()
	table := make(map[string]operation)
	for _, o := range operations {
		if _, twice := table[o.name]; twice {
			t.Errorf("%s is in the table twice", o.name)
		}
		table[o.name] = o
	}
	if len(table) == 0 {
		t.Fatal("the table of operations is empty")
	}
	return table
}

func describedBody(o *openapi3.Operation) body {
	switch {
	case o.RequestBody == nil:
		return noBody
	case o.RequestBody.Value.Required:
		return requiredBody
	default:
		return optionalBody
	}
}

// describedLimit returns an operation's x-max-body, 0 if it has none.
func describedLimit(o *openapi3.Operation) int64 {
	limit, _ := o.Extensions["x-max-body"].(float64)
	return int64(limit)
}

// limitOf returns the size of the largest body that the server reads.
func limitOf(o operation) int64 {
	if o.body == noBody {
		return 0
	}
	return o.maxBody()
}

func describedKey(o *openapi3.Operation) bool {
	return o.Parameters.GetByInAndName("header", "Idempotency-Key") != nil
}

func describedForm(o *openapi3.Operation) bool {
	return o.RequestBody != nil && o.RequestBody.Value.Content["application/x-www-form-urlencoded"] != nil
}

// describedProof returns where an operation expects its proof, by its security
// in openapi.yaml: {} among the alternatives means the body.
func describedProof(o *openapi3.Operation) proof {
	var byHeader, byBody bool
	for _, way := range *o.Security {
		byBody = byBody || len(way) == 0
		for scheme := range way {
			byHeader = byHeader || scheme != "refreshCookie"
		}
	}
	switch {
	case !byHeader:
		return inBody
	case byBody:
		return inEither
	default:
		return inHeader
	}
}

// Every list that a request can hold is counted before its message is built: it is a
// member of the message itself, openapi.yaml bounds it, and each of its items is a
// field of its own on the wire. Only the paths of an update_mask are not counted,
// which a small body bounds.
func TestEveryListIsBounded(t *testing.T) {
	var visit func(o operation, m protoreflect.MessageDescriptor, inside bool)
	counted := 0
	visit = func(o operation, m protoreflect.MessageDescriptor, inside bool) {
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			if f.Cardinality() == protoreflect.Repeated {
				list, ok := o.lists.encoded[f.Number()]
				isMask := f.FullName() == "google.protobuf.FieldMask.paths"
				switch {
				case isMask && o.maxBody() == maxBody:
				case inside || !ok || list.most < 1 || o.lists.rest[f.TextName()] != list.most || o.lists.rpc[f.JSONName()] != list.most:
					t.Errorf("%s: %s has no maxItems in openapi.yaml that the front can count", o.name, f.FullName())
				case f.IsPacked() || f.IsMap():
					t.Errorf("%s: %s is not counted item by item", o.name, f.FullName())
				default:
					counted++
				}
			}
			if f.Message() != nil {
				visit(o, f.Message(), true)
			}
		}
	}
	for name, o := range operationsByName(t) {
		method, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("openwearables.v1." + o.service + "." + name))
		if err != nil {
			t.Fatal(err)
		}
		visit(o, method.(protoreflect.MethodDescriptor).Input(), false)
	}
	if counted != len(openapi.MaxItems) {
		t.Errorf("%d lists are counted, %d have maxItems in openapi.yaml", counted, len(openapi.MaxItems))
	}
}

// No setting opens a path of this server to its upstream: whoever is forwarded there would
// be answered for other accounts, sessions and records than ours.
func TestNothingOfOursIsAllowedToBeForwarded(t *testing.T) {
	t.Parallel()
	for _, o := range operations {
		method, path, _ := strings.Cut(o.rest, " ")
		if path == "" || strings.Contains(path, "/events/") { // those stand aside
			continue
		}
		if err := (&gateway.Config{Allow: []string{method + " /api/v1" + path}}).Check(); err == nil {
			t.Errorf("%s may be forwarded", o.rest)
		}
	}
}
