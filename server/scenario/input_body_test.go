package scenario_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/openwearables/openwearables/server"
)

const (
	jsonType   = "application/json"
	protoType  = "application/proto"
	createUser = "/openwearables.v1.UserService/CreateUser"
	listUsers  = "/openwearables.v1.UserService/ListUsers"
)

// bodyFixture is a node and the expected number of its users.
type bodyFixture struct {
	*node
	admin string
	users any
}

func newBodyFixture(t *testing.T, change ...func(*server.Config)) *bodyFixture {
	t.Helper()
	n := start(t, append(change, unlimited)...)
	admin, _ := n.login(t, restDriver{n})
	return &bodyFixture{n, admin, 0.0}
}

// postBody posts a body and fails the test unless the answer is as wanted. A refusal must store
// nothing.
func (b *bodyFixture) postBody(t *testing.T, path, contentType, data string, status int, reason string, o ...option) answer {
	t.Helper()
	a := b.wantRaw(t, "POST", path, contentType, data, status, reason, append(o, bearer(b.admin))...)
	b.checkCount(t, a.Status >= 400)
	return a
}

// checkCount fails the test if a refused request changed the number of users.
func (b *bodyFixture) checkCount(t *testing.T, refused bool) {
	t.Helper()
	a := restDriver{b.node}.call(t, "ListUsers", args{"limit": 1}, bearer(b.admin)).want(t, 200, "")
	if total := a.Body.(map[string]any)["total"]; refused && total != b.users {
		t.Errorf("a refused request left %v users, want %v", total, b.users)
	} else {
		b.users = total
	}
}

// TestContentTypesAreChecked checks which content types each surface accepts.
func TestContentTypesAreChecked(t *testing.T) {
	b := newBodyFixture(t)
	const refused = "unsupported_media_type"
	for _, media := range []string{
		"application/json", "application/json; charset=utf-8", `application/json;charset="UTF-8"`, "Application/JSON",
		"application/json ; charset=utf-8", "application/json; version=1", "application/json; charset=utf8", `application/json; charset="UTF8"`,
		"application/json; charset='utf-8'", "application/json; Charset=Utf-8",
	} {
		b.postBody(t, "/api/v1/users", media, `{}`, 201, "")
		b.postBody(t, createUser, media, `{}`, 200, "")
	}
	for _, media := range []string{
		"text/plain", "text/json", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
		"application/json; charset=latin1", "application/json; charset=utf-16", "application/json; charset=", "application/jsonp", "application/problem+json",
		"application/vnd.api+json", "application/octet-stream", "*/*", "json", ";", "application/json;;=", "application/json, text/plain", "\u00e4/\u00f6",
	} {
		b.postBody(t, "/api/v1/users", media, `{}`, 415, refused)
		b.postBody(t, createUser, media, `{}`, 415, refused)
	}
	b.postBody(t, "/api/v1/users", protoType, "", 415, refused)
	b.postBody(t, "/api/v1/users", "application/grpc", "", 415, refused)
	for _, media := range []string{"application/connect+json", "application/connect+proto", "application/grpc-web-text", "application/grpc+xml", "application/grpcx"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", b.url+createUser, strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", media)
		if res, raw := b.send(t, r, bearer(b.admin)); res.StatusCode != 415 && grpcStatus(res, raw).Get("Grpc-Status") != "3" {
			t.Errorf("%s is answered %d %q", media, res.StatusCode, raw)
		}
	}
	// Without a content type the body must be empty, and the operation must not need one.
	b.postBody(t, "/api/v1/users", "", `{}`, 415, refused)
	b.postBody(t, "/api/v1/users", "", "", 422, "invalid_request")
	b.postBody(t, "/api/v1/api-keys", "", `{}`, 415, refused)
	b.postBody(t, "/api/v1/api-keys", "", "", 201, "")
	b.postBody(t, "/api/v1/api-keys", jsonType, "", 201, "")
	b.postBody(t, "/api/v1/api-keys", "text/plain", "", 415, refused)
	b.postBody(t, createUser, "", "", 415, refused)
	b.postBody(t, createUser, jsonType, "", 200, "")
	// Every Accept header gets JSON.
	for _, accept := range []string{"text/html", "application/xml;q=1, application/json;q=0", "*/*", ";", "image/*"} {
		a := b.postBody(t, "/api/v1/users", jsonType, `{}`, 201, "", header("Accept", accept))
		if got := a.Header.Get("Content-Type"); got != jsonType {
			t.Errorf("Accept: %s is answered with %q", accept, got)
		}
	}
	// An operation that takes no body ignores it.
	b.wantRaw(t, "POST", "/api/v1/auth/logout", "image/png", "{\xff", 200, "", bearer(b.admin))
}

