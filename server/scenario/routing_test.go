package scenario_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// sendRaw sends a request exactly as given, to any surface. The body of an RPC's success keeps its
// own shape.
func (n *node) sendRaw(t *testing.T, method, path, contentType, body string, o ...option) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, n.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	res, data := n.send(t, r, o...)
	if method == "HEAD" {
		return answer{Status: res.StatusCode, Header: res.Header}
	}
	switch procedure := strings.HasPrefix(path, "/openwearables.v1."); {
	case procedure && res.StatusCode != 200:
		return rpcRefusal(t, res, data)
	case procedure && contentType == protoType:
		return answer{Status: res.StatusCode, Header: res.Header}
	}
	return restAnswer(t, res, data)
}

// wantRaw calls sendRaw and fails the test unless the answer has the status and reason.
func (n *node) wantRaw(t *testing.T, method, path, contentType, body string, status int, reason string, o ...option) answer {
	t.Helper()
	a := n.sendRaw(t, method, path, contentType, body, o...)
	if a.Status != status || a.Reason != reason {
		t.Errorf("%s %.120s (%s) answers %d %q (%s %v), want %d %q",
			method, path, contentType, a.Status, a.Reason, a.Detail, a.Fields, status, reason)
	}
	return a
}

// leakPatterns are texts that reveal internals of the server. No error may contain them.
var leakPatterns = []string{
	".go", "goroutine", "panic", "runtime error", "sqlite", "postgres", "sql", "constraint", "bun:", "json: cannot", "proto:", "strconv", "unmarshal",
	"invalid character", "nullable", "struct", "map[", "interface", "auth.", "event.", "openapi.", "owv1.", "jsontext", "unexpected eof", "server:",
	"/home/", "/tmp/", "/work/", "/usr/", "/root/", "/proc/", ".db", "0x",
}

// checkRefusal checks that every refusal has the shape of an error and reveals nothing of the
// server's internals.
func (c contractTransport) checkRefusal(r *http.Request, res *http.Response, body []byte) {
	text := res.Header.Get("Grpc-Message") + res.Trailer.Get("Grpc-Message")
	if res.StatusCode >= 400 {
		text += string(body)
	}
	text, _, _ = strings.Cut(strings.ReplaceAll(text, res.Header.Get("X-Request-Id"), ""), `"details":`) // the details repeat the message in binary
	for _, leak := range leakPatterns {
		if strings.Contains(strings.ToLower(text), leak) {
			c.t.Errorf("%s %.80s answers %d and tells %q: %.300s", r.Method, r.URL.Path, res.StatusCode, leak, text)
		}
	}
	if res.StatusCode < 400 || r.Method == http.MethodHead || r.URL.Path == "/readyz" || strings.HasPrefix(r.URL.Path, "/openwearables.v1.") || r.URL.Path == healthCheck ||
		strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		return
	}
	var shape map[string]any
	if err := json.Unmarshal(body, &shape); err != nil || res.Header.Get("Content-Type") != "application/json" {
		c.t.Errorf("%s %.80s answers %d with %q", r.Method, r.URL.Path, res.StatusCode, body)
	}
	detail, _ := shape["detail"].(string)
	reason, _ := shape["reason"].(string)
	_, code := shape["code"]
	_, errors := shape["errors"]
	if detail == "" || reason == "" || shape["request_id"] != res.Header.Get("X-Request-Id") || code || errors != (res.StatusCode == 422) {
		c.t.Errorf("%s %.80s answers %d in another shape than an error's: %s", r.Method, r.URL.Path, res.StatusCode, body)
	}
}

// servedPaths returns the served paths with placeholders for their parameters, and the methods of
// each.
func servedPaths() map[string][]string {
	served := map[string][]string{
		"/livez": {"GET"}, "/readyz": {"GET"}, "/openapi.yaml": {"GET"}, "/docs": {"GET"}, "/docs/reference": {"GET"}, "/": {"GET"}, "/setup": {"GET"}, "/theme.js": {"GET"}, "/.well-known/jwks.json": {"GET"},
		"/oauth/introspect": {"POST"},
		"/api/v1/config":    {"GET"}, "/api/v1/mcp-clients/touch": {"POST"}, "/api/v1/users/x/connections/x": {"DELETE"},
	}
	for operation, route := range restRouteOf() {
		path := "/api/v1" + regexp.MustCompile(`\{\w+\}`).ReplaceAllString(route.path, "x")
		served[path] = append(served[path], route.method)
		m := method(operation)
		served[procedure(m)] = []string{"POST"}
		if route.method == "GET" {
			served[procedure(m)] = []string{"GET", "POST"}
		}
	}
	for alias, path := range map[string]string{
		"/api/v1/token/refresh": "/api/v1/auth/refresh", "/api/v1/token/revoke": "/api/v1/auth/revoke",
		"/api/v1/developer/api-keys": "/api/v1/api-keys", "/api/v1/developer/api-keys/x": "/api/v1/api-keys/x",
		"/api/v1/developer/api-keys/x/rotate": "/api/v1/api-keys/x/rotate",
	} {
		served[alias] = served[path]
	}
	for path, methods := range served {
		if slices.Contains(methods, "GET") {
			served[path] = slices.Concat(methods, []string{"HEAD"})
		}
		served[path] = slices.Sorted(slices.Values(served[path]))
	}
	return served
}

