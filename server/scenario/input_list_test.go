package scenario_test

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// wireForms are the ways in which a message of an operation is sent: over REST, Connect, gRPC and
// gRPC-Web.
var wireForms = []string{
	"rest", jsonType, protoType, "application/grpc", "application/grpc+json", "application/grpc-web+proto", "application/grpc-web+json",
}

// listOf returns the body of a message whose list holds n items, in the form. field is the number of
// the list in the proto.
func listOf(form, name string, field byte, item, wireItem string, n int) string {
	list := `{"` + name + `":[` + strings.Repeat(item+",", n-1) + item + "]}"
	if !strings.HasSuffix(form, "json") && form != "rest" {
		list = strings.Repeat(string([]byte{field<<3 | 2, byte(len(wireItem))})+wireItem, n)
	}
	if strings.Contains(form, "grpc") {
		return grpcFrame(list)
	}
	return list
}

// sendList posts a body to an operation without a network between, and returns the answer as the
// detail of its refusal and the bytes that it allocated.
func (n *node) sendList(t *testing.T, form, operation, rest, body, token string) (detail string, allocated uint64) {
	t.Helper()
	path, media := procedure(method(operation)), form
	if form == "rest" {
		path, media = rest, jsonType
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	if form == "rest" && strings.HasPrefix(operation, "Update") {
		r.Method = "PATCH"
	}
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n.server.Handler().ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	allocated = after.TotalAlloc - before.TotalAlloc
	res, raw := w.Result(), w.Body.Bytes()
	switch {
	case form == "rest":
		a := restAnswer(t, res, raw)
		detail = fmt.Sprint(a.Status, " ", a.Reason, " ", a.Detail, a.Fields)
	case !strings.Contains(form, "grpc"):
		a := rpcRefusal(t, res, raw)
		detail = fmt.Sprint(a.Status, " ", a.Reason, " ", a.Detail, a.Fields)
	default:
		h := grpcStatus(res, raw)
		details, _ := base64.RawStdEncoding.DecodeString(h.Get("Grpc-Status-Details-Bin"))
		detail = h.Get("Grpc-Status") + " " + string(details)
	}
	return detail, allocated
}

// readCost is how many times its size a body costs that is read and refused, at most: it is
// read into a buffer that grows. The race detector doubles it.
var readCost = 3

// TestLongListsAreRefusedUnread sends lists of far more items than the contract allows, in each form.
// All are refused alike, and none costs more memory than a small multiple of its body.
func TestLongListsAreRefusedUnread(t *testing.T) {
	n := start(t, unlimited)
	admin, _ := n.login(t, restDriver{n})
	user := n.newUser(t, restDriver{n}, admin)
	id, _ := n.newKey(t, restDriver{n}, admin, args{})
	for _, c := range []struct {
		operation, rest, list string
		field                 byte
		item, wireItem        string
		size, most            int
	}{
		{"UpsertWorkouts", "/api/v1/users/" + user + "/events/workouts", "workouts", 2, "{}", "", 8 << 20, 1000},
		{"DeleteWorkouts", "/api/v1/users/" + user + "/events/workouts/delete", "workouts", 2, "{}", "", 8 << 20, 1000},
		{"VerifyCredentials", "/api/v1/credentials/verify-batch", "checks", 1, "{}", "", 256 << 10, 100},
		{"CreateKey", "/api/v1/api-keys", "scopes", 3, `""`, "", 64 << 10, 10},
		{"UpdateKey", "/api/v1/api-keys/" + id, "scopes", 3, `""`, "", 64 << 10, 10},
		{"CreateKey", "/api/v1/api-keys", "allowed_networks", 5, `""`, "", 64 << 10, 32},
		{"UpdateKey", "/api/v1/api-keys/" + id, "allowed_networks", 7, `""`, "", 64 << 10, 32},
		{"CreateWebhookEndpoint", "/api/v1/webhook-endpoints", "kinds", 3, `""`, "", 64 << 10, 3},
		{"UpdateWebhookEndpoint", "/api/v1/webhook-endpoints/we_1", "kinds", 4, `""`, "", 64 << 10, 3},
	} {
		for _, form := range wireForms {
			each := len(listOf(form, c.list, c.field, c.item, c.wireItem, 3)) - len(listOf(form, c.list, c.field, c.item, c.wireItem, 2))
			body := listOf(form, c.list, c.field, c.item, c.wireItem, c.size/each-20)
			detail, allocated := n.sendList(t, form, c.operation, c.rest, body, admin)
			t.Logf("%s as %s: %d items, %d KiB of body, %d KiB allocated", c.operation, form, c.size/each-20, len(body)>>10, allocated>>10)
			message := fmt.Sprintf("%s: must hold at most %d items", c.list, c.most)
			want := "422 invalid_request " + message + "[" + c.list + "]"
			if strings.Contains(form, "grpc") && strings.HasPrefix(detail, "3 ") && strings.Contains(detail, message) {
				want = detail
			}
			if detail != want {
				t.Errorf("%s as %s is answered %q, want %q", c.operation, form, detail, want)
			}
			// The runtime counts the allocations of the whole process, and so those of the background:
			// the least of four calls is the nearest to what one costs.
			most := uint64(readCost*len(body) + 256<<10)
			for range 3 {
				if allocated > most {
					_, allocated = n.sendList(t, form, c.operation, c.rest, body, admin)
				}
			}
			if allocated > most {
				t.Errorf("%s as %s: %d KiB allocated for %d KiB of body", c.operation, form, allocated>>10, len(body)>>10)
			}
		}
	}
}
