package rules_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/oapi-codegen/nullable"

	"github.com/openwearables/openwearables/gen/openapi"
)

var errSeen = errors.New("seen")

// recorder records the request that the generated server decoded.
type recorder struct {
	openapi.StrictServerInterface
	login  openapi.LoginRequestObject
	update openapi.UpdateKeyRequestObject
	token  openapi.CreateUserTokenRequestObject
	upsert openapi.UpsertWorkoutsRequestObject
}

func (s *recorder) Login(_ context.Context, r openapi.LoginRequestObject) (openapi.LoginResponseObject, error) {
	s.login = r
	return nil, errSeen
}

func (s *recorder) UpdateKey(_ context.Context, r openapi.UpdateKeyRequestObject) (openapi.UpdateKeyResponseObject, error) {
	s.update = r
	return nil, errSeen
}

func (s *recorder) CreateUserToken(_ context.Context, r openapi.CreateUserTokenRequestObject) (openapi.CreateUserTokenResponseObject, error) {
	s.token = r
	return nil, errSeen
}

func (s *recorder) UpsertWorkouts(_ context.Context, r openapi.UpsertWorkoutsRequestObject) (openapi.UpsertWorkoutsResponseObject, error) {
	s.upsert = r
	return nil, errSeen
}

// send passes one request through the generated server. It returns the error with which
// the server refused the request, nil if a handler was reached.
func send(t *testing.T, method, target, contentType, body string) (*recorder, error) {
	t.Helper()
	var got error
	keep := func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }
	server := &recorder{}
	strict := openapi.NewStrictHandlerWithOptions(server, nil, openapi.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  keep,
		ResponseErrorHandlerFunc: keep,
	})
	handler := openapi.HandlerWithOptions(strict, openapi.StdHTTPServerOptions{
		BaseURL:          "/api/v1",
		ErrorHandlerFunc: keep,
	})
	request := httptest.NewRequest(method, "/api/v1"+target, io.NopCloser(strings.NewReader(body)))
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	handler.ServeHTTP(httptest.NewRecorder(), request)
	switch {
	case errors.Is(got, errSeen):
		return server, nil
	case got == nil:
		t.Fatalf("%s %s reached no handler", method, target)
	}
	return server, got
}

func TestPatchDistinguishesAbsentFromNull(t *testing.T) {
	tests := []struct {
		body string
		want openapi.UpdateKeyRequest
	}{
		{`{}`, openapi.UpdateKeyRequest{}},
		{`{"Name": "x", "NAME": "y"}`, openapi.UpdateKeyRequest{}},
		{`{"expires_at": null}`, openapi.UpdateKeyRequest{ExpiresAt: nullable.NewNullNullable[string]()}},
		{`{"enabled": false}`, openapi.UpdateKeyRequest{Enabled: nullable.NewNullableWithValue(false)}},
		{`{"enabled": null}`, openapi.UpdateKeyRequest{Enabled: nullable.NewNullNullable[bool]()}},
		{`{"name": "x", "NAME": "y"}`, openapi.UpdateKeyRequest{Name: nullable.NewNullableWithValue("x")}},
	}
	for _, test := range tests {
		server, err := send(t, "PATCH", "/api-keys/key_1", "application/json", test.body)
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
			continue
		}
		got := *server.update.Body
		if !same(got.Name, test.want.Name) || !same(got.Enabled, test.want.Enabled) || !same(got.ExpiresAt, test.want.ExpiresAt) || got.Scopes.IsSpecified() {
			t.Errorf("%s: got %+v", test.body, got)
		}
	}

	server, err := send(t, "PATCH", "/api-keys/key_1", "application/json", `{"scopes": ["users:read"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if scopes, err := server.update.Body.Scopes.Get(); err != nil || len(scopes) != 1 || scopes[0] != "users:read" {
		t.Errorf("scopes: %v, %v", scopes, err)
	}
}

func same[T comparable](a, b nullable.Nullable[T]) bool {
	if a.IsSpecified() != b.IsSpecified() || a.IsNull() != b.IsNull() {
		return false
	}
	left, _ := a.Get()
	right, _ := b.Get()
	return left == right
}

func TestTypeErrorsNameTheField(t *testing.T) {
	tests := []struct{ method, target, body, pointer string }{
		{"PATCH", "/api-keys/key_1", `{"enabled": "yes"}`, "/enabled"},
		{"PATCH", "/api-keys/key_1", `{"scopes": [1]}`, "/scopes"},
		{"POST", "/users/u/events/workouts", `{"workouts": [{}, {"source": {"provider": 7}}]}`, "/workouts/1/source/provider"},
		{"POST", "/users/u/events/workouts", `{"workouts": [{"duration_seconds": 2147483648}]}`, "/workouts/0/duration_seconds"},
		{"POST", "/auth/login", `[]`, ""},
	}
	for _, test := range tests {
		_, err := send(t, test.method, test.target, "application/json", test.body)
		var semantic *jsonv2.SemanticError
		if !errors.As(err, &semantic) {
			t.Errorf("%s: %v", test.body, err)
		} else if string(semantic.JSONPointer) != test.pointer {
			t.Errorf("%s: pointer %q, want %q", test.body, semantic.JSONPointer, test.pointer)
		}
	}
}

func TestUnreadableBodyIsRefused(t *testing.T) {
	for _, body := range []string{"{", "null", "{} {}", " ", `{"name": "a", "name": "b"}`, "{\"name\": \"\xff\"}"} {
		if _, err := send(t, "PATCH", "/api-keys/key_1", "application/json", body); err == nil {
			t.Errorf("%q reached the handler", body)
		}
		if _, err := send(t, "POST", "/users/u/token", "application/json", body); err == nil {
			t.Errorf("optional %q reached the handler", body)
		}
	}
	if _, err := send(t, "PATCH", "/api-keys/key_1", "application/json", ""); err == nil {
		t.Error("an absent body reached the handler")
	}
}

func TestOptionalBodyMayBeAbsent(t *testing.T) {
	for _, contentType := range []string{"", "application/json"} {
		server, err := send(t, "POST", "/users/u/token", contentType, "")
		if err != nil {
			t.Errorf("%q: %v", contentType, err)
		} else if server.token.Body != nil || server.token.UserID != "u" {
			t.Errorf("%q: got %+v", contentType, server.token)
		}
	}
	server, err := send(t, "POST", "/users/u/token", "application/json", `{"app_id": "a", "app_secret": null}`)
	if err != nil {
		t.Fatal(err)
	}
	if body := server.token.Body; body == nil || *body.AppID != "a" || body.AppSecret != nil {
		t.Errorf("got %+v", body)
	}
}

func TestLoginReadsTheBodyAlone(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	server, err := send(t, "POST", "/auth/login?username=u&password=p&use_cookie=true", form, "username=a&password=b%20c")
	if err != nil {
		t.Fatal(err)
	}
	if got := server.login.FormdataBody; *got.Username != "a" || *got.Password != "b c" || got.UseCookie != nil {
		t.Errorf("got %+v", got)
	}

	server, err = send(t, "POST", "/auth/login?username=u&password=p", form, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := server.login.FormdataBody; got.Username != nil || got.Password != nil {
		t.Errorf("got %+v", got)
	}

	server, err = send(t, "POST", "/auth/login", "application/json; charset=utf-8", `{"email": "a", "password": "b", "use_cookie": true}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := server.login.JSONBody; server.login.FormdataBody != nil || *got.Email != "a" || *got.Password != "b" || !*got.UseCookie {
		t.Errorf("got %+v", got)
	}
}
