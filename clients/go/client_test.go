package openwearables_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Bad options are refused before anything is sent, and the error says what to
// change.
func TestBadOptionsAreRefused(t *testing.T) {
	key, store := openwearables.WithAPIKey("ow_live_x"), openwearables.WithStore(openwearables.MemoryStore())
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for _, c := range []struct {
		name, base, advice string
		opts               []openwearables.Option
	}{
		{"no scheme", "api.example.com", "absolute", nil},
		{"host and port without scheme", "localhost:8000", "absolute", nil},
		{"empty", "", "absolute", nil},
		{"relative", "/api", "absolute", nil},
		{"another scheme", "ftp://api.example.com", "https://", nil},
		{"http beyond loopback", "http://api.example.com", "loopback", nil},
		{"http to a private address", "http://192.168.1.2:8000", "loopback", nil},
		{"http to what only looks like loopback", "http://localhost.example.com", "loopback", nil},
		{"user info", "https://a:b@api.example.com", "host", nil},
		{"query", "https://api.example.com?x=1", "host", nil},
		{"empty key", world.url, "environment", []openwearables.Option{openwearables.WithAPIKey("")}},
		{"Bearer", world.url, "Bearer", []openwearables.Option{openwearables.WithAPIKey("Bearer ow_live_x")}},
		{"bearer", world.url, "Bearer", []openwearables.Option{openwearables.WithAPIKey("bearer ow_live_x")}},
		{"line break", world.url, "line break", []openwearables.Option{openwearables.WithAPIKey("ow_live_x\n")}},
		{"an application's secret as key", world.url, "ow_live_", []openwearables.Option{openwearables.WithAPIKey("secret_x")}},
		{"two credentials", world.url, "one credential", []openwearables.Option{key, store}},
		{"nil store", world.url, "nil", []openwearables.Option{openwearables.WithStore(nil)}},
		{"nil provider", world.url, "nil", []openwearables.Option{openwearables.WithTokenProvider(nil)}},
		{"incomparable store", world.url, "pointer", []openwearables.Option{openwearables.WithStore(incomparable{})}},
		{"unchecked certificates", world.url, "RootCAs", []openwearables.Option{key, openwearables.WithHTTPClient(insecure)}},
		{"negative timeout", world.url, "timeout", []openwearables.Option{openwearables.WithTimeout(-1)}},
		{"many retries", world.url, "retries", []openwearables.Option{openwearables.WithRetries(9)}},
		{"small bound", world.url, "64 KiB", []openwearables.Option{openwearables.WithMaxResponseBytes(64<<10 - 1)}},
		{"no bound", world.url, "64 KiB", []openwearables.Option{openwearables.WithMaxResponseBytes(0)}},
		{"large bound", world.url, "1 GiB", []openwearables.Option{openwearables.WithMaxResponseBytes(1<<30 + 1)}},
		{"nil option", world.url, "nil", []openwearables.Option{nil}},
		{"user agent with a line break", world.url, "user agent", []openwearables.Option{openwearables.WithUserAgent("a\r\nb")}},
	} {
		_, err := openwearables.New(c.base, c.opts...)
		var e *openwearables.Error
		if !errors.As(err, &e) || !openwearables.IsInvalid(err) || strings.Count(err.Error(), c.advice) != 1 {
			t.Errorf("%s: %v, want advice about %q", c.name, err, c.advice)
		}
		if c.name != "nil option" && len(e.Fields) != 1 {
			t.Errorf("%s: the fields are %v", c.name, e.Fields)
		}
	}
	for _, base := range []string{"https://api.example.com", "https://api.example.com/ow/", "http://localhost:8000", "http://127.0.0.1:1", "http://[::1]:1", "http://127.8.8.8"} {
		if c, err := openwearables.New(base, key); err != nil || strings.HasSuffix(c.BaseURL(), "/") {
			t.Errorf("%s: %v %v", base, c, err)
		}
	}
}

type incomparable struct {
	openwearables.Store
	_ []int
}

