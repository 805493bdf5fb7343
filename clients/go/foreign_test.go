package openwearables_test

import (
	"errors"
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// A base URL with a path that is not there fails with a sentence that says what the base
// URL should be.
func TestPathOfTheBaseURLIsNamed(t *testing.T) {
	for path, right := range map[string]string{"/api/v1": "", "/api/v1/": "", "/somewhere": "", "/ow/api": "/ow", "/api/v1/users": ""} {
		base := world.url + path
		_, login := openwearables.Login(t.Context(), base, world.email, world.password)
		c := newClient(t, base, openwearables.WithAPIKey("ow_live_x"))
		_, get := c.Users.Get(t.Context(), "u")
		_, create := c.Users.Create(t.Context(), &owv1.CreateUserRequest{})
		_, exchange := c.Tokens.Exchange(t.Context(), "u", openwearables.AppCredentials("app_x", "x"))
		for what, err := range map[string]error{"login": login, "get": get, "create": create, "exchange": exchange} {
			want := "ends in " + strings.TrimRight(path, "/") + ": it should be " + world.url + right + ","
			if !strings.Contains(err.Error(), want) || openwearables.IsNotFound(err) || openwearables.IsForbidden(err) {
				t.Errorf("%s, %s: %v", path, what, err)
			}
			var e *openwearables.Error
			if !errors.As(err, &e) || e.RequestID == "" || e.Reason == "" || e.Message[0] == ';' {
				t.Errorf("%s, %s: %+v", path, what, e)
			}
		}
	}
	h := newHostile(t, respond(403, []byte(`{"message":"Forbidden"}`), "Content-Type", "application/json"))
	_, err := newClient(t, h.URL+"/ow", openwearables.WithAPIKey("ow_live_x")).Users.Get(t.Context(), "u")
	if strings.Contains(err.Error(), "/ow") {
		t.Errorf("a refusal blames the path: %v", err)
	}
}

// Errors in JSON that are not Connect's are read.
func TestErrorsOfGatewaysInJSONAreRead(t *testing.T) {
	const (
		own   = "HTTP "
		plain = "application/json"
	)
	for name, c := range map[string]struct {
		status          int
		media, body     string
		kind            openwearables.Kind
		reason, message string
	}{
		"detail":              {422, plain, `{"detail":"d","reason":"r","message":"m"}`, openwearables.KindUnavailable, "r", "d"},
		"message":             {403, plain, `{"message":"Forbidden"}`, openwearables.KindUnavailable, "foreign_answer", "Forbidden"},
		"problem":             {503, "application/problem+json", `{"title":"t","detail":"d"}`, openwearables.KindUnavailable, "foreign_answer", "d"},
		"401":                 {401, plain, `{"detail":"no","reason":"gateway"}`, openwearables.KindUnauthenticated, "gateway", "no"},
		"429":                 {429, plain, `{"message":"slow"}`, openwearables.KindRateLimited, "foreign_answer", "slow"},
		"a code of its own":   {400, plain, `{"code":"E42","message":"m"}`, openwearables.KindUnavailable, "foreign_answer", "m"},
		"a number as code":    {400, plain, `{"code":42,"message":"m"}`, openwearables.KindUnavailable, "foreign_answer", "m"},
		"details in a list":   {422, plain, `{"detail":[{"msg":"x"}],"reason":"r"}`, openwearables.KindUnavailable, "r", own},
		"null":                {404, plain, `null`, openwearables.KindUnavailable, "foreign_answer", own},
		"a list":              {404, plain, `[1]`, openwearables.KindUnavailable, "foreign_answer", own},
		"empty":               {404, plain, ``, openwearables.KindUnavailable, "foreign_answer", own},
		"half a problem":      {404, "application/problem+json", `{"detail":`, openwearables.KindUnavailable, "foreign_answer", own},
		"unpacked in no time": {404, "application/problem+json", strings.Repeat(" ", 1<<20), openwearables.KindUnavailable, "foreign_answer", own},
		"escapes":             {404, plain, `{"detail":"a\u001b[31m\u202e","reason":"` + strings.Repeat("r", 500) + `"}`, openwearables.KindUnavailable, "rrrr", "a\ufffd[31m\ufffd"},
		"not UTF-8":           {404, plain, "{\"detail\":\"a\xff\"}", openwearables.KindUnavailable, "foreign_answer", "a\ufffd"},
		"Connect's":           {404, plain, `{"code":"not_found","message":"m","detail":"d"}`, openwearables.KindNotFound, "", "m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t, respond(c.status, []byte(c.body), "Content-Type", c.media, "X-Request-Id", "req_1"))
			_, err := newClient(t, h.URL, openwearables.WithAPIKey("ow_live_x"), openwearables.WithRetries(0)).Users.Get(t.Context(), "u")
			var e *openwearables.Error
			if !errors.As(err, &e) || e.Kind != c.kind || !strings.HasPrefix(e.Reason, c.reason) || len(e.Reason) > 128 ||
				!strings.HasPrefix(e.Message, c.message) || e.RequestID != "req_1" {
				t.Errorf("%+v", e)
			}
		})
	}
}

// An error that came without a request id shows none.
func TestNoRequestIDIsNone(t *testing.T) {
	h := newHostile(t, respond(404, []byte(`{"code":"not_found","message":"m"}`), "Content-Type", "application/json"))
	_, err := newClient(t, h.URL, openwearables.WithAPIKey("ow_live_x")).Users.Get(t.Context(), "u")
	var e *openwearables.Error
	if !errors.As(err, &e) || e.RequestID != "" || e.Error() != "openwearables: m" {
		t.Errorf("%v", err)
	}
}