// TestBodySizesAreBounded sends bodies of exactly the limit and of one byte more, with a
// Content-Length and chunked.
func TestBodySizesAreBounded(t *testing.T) {
	b := newBodyFixture(t)
	user := b.newUser(t, restDriver{b.node}, b.admin)
	b.checkCount(t, false)
	whole, err := json.Marshal(args{"workouts": []args{someWorkout()}})
	if err != nil {
		t.Fatal(err)
	}
	upsert := strings.TrimSuffix(string(whole), "}") + `,"user_id":"` + user + `"}`
	chunked := func(r *http.Request) { r.ContentLength, r.GetBody = -1, nil }
	for _, c := range []struct {
		path, data string
		success    int
		limit      int
	}{
		{"/api/v1/users", `{}`, 201, 64 << 10},
		{createUser, `{}`, 200, 64 << 10},
		{"/api/v1/users/" + user + "/events/workouts", upsert, 200, 8 << 20},
		{"/openwearables.v1.WorkoutService/UpsertWorkouts", upsert, 200, 8 << 20},
	} {
		fits := c.data + strings.Repeat(" ", c.limit-len(c.data))
		b.postBody(t, c.path, jsonType, fits, c.success, "")
		b.postBody(t, c.path, jsonType, fits+" ", 413, "body_too_large")
		b.postBody(t, c.path, jsonType, fits+" ", 413, "body_too_large", chunked)
	}
	b.postRPC(t, createUser, jsonType, strings.Repeat(" ", 64<<10+1), 413, "invalid_argument")
	b.postRPC(t, createUser, protoType, strings.Repeat("\x00", 64<<10+1), 413, "invalid_argument")
	long := string(protowire.AppendString(protowire.AppendTag(nil, 15, protowire.BytesType), strings.Repeat("x", 64<<10-4)))
	b.postBody(t, createUser, protoType, long, 200, "") // an unknown field, as long as the limit
	b.grpc(t, grpcFrame(long), "0", "")
	b.grpc(t, grpcFrame(long+"\x00"), "3", "body_too_large")
}