func TestBadPairsAreRefused(t *testing.T) {
	c := newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()))
	good := openwearables.TokenPair{Access: openwearables.NewSecret("a"), Refresh: openwearables.NewSecret("r"), ExpiresIn: time.Hour}
	for name, change := range map[string]func(*openwearables.TokenPair){
		"no access token":        func(p *openwearables.TokenPair) { p.Access = openwearables.Secret{} },
		"access with its scheme": func(p *openwearables.TokenPair) { p.Access = openwearables.NewSecret("Bearer a") },
		"refresh with a scheme":  func(p *openwearables.TokenPair) { p.Refresh = openwearables.NewSecret("bearer r") },
		"no life":                func(p *openwearables.TokenPair) { p.ExpiresIn = 0 },
		"a long token":           func(p *openwearables.TokenPair) { p.Refresh = openwearables.NewSecret(strings.Repeat("r", 5000)) },
	} {
		p := good
		change(&p)
		if err := c.SignIn(t.Context(), p); !openwearables.IsInvalid(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := c.Token(t.Context()); !openwearables.IsUnauthenticated(err) {
		t.Errorf("signed in by a bad pair: %v", err)
	}
	if err := newClient(t, world.url, openwearables.WithAPIKey("ow_live_x")).SignIn(t.Context(), good); !openwearables.IsInvalid(err) {
		t.Errorf("a client with a key signs in: %v", err)
	}
}

func TestErrorsCarryReasonFieldsAndRequestID(t *testing.T) {
	ctx, info := openwearables.WithResponseInfo(t.Context())
	_, key := newKey(t)
	c := newClient(t, world.url, openwearables.WithAPIKey(key))
	if _, err := c.Users.Page(ctx, &owv1.ListUsersRequest{}); err != nil {
		t.Fatal(err)
	}
	if info.RequestID == "" || info.RateLimit.Limit == 0 || info.RateLimit.Reset.Before(time.Now().Add(-time.Minute)) {
		t.Errorf("info of a success: %+v", info)
	}
	bad := int32(1000)
	_, err := c.Users.Page(ctx, &owv1.ListUsersRequest{Limit: &bad})
	var e *openwearables.Error
	if !errors.As(err, &e) || e.Kind != openwearables.KindInvalid || e.Reason != "invalid_request" ||
		len(e.Fields) != 1 || e.Fields[0].Field != "limit" || e.RequestID == "" || e.RequestID != info.RequestID {
		t.Errorf("error %#v, info %+v", e, info)
	}
	if ce := (*connect.Error)(nil); !errors.As(err, &ce) || ce.Code() != connect.CodeInvalidArgument {
		t.Errorf("no connect.Error within %v", err)
	}
	k, err := world.dev.Keys.Create(t.Context(), &owv1.CreateKeyRequest{Scopes: []string{"users:read"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = newClient(t, world.url, openwearables.WithAPIKey(k.Secret.Reveal())).Users.Create(t.Context(), &owv1.CreateUserRequest{})
	if !errors.As(err, &e) || !openwearables.IsForbidden(err) || e.RequiredScope != "users:write" {
		t.Errorf("missing scope: %+v", e)
	}
	if openwearables.KindOf(nil) != "" || openwearables.KindOf(errors.New("x")) != openwearables.KindInternal {
		t.Error("kinds of what is not ours")
	}
}

// Each minting call carries an Idempotency-Key of its own, which the caller may set.
func TestMintingCallsCarryOneKey(t *testing.T) {
	proxy, base := newProxy(t)
	dev, err := openwearables.Login(t.Context(), base, world.email, world.password)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Rules(faultproxy.Rule{Method: "CreateKey", Fault: faultproxy.Drop, Times: 1})
	ctx, info := openwearables.WithResponseInfo(t.Context())
	first, err := dev.Keys.Create(openwearables.WithIdempotencyKey(ctx, "mine-1"), &owv1.CreateKeyRequest{})
	if err != nil || !info.Replayed {
		t.Fatalf("%v, replayed %v", err, info.Replayed)
	}
	again, err := dev.Keys.Create(openwearables.WithIdempotencyKey(ctx, "mine-1"), &owv1.CreateKeyRequest{})
	if err != nil || again.Secret.Reveal() != first.Secret.Reveal() {
		t.Errorf("the same key minted another secret: %v", err)
	}
	if other, err := dev.Keys.Create(ctx, &owv1.CreateKeyRequest{}); err != nil || other.Secret.Reveal() == first.Secret.Reveal() {
		t.Errorf("another call answered the same: %v", err)
	}
	for _, seen := range proxy.Report().Log {
		if seen.Key == "" {
			t.Errorf("without a key: %+v", seen)
		}
	}
}

// No redirect and no other host gets the credential.
func TestCredentialGoesToTheBaseURLOnly(t *testing.T) {
	var got []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer redirecting.Close()
	c := newClient(t, redirecting.URL, openwearables.WithAPIKey("ow_live_x"))
	if _, err := c.Users.Get(t.Context(), "u"); !openwearables.IsUnavailable(err) {
		t.Errorf("a redirect: %v", err)
	}
	h, opts := c.Connect()
	stray := owv1connect.NewUserServiceClient(h, elsewhere.URL, opts)
	if _, err := stray.GetUser(t.Context(), &owv1.GetUserRequest{}); !openwearables.IsInvalid(err) {
		t.Errorf("another host: %v", err)
	}
	if len(got) > 0 {
		t.Errorf("elsewhere was sent %q", got)
	}
}

func TestUserAgentNamesAppAndPackage(t *testing.T) {
	var got []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.UserAgent()) }))
	defer s.Close()
	c := newClient(t, s.URL, openwearables.WithUserAgent("shop/2.1"), openwearables.WithRetries(0))
	_, _ = c.Users.Get(t.Context(), "u")
	_, _ = c.Tokens.Exchange(t.Context(), "u", openwearables.AppCredentials("app_x", "x"))
	if len(got) < 2 {
		t.Fatalf("requests: %q", got)
	}
	for _, ua := range got {
		if !strings.HasPrefix(ua, "shop/2.1 openwearables-go/"+openwearables.Version+" (go") {
			t.Errorf("user agent %q", ua)
		}
	}
}

