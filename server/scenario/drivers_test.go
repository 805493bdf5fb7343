package scenario_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/openwearables/openwearables/gen/openapi"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// spec returns the parsed openapi.yaml.
var spec = sync.OnceValue(func() *openapi3.T {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(openapi.Spec)
	if err != nil {
		panic(err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		panic(err)
	}
	return doc
})

// restRoute is the route of an operation in openapi.yaml.
type restRoute struct {
	method, path string
	operation    *openapi3.Operation
}

var restRouteOf = sync.OnceValue(func() map[string]restRoute {
	routes := make(map[string]restRoute)
	for path, item := range spec().Paths.Map() {
		for method, o := range item.Operations() {
			routes[o.OperationID] = restRoute{method, path, o}
		}
	}
	return routes
})

// restDriver calls operations over REST.
type restDriver struct{ n *node }

func (restDriver) name() string { return "rest" }

func (d restDriver) call(t *testing.T, operation string, in args, o ...option) answer {
	t.Helper()
	route := restRouteOf()[operation]
	path, query, body := "/api/v1"+route.path, url.Values{}, maps.Clone(in)
	for _, p := range route.operation.Parameters {
		v, ok := in[p.Value.Name]
		if !ok || p.Value.In == "header" {
			continue
		}
		delete(body, p.Value.Name)
		if p.Value.In == "path" {
			path = strings.Replace(path, "{"+p.Value.Name+"}", url.PathEscape(fmt.Sprint(v)), 1)
		} else {
			query.Set(p.Value.Name, fmt.Sprint(v))
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var payload io.Reader
	if route.operation.RequestBody != nil && body != nil {
		payload = bytes.NewReader(encode(t, body))
	}
	r, err := http.NewRequestWithContext(t.Context(), route.method, d.n.url+path, payload)
	if err != nil {
		t.Fatal(err)
	}
	if payload != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, raw := d.n.send(t, r, o...)
	return restAnswer(t, res, raw)
}

// send sends the request with the options and returns the answer and its whole body.
func (n *node) send(t *testing.T, r *http.Request, o ...option) (*http.Response, []byte) {
	t.Helper()
	for _, f := range o {
		f(r)
	}
	res, err := n.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, raw
}

// restAnswer decodes an answer of REST.
func restAnswer(t *testing.T, res *http.Response, raw []byte) answer {
	t.Helper()
	a := answer{Status: res.StatusCode, Header: res.Header, Next: linkedCursor(t, res)}
	if len(raw) == 0 {
		return a
	}
	if err := json.Unmarshal(raw, &a.Body); err != nil {
		t.Fatalf("answer %d is not JSON: %q", res.StatusCode, raw)
	}
	a.Body = withoutNull(a.Body)
	if res.StatusCode >= 400 {
		a.Reason, a.Detail, a.Scope = a.str("reason"), a.str("detail"), a.str("required_scope")
		for _, f := range a.list("errors") {
			a.Fields = append(a.Fields, f.(map[string]any)["field"].(string))
		}
	}
	return a
}

// linkedCursor returns the cursor in the reference to the next page, or "".
func linkedCursor(t *testing.T, res *http.Response) string {
	t.Helper()
	link := res.Header.Get("Link")
	if link == "" {
		return ""
	}
	reference, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	next, err := res.Request.URL.Parse(reference)
	if !ok || err != nil || next.Path != res.Request.URL.Path || next.Query().Get("limit") != res.Request.URL.Query().Get("limit") {
		t.Errorf("%s links to %s", res.Request.URL, link)
		return ""
	}
	return next.Query().Get("cursor")
}

// rpcDriver calls operations over Connect unary, with JSON or binary messages.
type rpcDriver struct {
	n     *node
	media string
}

func (d rpcDriver) name() string { return "connect " + d.media }

// method returns the RPC method of an operation.
func method(operation string) protoreflect.MethodDescriptor {
	var found protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage("openwearables.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			if m := f.Services().Get(i).Methods().ByName(protoreflect.Name(operation)); m != nil {
				found = m
			}
		}
		return found == nil
	})
	if found == nil {
		panic("no RPC " + operation)
	}
	return found
}

func procedure(m protoreflect.MethodDescriptor) string {
	return "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
}

func (d rpcDriver) call(t *testing.T, operation string, in args, o ...option) answer {
	t.Helper()
	m := method(operation)
	if in == nil {
		in = args{}
	}
	data := encode(t, rpcArgs(m, in))
	if d.media == "application/proto" {
		message := dynamicpb.NewMessage(m.Input())
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, message); err != nil {
			t.Fatalf("%s: the test's arguments are not a valid %s: %v", operation, m.Input().FullName(), err)
		}
		var err error
		if data, err = proto.Marshal(message); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", d.n.url+procedure(m), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", d.media)
	r.Header.Set("Connect-Protocol-Version", "1")
	res, raw := d.n.send(t, r, o...)
	if res.StatusCode != 200 {
		return rpcRefusal(t, res, raw)
	}
	message := dynamicpb.NewMessage(m.Output())
	if d.media == "application/proto" {
		err = proto.Unmarshal(raw, message)
	} else {
		err = protojson.Unmarshal(raw, message)
	}
	if err != nil {
		t.Fatalf("%s: the answer is not a valid %s: %v", operation, m.Output().FullName(), err)
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: restSuccess(operation), Header: res.Header, Body: restShape(t, operation, text)}
	if _, array := a.Body.([]any); array {
		if f := m.Output().Fields().ByName("next_cursor"); f != nil {
			a.Next = message.Get(f).String()
		}
	}
	return a
}