// TestCompressedBodiesAreRefused checks that compressed bodies are refused without decompressing
// them.
func TestCompressedBodiesAreRefused(t *testing.T) {
	b := newBodyFixture(t)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(z, zeros{}, 16<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"gzip", "GZIP", "deflate", "br", "zstd", "x", "identity, gzip"} {
		for _, data := range []string{bomb.String(), `{}`} {
			b.postBody(t, "/api/v1/users", jsonType, data, 415, "unsupported_media_type", header("Content-Encoding", encoding))
			b.postBody(t, createUser, jsonType, data, 415, "unsupported_media_type", header("Content-Encoding", encoding))
			b.postBody(t, createUser, protoType, data, 415, "unsupported_media_type", header("Content-Encoding", encoding))
		}
		query := listUsers + "?encoding=json&message={}&compression=" + strings.ReplaceAll(encoding, " ", "%20")
		b.wantRaw(t, "GET", query, "", "", 415, "unsupported_media_type", bearer(b.admin))
	}
	b.postRPC(t, createUser, jsonType, `{}`, 415, "invalid_argument", header("Content-Encoding", "gzip"))
	b.postBody(t, "/api/v1/users", jsonType, `{}`, 201, "", header("Content-Encoding", "identity"))
	b.postBody(t, createUser, jsonType, `{}`, 200, "", header("Content-Encoding", "identity"))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestUnreadableBodiesAreRefused checks that every surface refuses a body that is not exactly one
// valid JSON object or message.
func TestUnreadableBodiesAreRefused(t *testing.T) {
	b := newBodyFixture(t)
	for data, field := range map[string]string{
		"{": "", "}": "", "[]": "", "null": "", "7": "", `"x"`: "", " ": "", "{}{}": "", "{} x": "", `{"a":1,}`: "", `{a:1}`: "",
		`{"a":01}`: "", `{"a":+1}`: "a", `{"a":NaN}`: "a", `{"a":Infinity}`: "a", `{"a":'x'}`: "a", `{"a":"` + "\t" + `"}`: "a", `{"a":tru}`: "a",
		`{"a":1,"a":2}`: "a", `{"first_name":"x","first_name":"x"}`: "first_name", `{"first_name":"x","first\u005fname":"x"}`: "first_name",
		`{"x":{"y":[{"z":1,"z":1}]}}`: "x.y[0].z", "\ufeff{}": "", "{}\x00": "", "{/**/}": "",
		`{"first_name":"a\u0000b"}`: "first_name", "{\"first_name\":\"a\x00b\"}": "first_name", "{\"first_name\":\"\xff\"}": "first_name",
		"{\"first_name\":\"\xed\xa0\x80\"}": "first_name", `{"first_name":"\ud800"}`: "first_name", `{"first_name":"\udc00\ud800"}`: "first_name",
		`{"first_name":"\x"}`: "first_name", `{"unknown":"\u0000"}`: "unknown", `{"un\u0000known":1}`: "", "{\"\xff\":1}": "",
		strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000): "",
	} {
		rest := b.postBody(t, "/api/v1/users", jsonType, data, 422, "invalid_request")
		rpc := b.postBody(t, createUser, jsonType, data, 422, "invalid_request")
		if got := strings.Join(rest.Fields, " "); got != field {
			t.Errorf("%.60q names %q, want %q", data, got, field)
		}
		if rest.Detail != rpc.Detail || fmt.Sprint(rest.Fields) != fmt.Sprint(rpc.Fields) {
			t.Errorf("%.60q is %q %v on REST, %q %v on Connect", data, rest.Detail, rest.Fields, rpc.Detail, rpc.Fields)
		}
	}
	for _, data := range []string{"\xff", "\x0a\xff", "\x0a\x05ab", "\x0a\x01\xff", "\x08", "\x0b", "\x0c", "\x00\x00", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		b.postBody(t, createUser, protoType, data, 422, "invalid_request")
	}
}