// A handler of events may call the client, and even sign out.
func TestEventHandlerMayCallTheClient(t *testing.T) {
	p := newPerson(t)
	var c *openwearables.Client
	done := make(chan error, 8)
	ready := make(chan struct{})
	c = newClient(t, world.url, openwearables.WithStore(seeded(t, world.url, p.pair, expired)), openwearables.WithEvents(func(e openwearables.Event) {
		<-ready
		if e.Type == openwearables.EventTokenRefreshed {
			_, _, err := c.Token(context.Background())
			done <- errors.Join(err, c.SignOut(context.Background()))
		}
		if e.Type == openwearables.EventSignedOut {
			done <- nil
		}
	}))
	close(ready)
	if _, _, err := c.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the handler is stuck")
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	p := newPerson(t).pair
	type holder struct {
		Pair   openwearables.TokenPair
		hidden openwearables.Secret
		List   []openwearables.Secret
	}
	for _, v := range []any{p, &p, p.Access, p.Refresh, holder{p, p.Refresh, []openwearables.Secret{p.Access}}, map[string]any{"p": p}, world.dev, *world.dev} {
		showsNoSecret(t, v)
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		if found := secrets.FindString(b.String()); found != "" {
			t.Errorf("a log shows %s...", found)
		}
	}
	if a, b := p.Refresh.String(), openwearables.NewSecret(p.Refresh.Reveal()).String(); a != b || !strings.HasPrefix(a, "rt_…") || len(a) > 12 {
		t.Errorf("fingerprints %q %q", a, b)
	}
	raw, err := json.Marshal(p.Expose())
	if err != nil {
		t.Fatal(err)
	}
	var back openwearables.TokenPair
	if err := json.Unmarshal(raw, &back); err != nil || back.Expose() != p.Expose() {
		t.Errorf("the exposed pair does not come back: %v", err)
	}
}

// Unreachable clients leave no session and no goroutine behind.
func TestForgottenClientsLeaveNothingBehind(t *testing.T) {
	before := openwearables.Cores()
	goroutines := runtime.NumGoroutine()
	for range 100 {
		c := newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()), new(events).option())
		_ = c.SignIn(t.Context(), benchPair())
	}
	eventually(t, "the sessions forgotten", func() bool {
		runtime.GC()
		return openwearables.Cores() <= before+1 && runtime.NumGoroutine() <= goroutines+2
	})
}

// A refused login returns the server's reason and stores nothing.
func TestRefusedLoginStoresNothing(t *testing.T) {
	store := openwearables.MemoryStore()
	_, err := openwearables.Login(t.Context(), world.url, world.email, "wrong", openwearables.WithStore(store))
	var e *openwearables.Error
	if !errors.As(err, &e) || e.Reason != "invalid_credentials" || !openwearables.IsUnauthenticated(err) || openwearables.IsSessionExpired(err) {
		t.Errorf("wrong password: %v", err)
	}
	if raw, _ := store.Load(t.Context()); raw != nil {
		t.Error("something was stored")
	}
	if _, err := openwearables.Login(t.Context(), world.url, "", "", openwearables.WithAPIKey("ow_live_x")); !openwearables.IsInvalid(err) {
		t.Errorf("a login with a key: %v", err)
	}
}

// Each predicate holds for its kind only; IsUnauthenticated includes ended sessions.
func TestPredicatesTellKindsApart(t *testing.T) {
	predicates := map[openwearables.Kind]func(error) bool{
		openwearables.KindUnauthenticated: openwearables.IsUnauthenticated, openwearables.KindSessionExpired: openwearables.IsSessionExpired,
		openwearables.KindForbidden: openwearables.IsForbidden, openwearables.KindNotFound: openwearables.IsNotFound,
		openwearables.KindInvalid: openwearables.IsInvalid, openwearables.KindRateLimited: openwearables.IsRateLimited,
		openwearables.KindConflict: openwearables.IsConflict, openwearables.KindUnavailable: openwearables.IsUnavailable,
		openwearables.KindTimeout: openwearables.IsTimeout, openwearables.KindOffline: openwearables.IsOffline,
		openwearables.KindCanceled: openwearables.IsCanceled, openwearables.KindStorageUnavailable: openwearables.IsStorageUnavailable,
		openwearables.KindInternal: openwearables.IsInternal,
	}
	for kind := range predicates {
		var held []openwearables.Kind
		for other, is := range predicates {
			if is(&openwearables.Error{Kind: kind}) {
				held = append(held, other)
			}
		}
		want := []openwearables.Kind{kind}
		if kind == openwearables.KindSessionExpired {
			want = append(want, openwearables.KindUnauthenticated)
		}
		slices.Sort(held)
		slices.Sort(want)
		if !slices.Equal(held, want) {
			t.Errorf("%s is %v", kind, held)
		}
	}
}
