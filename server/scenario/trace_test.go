package scenario_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/server"
)

// traceCollector takes traces. Safe for concurrent use.
type traceCollector struct {
	url string

	mu    sync.Mutex
	raw   []byte // of all that it got
	spans []*tracepb.Span
	about string // the process that sent them
}

// collectTraces starts a traceCollector, and points the variables of OpenTelemetry at it.
func collectTraces(t testing.TB) *traceCollector {
	t.Helper()
	r := &traceCollector{}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	return r
}

func (r *traceCollector) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	raw, err := io.ReadAll(q.Body)
	var sent collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &sent)
	}
	if err != nil || q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprint("not OTLP: ", err), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw = append(r.raw, raw...)
	for _, from := range sent.GetResourceSpans() {
		r.about = from.GetResource().String()
		for _, scope := range from.GetScopeSpans() {
			r.spans = append(r.spans, scope.GetSpans()...)
		}
	}
}

// of returns the spans of requests with the name, and the names of those below them.
func (r *traceCollector) of(name string) (requests []*tracepb.Span, below []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.GetName() == name && s.GetKind() == tracepb.Span_SPAN_KIND_SERVER {
			requests = append(requests, s)
		}
	}
	for _, s := range r.spans {
		for _, request := range requests {
			if bytes.Equal(s.GetTraceId(), request.GetTraceId()) && s != request && !slices.Contains(below, s.GetName()) {
				below = append(below, s.GetName())
			}
		}
	}
	return requests, below
}

func attributesOf(s *tracepb.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		all[a.GetKey()] = a.GetValue().GetStringValue()
		if n := a.GetValue().GetIntValue(); n != 0 {
			all[a.GetKey()] = fmt.Sprint(n)
		}
	}
	return all
}

// onEachDatabase runs a test on SQLite, and on PostgreSQL with Redis.
func onEachDatabase(t *testing.T, f func(t *testing.T, change func(*server.Config))) {
	t.Run("sqlite", func(t *testing.T) {
		f(t, func(c *server.Config) {
			c.Database, c.Secret, c.Traces = "sqlite:"+filepath.Join(t.TempDir(), "node.db"), nil, true
		})
	})
	t.Run("postgres and redis", func(t *testing.T) {
		dsn, redis := pgtest.New(t), redistest.Start(t)
		f(t, func(c *server.Config) {
			c.Database, c.Secret, c.Redis, c.Traces = dsn, []byte(rand.Text()+rand.Text()), redis.URL(), true
		})
	})
}

// TestTraces checks that a collector gets the spans of requests on REST and Connect with those of
// their statements below them.
func TestTraces(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, change func(*server.Config)) {
		r := collectTraces(t)
		n := listen(t, change)
		n.addDeveloper(n.email, n.password)
		for _, d := range []driver{restDriver{n}, rpcDriver{n, "application/json"}, rpcDriver{n, "application/proto"}} {
			access, refresh := n.login(t, d)
			user := n.newUser(t, d, access)
			_, key := n.newKey(t, d, access, args{})
			d.call(t, "GetUser", args{"id": user}, bearer(key), header("User-Agent", "curl/8.5.0")).want(t, 200, "")
			d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
			d.call(t, "DeleteKey", args{"id": user}, bearer(key)).want(t, 403, "credential_not_allowed")
		}
		n.stop()
		redis := strings.Contains(t.Name(), "redis")
		for operation, wanted := range map[string][]string{
			"Login": {"transaction", "INSERT sessions"}, "CreateUser": {"transaction", "INSERT users"}, "GetUser": {"SELECT users", "SELECT api_keys"},
			"RefreshToken": {"transaction", "UPDATE sessions", "SELECT sessions"}, "DeleteKey": nil,
		} {
			requests, below := r.of(operation)
			if len(requests) != 3 {
				t.Errorf("%d spans of %s", len(requests), operation)
				continue
			}
			if redis {
				wanted = append(wanted, "evalsha")
			}
			for _, name := range wanted {
				if !slices.Contains(below, name) {
					t.Errorf("no span %q below %s: %q", name, operation, below)
				}
			}
		}
		rest, _ := r.of("GetUser")
		system := map[bool]string{false: "sqlite", true: "postgresql"}[redis]
		for i, route := range []string{"/api/v1/users/{id}", "/openwearables.v1.UserService/GetUser", "/openwearables.v1.UserService/GetUser"} {
			got, want := attributesOf(rest[i]), map[string]string{
				"http.request.method": map[bool]string{true: "GET", false: "POST"}[i == 0], "http.response.status_code": "200", "url.scheme": "http",
				"network.protocol.version": "1.1", "http.route": route, "openwearables.credential": "api_key", "openwearables.client": "curl",
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v\nnot %v", got, want)
			}
		}
		statements := 0
		for _, s := range r.spans {
			a := attributesOf(s)
			if a["db.system.name"] == system && strings.Contains(a["db.query.text"], "SELECT") && s.GetKind() == tracepb.Span_SPAN_KIND_CLIENT {
				statements++
			}
		}
		if statements == 0 || !strings.Contains(r.about, "openwearables") {
			t.Errorf("%d statements of %s, sent by %s", statements, system, r.about)
		}
		if id := hex.EncodeToString(rest[0].GetTraceId()); !strings.Contains(n.log.String(), `"trace_id":"`+id+`"`) {
			t.Errorf("the log does not name the trace %s", id)
		}
	})
}