// TestDepthIsBounded sends bodies with the deepest nesting allowed, and with one level more.
func TestDepthIsBounded(t *testing.T) {
	b := newBodyFixture(t)
	nested := func(levels int) string { // the outermost object is a level
		return `{"unknown":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
	}
	for _, path := range []string{"/api/v1/users", createUser} {
		success := 201
		if path == createUser {
			success = 200
		}
		b.postBody(t, path, jsonType, nested(32), success, "")
		b.postBody(t, path, jsonType, nested(33), 422, "invalid_request")
		b.postBody(t, path, jsonType, nested(10_000), 422, "invalid_request")
	}
	groups := bytes.Repeat(protowire.AppendTag(nil, 99, protowire.StartGroupType), 10_001)
	b.postBody(t, createUser, protoType, string(groups), 422, "invalid_request")
}

// TestUnknownMembersAreIgnored checks that unknown members and parameters are ignored, also known
// names in another spelling.
func TestUnknownMembersAreIgnored(t *testing.T) {
	b := newBodyFixture(t)
	const unknown = `{"first_name":"Ada","FIRST_NAME":"x","First_name":7,"nickname":{"a":[1e999,null]},"":0,"LastName":"x"}`
	a := b.postBody(t, "/api/v1/users?first_name=x&limit=x&unknown=%00", jsonType, unknown, 201, "")
	if a.str("first_name") != "Ada" || a.str("last_name") != "" {
		t.Errorf("the user is %v", a.Body)
	}
	a = b.postBody(t, createUser+"?first_name=x", jsonType, unknown, 200, "")
	if user, _ := a.Body.(map[string]any)["user"].(map[string]any); user["firstName"] != "Ada" || user["lastName"] != nil {
		t.Errorf("the user is %v", a.Body)
	}
	b.wantRaw(t, "GET", "/api/v1/users?Limit=x&limits=0&LIMIT=0&unknown=1&unknown=2", "", "", 200, "", bearer(b.admin))
	for _, query := range []string{"limit=%zz", "limit=1;page=2", "unknown=%", "%f"} { // a malformed query is refused as a whole
		b.wantRaw(t, "GET", "/api/v1/users?"+query, "", "", 422, "invalid_request", bearer(b.admin))
	}
}

// TestConnectGet checks that Connect allows GET for reads, and only for them.
func TestConnectGet(t *testing.T) {
	b := newBodyFixture(t)
	user := b.newUser(t, restDriver{b.node}, b.admin)
	get := func(query string, status int, reason string, o ...option) answer {
		t.Helper()
		return b.wantRaw(t, "GET", query, "", "", status, reason, append(o, bearer(b.admin))...)
	}
	message := base64.RawURLEncoding.EncodeToString([]byte(`{"limit":1}`))
	for _, query := range []string{
		"?encoding=json&message={}", "?encoding=json&message=", "?connect=v1&encoding=json&message=%7B%7D", "?encoding=json&base64=1&message=" + message,
		"?encoding=json&base64=1&message=", "?encoding=json&message={}&compression=identity", "?encoding=json&message={}&unknown=1",
	} {
		get(listUsers+query, 200, "")
		b.wantRaw(t, "HEAD", listUsers+query, "", "", 200, "", bearer(b.admin))
	}
	get(listUsers+"?encoding=json&message={}", 200, "", withBody(`{"limit":0}`)) // the body of a GET is ignored
	for query, status := range map[string]int{
		"": 422, "?message={}": 415, "?encoding=xml&message={}": 415, "?encoding=json": 422, "?encoding=proto": 422,
		"?encoding=json&message=[]": 422, "?encoding=json&message={": 422, "?encoding=json&base64=1&message=!": 422,
		"?encoding=json&message=" + `{"limit":1,"limit":2}`: 422, "?encoding=json&message=" + `{"limit":"x"}`: 422,
		"?encoding=json&message=%FF": 422, "?encoding=json&message=%00": 422, "?encoding=proto&base64=1&message=" + message: 422,
		"?encoding=json&message={}&connect=v2": 422, "?encoding=json&message={}&message={}": 422, "?encoding=json&encoding=json&message={}": 422,
	} {
		get(listUsers+strings.ReplaceAll(query, `"`, "%22"), status, map[int]string{415: "unsupported_media_type", 422: "invalid_request"}[status])
	}
	for operation, route := range restRouteOf() {
		path := procedure(method(operation)) + `?encoding=json&message={%22id%22:%22` + user + `%22}`
		a := b.sendRaw(t, "GET", path, "", "", bearer(b.admin))
		if safe := route.method == "GET"; safe == (a.Status == 405) || !safe && a.Header.Get("Allow") != "POST" {
			t.Errorf("GET of %s answers %d, Allow: %q", operation, a.Status, a.Header.Get("Allow"))
		}
	}
	restDriver{b.node}.call(t, "GetUser", args{"id": user}, bearer(b.admin)).want(t, 200, "")
}

// TestProtocolHeaders checks that invalid values of the RPC protocols' headers are refused.
func TestProtocolHeaders(t *testing.T) {
	b := newBodyFixture(t)
	for name, values := range map[string][]string{
		"Connect-Timeout-Ms":       {"x", "-1", "1.5", "12345678901", "0x10", " 1 2"},
		"Connect-Protocol-Version": {"2", "x", "1.0"},
	} {
		for _, value := range values {
			b.postBody(t, createUser, jsonType, `{}`, 422, "invalid_request", header(name, value))
		}
	}
	b.postBody(t, createUser, jsonType, `{}`, 200, "", header("Connect-Timeout-Ms", "60000"), header("Connect-Protocol-Version", "1"))
	for _, timeout := range []string{"x", "1", "-1S", "123456789S", "1s"} {
		b.grpc(t, grpcFrame(""), "3", "invalid_request", header("Grpc-Timeout", timeout))
	}
	b.grpc(t, grpcFrame(""), "0", "", header("Grpc-Timeout", "60S"))
	b.grpc(t, grpcFrame(""), "3", "unsupported_media_type", header("Grpc-Encoding", "br"))
	b.grpc(t, grpcFrame(""), "0", "", header("Grpc-Encoding", "identity"))
}