// rpcArgs adds the update_mask of an update, since an RPC cannot send null members.
func rpcArgs(m protoreflect.MethodDescriptor, in args) args {
	if m.Input().Fields().ByName("update_mask") == nil {
		return in
	}
	out, paths := args{}, []string{}
	for name, v := range in {
		if v != nil {
			out[name] = v
		}
		f := m.Input().Fields().ByName(protoreflect.Name(name))
		if f != nil && name != "id" && name != "app_id" && name != "rule" && name != "current_password" {
			paths = append(paths, f.JSONName())
		}
	}
	slices.Sort(paths)
	out["update_mask"] = strings.Join(paths, ",")
	return out
}

// restSuccess returns the status of the operation's success in REST, the lowest if it has
// more than one.
func restSuccess(operation string) int {
	for status := 200; status < 300; status++ {
		if restRouteOf()[operation].operation.Responses.Status(status) != nil {
			return status
		}
	}
	panic("openapi.yaml has no success for " + operation)
}

// restShape converts an RPC's answer to the shape of REST.
func restShape(t *testing.T, operation string, text []byte) any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	all = withoutNull(all).(map[string]any)
	for _, name := range []string{"usage", "installation", "stats"} {
		if v, ok := all[name]; ok {
			all[name] = withNumbers(t, v)
		}
	}
	switch operation {
	case "ListUsers", "ListWorkouts", "UpsertWorkouts", "DeleteWorkouts", "Logout", "ChangePassword", "ListAuditEvents", "ListUserAccesses", "ListWebhookDeliveries",
		"ListAlerts", "ListAlertRules", "VerifyCredentials", "ExplainAccess":
		return all
	}
	inner := any(nil)
	for _, name := range []string{"tokens", "key", "application", "user", "developer", "developers", "invitation", "invitations", "keys", "applications", "sessions", "usage", "installation", "stats", "endpoint", "endpoints", "delivery", "alert", "rule", "verification", "pairing_code"} {
		if v, ok := all[name]; ok {
			inner = v
			delete(all, name)
			break
		}
	}
	if object, ok := inner.(map[string]any); ok {
		if id, ok := all["user_id"]; ok {
			object["user_id"] = id
		}
		if secret, ok := all["secret"]; ok {
			object["key"] = secret
			if _, ok := object["url"]; ok {
				object["secret"] = secret
				delete(object, "key")
			}
		}
		if secret, ok := all["app_secret"]; ok {
			object["app_secret"] = secret
		}
	}
	return inner
}

// counts are the members that are 64-bit integers.
var counts = []string{
	"requests", "refused", "limited", "failed", "limit", "value", "count", "archived", "workouts", "sleep", "menstrual_cycles",
	"users_with_active", "users_with_multi_active",
}

// withNumbers turns counts into numbers: protojson writes 64-bit integers as strings.
func withNumbers(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && slices.Contains(counts, name) {
				n, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				member = float64(n)
			}
			v[name] = withNumbers(t, member)
		}
	case []any:
		for i := range v {
			v[i] = withNumbers(t, v[i])
		}
	}
	return v
}

// rpcStatus maps a Connect code to the status of REST.
var rpcStatus = map[string]int{
	"failed_precondition": 400, "invalid_argument": 422, "unauthenticated": 401, "permission_denied": 403,
	"not_found": 404, "already_exists": 409, "aborted": 409, "resource_exhausted": 429,
	"unavailable": 503, "internal": 500, "unimplemented": 405, "deadline_exceeded": 504, "canceled": 499,
}

// rpcRefusal decodes a Connect error, which must have exactly one detail.
func rpcRefusal(t *testing.T, res *http.Response, raw []byte) answer {
	t.Helper()
	var e struct {
		Code, Message string
		Details       []struct{ Type, Value string }
	}
	if err := json.Unmarshal(raw, &e); err != nil || len(e.Details) != 1 {
		t.Fatalf("answer %d is not a Connect error with one detail: %q", res.StatusCode, raw)
	}
	value, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(e.Details[0].Value, "="))
	if err != nil {
		t.Fatal(err)
	}
	detail := new(owv1.ErrorDetail)
	if err := proto.Unmarshal(value, detail); err != nil {
		t.Fatal(err)
	}
	if id := res.Header.Get("X-Request-Id"); detail.GetRequestId() != id {
		t.Errorf("detail has request id %q, the header %q", detail.GetRequestId(), id)
	}
	a := answer{Status: rpcStatus[e.Code], Reason: detail.GetReason(), Detail: e.Message, Scope: detail.GetRequiredScope(), Header: res.Header}
	if s := res.StatusCode; s == 413 || s == 415 {
		a.Status = s
	}
	for _, f := range detail.GetErrors() {
		a.Fields = append(a.Fields, f.GetField())
	}
	return a
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withoutNull removes null members, which RPC omits.
func withoutNull(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
			} else {
				v[name] = withoutNull(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNull(v[i])
		}
	}
	return v
}