// TestTracesHoldNothingOfAPerson plants what must not leave the process wherever a request may
// hold it, and looks for it in every byte that the collector gets.
func TestTracesHoldNothingOfAPerson(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, change func(*server.Config)) {
		r := collectTraces(t)
		n := listen(t, change, func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
		n.email, n.password = "grace.hopper@navy.example", passphrase()
		const address, name, external = "198.51.100.77", "Murray-Hopper", "person-4711"
		developer := n.addDeveloper(n.email, n.password)
		planted := []string{n.email, "grace.hopper", n.password, address, name, external, developer.ID, "navy.example"}
		from := []option{
			header("X-Forwarded-For", address), header("User-Agent", "grace.hopper@navy.example/"+external), header("X-Request-Id", external),
			header("Tracestate", "who="+external), header("Baggage", "who="+n.email), header("Referer", "https://navy.example/?who="+n.email),
			header("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		}
		for _, d := range []driver{restDriver{n}, rpcDriver{n, "application/json"}, rpcDriver{n, "application/proto"}} {
			a := d.call(t, "Login", args{"email": n.email, "password": n.password}, from...).want(t, 200, "")
			access, refresh := a.str("access_token"), a.str("refresh_token")
			with := append(slices.Clone(from), bearer(access), idempotent(external+"-"+strings.ReplaceAll(d.name(), " ", "-")))
			user := d.call(t, "CreateUser", args{"email": d.name()[:4] + n.email, "first_name": name, "external_user_id": external + d.name()}, with...).want(t, 201, "").str("id")
			key := d.call(t, "CreateKey", args{"name": name}, with...).want(t, 201, "")
			d.call(t, "ListUsers", args{"search": n.email, "limit": 5}, with...).want(t, 200, "")
			d.call(t, "UpdateUser", args{"id": user, "last_name": name}, with...).want(t, 200, "")
			d.call(t, "CreateUser", args{"external_user_id": external + d.name()}, bearer(access))
			d.call(t, "GetUser", args{"id": user}, append(slices.Clone(from), bearer(key.str("key")))...).want(t, 200, "")
			d.call(t, "GetUser", args{"id": external}, with...)
			d.call(t, "Login", args{"email": n.email, "password": external + n.password}, from...).want(t, 401, "invalid_credentials")
			pair := d.call(t, "CreateUserToken", args{"user_id": user}, with...).want(t, 200, "")
			d.call(t, "ListWorkouts", args{"user_id": user, "start_date": "2026-03-01", "end_date": "2026-03-07"},
				append(slices.Clone(from), bearer(pair.str("access_token")))...).want(t, 200, "")
			next := d.call(t, "RefreshToken", args{"refresh_token": refresh}, from...).want(t, 200, "")
			d.call(t, "DeleteUser", args{"id": user}, with...).want(t, 200, "")
			planted = append(planted, access, refresh, user, strings.ReplaceAll(user, "-", ""), key.str("key"), key.str("id"), pair.str("access_token"),
				pair.str("refresh_token"), next.str("refresh_token"))
		}
		odd := newRequest(t, "GET", n.url+"/api/v1/"+n.email+"?who="+external, nil)
		odd.Method = "GRACE.HOPPER"
		odd.Header.Set("User-Agent", external)
		res, err := new(http.Client).Do(odd)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		n.stop()
		if requests, _ := r.of("none"); len(requests) != 1 || attributesOf(requests[0])["http.request.method"] != "_OTHER" {
			t.Errorf("the odd request has the spans %v", requests)
		}
		if requests, _ := r.of("ListUsers"); len(requests) != 3 {
			t.Errorf("%d spans of ListUsers", len(requests))
		}
		sent := bytes.ToLower(r.raw)
		for _, secret := range planted {
			if i := bytes.Index(sent, []byte(strings.ToLower(secret))); i >= 0 {
				t.Errorf("the traces hold %q: %q", secret, sent[max(0, i-100):min(len(sent), i+100)])
			}
		}
	})
}

// TestCallersDoNotChooseTraces checks that a caller's flag does not have a request recorded, that
// its trace is a link, and that OTEL_SERVICE_NAME and the sampler hold.
func TestCallersDoNotChooseTraces(t *testing.T) {
	const sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for sampler, spans := range map[string]int{"parentbased_always_off": 0, "parentbased_traceidratio": 1, "": 1} {
		t.Run(sampler, func(t *testing.T) {
			r := collectTraces(t)
			t.Setenv("OTEL_TRACES_SAMPLER", sampler)
			t.Setenv("OTEL_SERVICE_NAME", "health-api")
			n := listen(t, func(c *server.Config) { c.Traces = true })
			restDriver{n}.call(t, "Login", args{}, header("Traceparent", sent)).want(t, 401, "invalid_credentials")
			restDriver{n}.call(t, "GetMe", args{}, header("Traceparent", "00-"+strings.Repeat("g", 32)+"-b7ad6b7169203331-01")).want(t, 401, "missing_credential")
			n.stop()
			requests, _ := r.of("Login")
			if len(requests) != spans {
				t.Fatalf("%d spans", len(requests))
			}
			if spans == 0 {
				return
			}
			s := requests[0]
			if hex.EncodeToString(s.GetTraceId()) == sent[3:35] || len(s.GetParentSpanId()) != 0 {
				t.Errorf("the caller chose the trace: %v", s)
			}
			if len(s.GetLinks()) != 1 || hex.EncodeToString(s.GetLinks()[0].GetTraceId()) != sent[3:35] || s.GetLinks()[0].GetTraceState() != "" {
				t.Errorf("links: %v", s.GetLinks())
			}
			if requests, _ := r.of("GetMe"); len(requests) != 1 || len(requests[0].GetLinks()) != 0 {
				t.Errorf("a malformed header left %v", requests)
			}
			if !strings.Contains(r.about, "health-api") {
				t.Errorf("sent by %s", r.about)
			}
		})
	}
}

// TestTracesWithoutCollector checks that a collector that does not answer slows neither requests
// nor the stop, and that the log says so once.
func TestTracesWithoutCollector(t *testing.T) {
	stalled := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stalled:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(stalled); s.Close() })
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, url := range map[string]string{"stalls": s.URL, "is away": closed.URL} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
			t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
			t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "32")
			t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
			n := listen(t, func(c *server.Config) { c.Traces = true })
			begun := time.Now()
			for range 300 {
				if status := n.getStatus(t, "/api/v1/auth/me"); status != 401 {
					t.Fatal(status)
				}
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("300 requests took %v", took)
			}
			begun = time.Now()
			n.stop()
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("the stop took %v", took)
			}
			if lines := strings.Count(n.log.String(), "traces could not be sent"); lines != 1 {
				t.Errorf("%d lines in the log", lines)
			}
		})
	}
}

// TestTracesAreRefusedAtTheStart checks that a start refuses variables that it cannot serve, and
// leaves nothing open.
func TestTracesAreRefusedAtTheStart(t *testing.T) {
	collectTraces(t)
	config := server.DefaultConfig()
	config.Database, config.Traces = "sqlite:"+filepath.Join(t.TempDir(), "node.db"), true
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	if _, err := server.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "give http/protobuf") {
		t.Fatalf("grpc: %v", err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	s, err := server.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