// TestGRPCFrames checks that a gRPC body which is not exactly one framed message is refused.
func TestGRPCFrames(t *testing.T) {
	b := newBodyFixture(t)
	named := string(protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "Ada"))
	b.grpc(t, grpcFrame(""), "0", "")
	b.grpc(t, grpcFrame(named), "0", "")
	for what, data := range map[string]string{
		"nothing": "", "half a header": "\x00\x00", "a header alone": "\x00\x00\x00\x00\x05", "too short": grpcFrame(named)[:7],
		"trailing bytes": grpcFrame(named) + "x", "two messages": grpcFrame(named) + grpcFrame(named), "an unknown flag": "\x02" + grpcFrame(named)[1:],
		"trailers": "\x80" + grpcFrame(named)[1:], "an endless length": "\x00\xff\xff\xff\xff" + named, "no message": grpcFrame("\xff"),
	} {
		t.Run(what, func(t *testing.T) { b.grpc(t, data, "3", "invalid_request") })
	}
	b.grpc(t, "\x01"+grpcFrame(named)[1:], "3", "unsupported_media_type")
}

// grpcFrame returns the message in a gRPC frame.
func grpcFrame(message string) string {
	return "\x00" + string(binary.BigEndian.AppendUint32(nil, uint32(len(message)))) + message
}

// grpc posts to CreateUser over gRPC and gRPC-Web, whose answers must agree.
func (b *bodyFixture) grpc(t *testing.T, data, code, reason string, o ...option) {
	t.Helper()
	for _, media := range []string{"application/grpc", "application/grpc+proto", "application/grpc-web+proto"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", b.url+createUser, strings.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", media)
		res, raw := b.send(t, r, append(o, bearer(b.admin))...)
		got := grpcStatus(res, raw)
		if got.Get("Grpc-Status") != code || res.StatusCode != 200 {
			t.Errorf("%s: %.20q is answered %d %v %q, want code %s", media, data, res.StatusCode, got, raw, code)
		}
		if details, _ := base64.RawStdEncoding.DecodeString(got.Get("Grpc-Status-Details-Bin")); !bytes.Contains(details, []byte(reason)) {
			t.Errorf("%s: %.20q is answered without the reason %s: %q", media, data, reason, details)
		}
		b.checkCount(t, code != "0")
	}
}

// grpcStatus returns the header or trailer that holds the status of a gRPC or gRPC-Web answer.
func grpcStatus(res *http.Response, raw []byte) http.Header {
	for _, h := range []http.Header{res.Header, res.Trailer} {
		if h.Get("Grpc-Status") != "" {
			return h
		}
	}
	h := make(http.Header)
	if i := bytes.LastIndexByte(raw, 0x80); i >= 0 && len(raw) > i+5 { // gRPC-Web sends its trailers as a frame
		for line := range strings.SplitSeq(string(raw[i+5:]), "\r\n") {
			name, value, _ := strings.Cut(line, ":")
			h.Set(name, strings.TrimSpace(value))
		}
	}
	return h
}

// postRPC posts to a procedure and checks the HTTP status and the Connect code.
func (b *bodyFixture) postRPC(t *testing.T, path, contentType, data string, status int, code string, o ...option) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", b.url+path, strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	res, raw := b.send(t, r, append(o, bearer(b.admin))...)
	var failure struct{ Code string }
	if err := json.Unmarshal(raw, &failure); err != nil || res.StatusCode != status || failure.Code != code {
		t.Errorf("%s is answered %d %q, want %d %s", path, res.StatusCode, raw, status, code)
	}
}