// TestOtherMethodsAreRefused checks that a method which the path does not support is a 405 with
// Allow, also without a credential.
func TestOtherMethodsAreRefused(t *testing.T) {
	n := start(t, unlimited)
	for path, allowed := range servedPaths() {
		for _, method := range []string{
			"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "FOO",
		} {
			if slices.Contains(allowed, method) {
				r, err := http.NewRequestWithContext(t.Context(), method, n.url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if res, _ := n.send(t, r); res.StatusCode == 404 || res.StatusCode == 405 {
					t.Errorf("%s %s answers %d", method, path, res.StatusCode)
				}
				continue
			}
			a := n.sendRaw(t, method, path, "", "")
			if a.Status != 405 || a.Reason != "method_not_allowed" && method != "HEAD" {
				t.Errorf("%s %s answers %d %q, want 405", method, path, a.Status, a.Reason)
			}
			if got := a.Header.Get("Allow"); got != strings.Join(allowed, ", ") {
				t.Errorf("%s %s: Allow is %q, want %q", method, path, got, allowed)
			}
		}
	}
}

// TestUncleanPaths checks that a path which is not in canonical form is a 404, never a redirect,
// with or without a credential.
func TestUncleanPaths(t *testing.T) {
	n := start(t, unlimited)
	admin, _ := n.login(t, restDriver{n})
	for _, path := range []string{
		"//api/v1/users", "/api//v1/users", "/api/v1//users", "/api/v1/users/", "/api/v1/users//", "/api/v1/./users", "/api/v1/x/../users",
		"/api/v1/../../api/v1/users", "/api/v1/users/.", "/api/v1/users/..", "/api/v1/Users", "/API/v1/users", "/api/v1/users%2F", "/api/v1%2Fusers",
		"/api/v1/users%00", "/api/v1/token/refresh/", "//api/v1/token/refresh", "/api/v1/token//refresh", "/api/v1/developer/api-keys/",
		"/api/v1/developer//api-keys", "/api/v1/developer/api-keysx", "/api/v1/developer", "/livez/", "//livez", "/docs/", "/docs/../livez", "//", "/keys", "/assets/", "/assets/none.js",
		"/openwearables.v1.UserService//ListUsers", "//openwearables.v1.UserService/ListUsers", "/openwearables.v1.UserService/ListUsers/",
		"/openwearables.v1.UserService/", "/openwearables.v1.UserService", "/openwearables.v1.UserService/listUsers", "/openwearables.v1.Other/ListUsers",
	} {
		for _, present := range [][]option{nil, {bearer(admin)}, {bearer("x")}} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				n.wantRaw(t, method, path, "application/json", "{}", 404, "not_found", present...)
			}
		}
	}
}

