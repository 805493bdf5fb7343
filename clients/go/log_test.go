package openwearables_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// logged is one line of a client's log.
type logged struct {
	Method    string  `json:"method"`
	Attempt   int     `json:"attempt"`
	Status    int     `json:"status"`
	Duration  float64 `json:"duration"`
	RequestID string  `json:"request_id"`
	Error     string  `json:"error"`
}

// buffer is safe for concurrent use.
type buffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer // not embedded: its ReadFrom takes no lock
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

// text returns what was written.
func (b *buffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

func (b *buffer) lines(t *testing.T) (lines []logged) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := secrets.FindString(b.bytes.String()); found != "" {
		t.Errorf("the log shows %s...", found)
	}
	for line := range strings.Lines(b.bytes.String()) {
		var l logged
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	b.bytes.Reset()
	return lines
}

func TestLoggerTellsEveryAttempt(t *testing.T) {
	proxy, base := newProxy(t)
	_, key := newKey(t)
	log := new(buffer)
	debug := openwearables.WithLogger(slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	c := newClient(t, base, openwearables.WithAPIKey(key), debug)
	proxy.Rules(faultproxy.Rule{Method: "GetUser", Fault: faultproxy.Answer, Status: 503, Times: 1}, faultproxy.Rule{Method: "GetUser", Fault: faultproxy.Reset, Times: 1})
	p := newPerson(t)
	_, err := c.Users.Get(t.Context(), p.id)
	check(t, err)
	lines := log.lines(t)
	if len(lines) != 3 {
		t.Fatalf("lines: %+v", lines)
	}
	for i, l := range lines {
		if l.Method != "openwearables.v1.UserService/GetUser" || l.Attempt != i+1 || l.Duration <= 0 {
			t.Errorf("line %d: %+v", i, l)
		}
	}
	if lines[0].Status != 503 || lines[1].Error == "" || lines[2].Status != 200 || !strings.HasPrefix(lines[2].RequestID, "req_") {
		t.Errorf("lines: %+v", lines)
	}

	// Calls with credentials in their messages.
	app, err := world.dev.Applications.Create(t.Context(), "log")
	check(t, err)
	proxy.Rules(faultproxy.Rule{Method: "CreateUserToken", Fault: faultproxy.Drop, Times: 1})
	_, err = c.Tokens.Exchange(t.Context(), p.id, openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal()))
	check(t, err)
	if lines := log.lines(t); len(lines) != 2 || lines[1].Attempt != 2 || lines[1].Status != 200 {
		t.Errorf("an exchange: %+v", lines)
	}
	session := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)), debug)
	_, err = session.Users.Get(t.Context(), p.id)
	check(t, err)
	if lines := log.lines(t); len(lines) != 2 || !strings.HasSuffix(lines[0].Method, "/RefreshToken") {
		t.Errorf("a session: %+v", lines)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransportSeesEveryAttempt(t *testing.T) {
	_, key := newKey(t)
	var seen []string
	c := newClient(t, world.url, openwearables.WithAPIKey(key), openwearables.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r.URL.Path)
		return http.DefaultTransport.RoundTrip(r)
	})))
	_, err := c.Users.Page(t.Context(), &owv1.ListUsersRequest{})
	check(t, err)
	if len(seen) != 1 || !strings.HasSuffix(seen[0], "/ListUsers") {
		t.Errorf("seen %q", seen)
	}
}

// Headers and keys of a call reach the server, also of one that uses no client credential,
// and none of them replaces what the client sets.
func TestHeadersOfACall(t *testing.T) {
	var mu sync.Mutex
	var got http.Header
	_, key := newKey(t)
	c := newClient(t, world.url, openwearables.WithAPIKey(key), openwearables.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		got = r.Header.Clone()
		return http.DefaultTransport.RoundTrip(r)
	})))
	app, err := world.dev.Applications.Create(t.Context(), "headers")
	check(t, err)
	p := newPerson(t)
	ctx := openwearables.WithHeader(openwearables.WithHeader(t.Context(), "X-Gateway", "one"), "x-tenant", "two")
	ctx = openwearables.WithIdempotencyKey(ctx, "key-of-the-test-"+p.id)
	for name, call := range map[string]func() error{
		"with the client's credential": func() error { return second(c.Users.Create(ctx, &owv1.CreateUserRequest{})) },
		"with an application's": func() error {
			return second(c.Tokens.Exchange(ctx, p.id, openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal())))
		},
	} {
		check(t, call())
		if got.Get("X-Gateway") != "one" || got.Get("X-Tenant") != "two" || got.Get("Idempotency-Key") != "key-of-the-test-"+p.id {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, h := range [][2]string{
		{"Authorization", "x"}, {"cookie", "x"}, {"Content-Type", "x"}, {"Connect-Timeout-Ms", "1"}, {"", "x"}, {"a b", "x"}, {"X-Ok", "a\nb"},
	} {
		if _, err := c.Users.Get(openwearables.WithHeader(t.Context(), h[0], h[1]), p.id); !openwearables.IsInvalid(err) {
			t.Errorf("%q: %v", h, err)
		}
	}
	ctx, info := openwearables.WithResponseInfo(t.Context())
	check(t, second(c.Tokens.Exchange(ctx, p.id, openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal()))))
	if info.RequestID == "" || info.Header.Get("X-Request-Id") != info.RequestID {
		t.Errorf("the response of an exchange: %+v", info)
	}
	for name, opt := range map[string]openwearables.Option{"transport": openwearables.WithTransport(nil), "logger": openwearables.WithLogger(nil)} {
		if _, err := openwearables.New(world.url, opt); !openwearables.IsInvalid(err) {
			t.Errorf("no %s: %v", name, err)
		}
	}
}
