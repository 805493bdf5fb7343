package scenario_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// eachProcedure calls f with every procedure of openwearables.v1.
func eachProcedure(f func(m protoreflect.MethodDescriptor)) {
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				f(methods.Get(j))
			}
		}
		return true
	})
}

// TestPassedDeadlineIsDeadlineExceeded calls every procedure in every protocol with a deadline that
// has passed. It is the fault of neither side: no 500, no line of an error, and no effect.
func TestPassedDeadlineIsDeadlineExceeded(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	admin, _ := n.login(t, n.drivers()[0])
	tried := 0
	wantExceeded := func(what string, status int, code, details string) {
		t.Helper()
		tried++
		if raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(details, "=")); err != nil || !strings.Contains(string(raw), "deadline_exceeded") {
			t.Errorf("%s is answered %d %s with the details %q", what, status, code, raw)
		}
	}
	eachProcedure(func(m protoreflect.MethodDescriptor) {
		for _, media := range []string{jsonType, protoType} {
			r := newRequest(t, "POST", n.url+procedure(m), strings.NewReader(""))
			r.Header.Set("Content-Type", media)
			res, raw := n.send(t, r, bearer(admin), header("Connect-Timeout-Ms", "0"))
			a := rpcRefusal(t, res, raw)
			if tried++; res.StatusCode != 504 || a.Status != 504 || a.Reason != "deadline_exceeded" {
				t.Errorf("%s (%s) is answered %d %s", m.FullName(), media, res.StatusCode, raw)
			}
		}
		for _, media := range []string{"application/grpc", "application/grpc-web"} {
			r := newRequest(t, "POST", n.url+procedure(m), strings.NewReader(grpcFrame("")))
			r.Header.Set("Content-Type", media)
			res, raw := n.send(t, r, bearer(admin), header("Grpc-Timeout", "0m"))
			got := grpcStatus(res, raw)
			if code := got.Get("Grpc-Status"); res.StatusCode != 200 || code != "4" {
				t.Errorf("%s (%s) is answered %d with code %q", m.FullName(), media, res.StatusCode, code)
			}
			wantExceeded(string(m.FullName())+" ("+media+")", res.StatusCode, got.Get("Grpc-Status"), got.Get("Grpc-Status-Details-Bin"))
		}
	})
	if tried < 70 {
		t.Errorf("only %d calls were tried", tried)
	}
	restDriver{n}.call(t, "GetMe", nil, bearer(admin)).want(t, http.StatusOK, "") // nobody was logged out
	if log := n.log.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("a deadline that has passed left an error in the log: %.300s", log[strings.Index(log, `"level":"ERROR"`):])
	}
}

// TestShortDeadlinesAreNoFault calls procedures with deadlines that pass at any step of the call.
func TestShortDeadlinesAreNoFault(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	admin, _ := n.login(t, n.drivers()[0])
	for range 10 {
		eachProcedure(func(m protoreflect.MethodDescriptor) {
			if m.Name() == "Logout" {
				return
			}
			for _, timeout := range []string{"1", "2"} {
				r := newRequest(t, "POST", n.url+procedure(m), strings.NewReader(`{"email":"dev@example.com","password":"x","user_id":"550e8400-e29b-41d4-a716-446655440000"}`))
				r.Header.Set("Content-Type", jsonType)
				if res, raw := n.send(t, r, bearer(admin), header("Connect-Timeout-Ms", timeout)); res.StatusCode == 500 {
					t.Errorf("%s within %s ms is answered %d %s", m.FullName(), timeout, res.StatusCode, raw)
				}
			}
		})
	}
	if log := n.log.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("a short deadline left an error in the log: %.300s", log[strings.Index(log, `"level":"ERROR"`):])
	}
}