// TestAliases checks that an alias answers with the same bytes as its path.
func TestAliases(t *testing.T) {
	n := start(t, unlimited)
	admin, refresh := n.login(t, restDriver{n})
	id, _ := n.newKey(t, restDriver{n}, admin, args{})
	both := func(method, path, alias, data string, o ...option) {
		t.Helper()
		var answers [2]string
		for i, p := range []string{path, alias} {
			r, err := http.NewRequestWithContext(t.Context(), method, n.url+"/api/v1"+p, strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			res, raw := n.send(t, r, append(o, header("X-Request-Id", "req_alias"))...)
			answers[i] = fmt.Sprintln(res.StatusCode, res.Header["Allow"], res.Header["Content-Type"], string(raw))
		}
		if answers[0] != answers[1] {
			t.Errorf("%s %s answers\n%s%s\n%s", method, path, answers[0], alias, answers[1])
		}
	}
	for _, present := range [][]option{nil, {bearer(admin)}} {
		both("GET", "/api-keys", "/developer/api-keys", "", present...)
		both("PATCH", "/api-keys", "/developer/api-keys", "", present...)
		both("GET", "/api-keys/"+id, "/developer/api-keys/"+id, "", present...)
		both("PATCH", "/api-keys/"+id, "/developer/api-keys/"+id, `{"name":"A"}`, present...)
		both("PATCH", "/api-keys/"+id, "/developer/api-keys/"+id, `{"name":""}`, present...)
		both("DELETE", "/api-keys/key_none", "/developer/api-keys/key_none", "", present...)
		both("POST", "/api-keys/key_none/rotate", "/developer/api-keys/key_none/rotate", "", present...)
		both("POST", "/api-keys/"+id+"%2Frotate", "/developer/api-keys/"+id+"%2Frotate", "", present...)
		both("GET", "/api-keys/a%2Fb", "/developer/api-keys/a%2Fb", "", present...)
		both("GET", "/api-keys/%25", "/developer/api-keys/%25", "", present...)
		both("POST", "/auth/refresh", "/token/refresh", `{"refresh_token":"x"}`, present...)
		both("POST", "/auth/refresh", "/token/refresh", `{}`, present...)
		both("POST", "/auth/revoke", "/token/revoke", `{"refresh_token":"x"}`, present...)
		both("GET", "/auth/revoke", "/token/revoke", "", present...)
	}
	n.wantRaw(t, "POST", "/api/v1/developer/api-keys", "", "", 201, "", bearer(admin))
	n.wantRaw(t, "POST", "/api/v1/developer/api-keys/"+id+"/rotate", "", "", 201, "", bearer(admin))
	n.wantRaw(t, "DELETE", "/api/v1/developer/api-keys/"+id, "", "", 200, "", bearer(admin))
	a := n.wantRaw(t, "POST", "/api/v1/token/refresh", "application/json", `{"refresh_token":"`+refresh+`"}`, 200, "")
	n.wantRaw(t, "POST", "/api/v1/token/revoke", "application/json", `{"refresh_token":"`+a.str("refresh_token")+`"}`, 204, "")
	n.wantRaw(t, "GET", "/api/v1/auth/me", "", "", 401, "invalid_token", bearer(a.str("access_token")))
}

// TestPanicIsAnInternalError checks that a panic of a handler becomes a 500 that reveals nothing,
// is logged, and does not stop the server.
func TestPanicIsAnInternalError(t *testing.T) {
	n := start(t, unlimited)
	n.server.Mount("GET /boom", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a secret cause") }))
	n.server.Mount("POST /openwearables.v1.BoomService/Boom", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a secret cause") }))
	n.server.Mount("GET /half", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half of an answer"))
		w.(http.Flusher).Flush()
		panic("a secret cause")
	}))
	for path, method := range map[string]string{"/boom": "GET", "/openwearables.v1.BoomService/Boom": "POST"} {
		a := n.wantRaw(t, method, path, "application/json", "", 500, "internal")
		if a.Detail != "Internal server error" {
			t.Errorf("a panic is answered %q", a.Detail)
		}
	}
	if log := n.log.String(); strings.Count(log, "panic: a secret cause") != 2 || !strings.Contains(log, "routing_test.go") {
		t.Error("the log does not hold both panics with their stacks")
	}
	// A partial answer must not end as if it were complete.
	r, err := http.NewRequestWithContext(t.Context(), "GET", n.url+"/half", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := n.http.Do(r); err == nil {
		res.Body.Close()
		t.Errorf("half an answer ended as %d", res.StatusCode)
	}
	if got := strings.Count(n.log.String(), "panic: a secret cause"); got != 3 {
		t.Errorf("the log holds %d panics, want 3", got)
	}
	n.wantRaw(t, "GET", "/livez", "", "", 200, "")
}

// TestTargetsWithoutPath checks that request targets without a path (RFC 9112 section 3.2) are
// answered and limited like any other.
func TestTargetsWithoutPath(t *testing.T) {
	config := server.DefaultConfig()
	config.Addr, config.Database = "127.0.0.1:0", "sqlite:"+filepath.Join(t.TempDir(), "node.db")
	s, err := server.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(addr string) { listening <- addr }) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Error(err)
		}
	})
	addr := <-listening
	for _, target := range []string{"OPTIONS *", "GET *", "CONNECT example.com:443", "GET http://" + addr + "//livez"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, err = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, addr)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		raw, _ := io.ReadAll(res.Body)
		conn.Close()
		if a := restAnswer(t, res, raw); a.Status != 404 || a.Reason != "not_found" || a.Header.Get("X-RateLimit-Limit") == "" {
			t.Errorf("%s answers %d %q %v", target, a.Status, raw, a.Header)
		}
	}
}
