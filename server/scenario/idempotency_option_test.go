package scenario_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// The tests of the Idempotency-Key try each operation that takes one for each call
// by its option, and no other operation.
func TestIdempotencyIsTriedWhereTheProtosPromiseIt(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	tried := map[string]bool{
		"CreateFirstDeveloper": true,                           // by TestSetupIsRetried, since these have a developer
		"CreateInvitation":     true, "AcceptInvitation": true, // by the tests of invitations
		"RedeemPairingCode": true, // by TestPairingCodeIsRetried
	}
	for _, r := range newIdempotencyFixture(t, n, n.drivers()[0]).calls(t) {
		tried[r.operation] = true
	}
	promised := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				name := string(methods.Get(j).Name())
				operation := proto.GetExtension(methods.Get(j).Options(), owv1.E_Operation).(*owv1.Operation)
				perCall := operation.GetIdempotencyKey() == owv1.Operation_IDEMPOTENCY_KEY_PER_CALL
				if perCall {
					promised++
				}
				if perCall != tried[name] {
					t.Errorf("%s takes an Idempotency-Key for each call: %t in the protos, %t in the tests", name, perCall, tried[name])
				}
			}
		}
		return true
	})
	if promised != len(tried) {
		t.Errorf("%d operations take an Idempotency-Key for each call, %d are tried", promised, len(tried))
	}
}
