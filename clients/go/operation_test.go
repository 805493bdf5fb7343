package openwearables_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// Every call carries its credential, carries an Idempotency-Key and is repeated
// as the contract says of its method.
func TestCallsFollowTheContract(t *testing.T) {
	var mu sync.Mutex
	attempts := map[string][]http.Header{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		attempts[r.URL.Path] = append(attempts[r.URL.Path], r.Header)
		mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	c := newClient(t, server.URL, openwearables.WithAPIKey("ow_live_x"), openwearables.WithRetries(1))
	h, opts := c.Connect()

	methods := contractMethods()
	var calls sync.WaitGroup
	for _, method := range methods {
		calls.Go(func() {
			level := connect.IdempotencyLevel(idempotencyLevel(method))
			call := connect.NewClient[emptypb.Empty, emptypb.Empty](h, server.URL+procedureOf(method), opts, connect.WithIdempotency(level))
			if _, err := call.CallUnary(t.Context(), connect.NewRequest(&emptypb.Empty{})); err == nil {
				t.Errorf("%s succeeded", method.FullName())
			}
		})
	}
	calls.Wait()

	mu.Lock()
	defer mu.Unlock()
	keyed, unsigned := 0, 0
	for _, method := range methods {
		operation := proto.GetExtension(method.Options(), owv1.E_Operation).(*owv1.Operation)
		perCall := operation.GetIdempotencyKey() == owv1.Operation_IDEMPOTENCY_KEY_PER_CALL
		inBody := operation.GetProof() == owv1.Operation_PROOF_BODY
		tries := 1
		if perCall || idempotencyLevel(method) != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
			tries = 2
		}
		sent := attempts[procedureOf(method)]
		if len(sent) != tries {
			t.Errorf("%s was tried %d times, want %d", method.FullName(), len(sent), tries)
		}
		for _, header := range sent {
			if key := header.Get("Idempotency-Key"); (key != "") != perCall || key != sent[0].Get("Idempotency-Key") {
				t.Errorf("%s was sent with the Idempotency-Key %q", method.FullName(), key)
			}
			if header.Get("Authorization") == "" != inBody {
				t.Errorf("%s was sent with the Authorization %q", method.FullName(), header.Get("Authorization"))
			}
		}
		if perCall {
			keyed++
		}
		if inBody {
			unsigned++
		}
	}
	if keyed < 8 || unsigned < 3 {
		t.Errorf("only %d methods take a key and %d no Authorization", keyed, unsigned)
	}
}

// contractMethods returns the methods of all services of the contract.
func contractMethods() []protoreflect.MethodDescriptor {
	var methods []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			of := file.Services().Get(i).Methods()
			for j := range of.Len() {
				methods = append(methods, of.Get(j))
			}
		}
		return true
	})
	return methods
}

func procedureOf(method protoreflect.MethodDescriptor) string {
	return strings.Join([]string{"", string(method.Parent().FullName()), string(method.Name())}, "/")
}

func idempotencyLevel(method protoreflect.MethodDescriptor) descriptorpb.MethodOptions_IdempotencyLevel {
	return method.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel()
}
