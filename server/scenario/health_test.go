package scenario_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/internal/dev/service"
	"github.com/openwearables/openwearables/server"
)

// getStatus returns the status of a GET.
func (n *node) getStatus(t *testing.T, path string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", n.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, _ := n.send(t, r)
	return res.StatusCode
}

// grpcClient returns a plain gRPC client of the node.
func (n *node) grpcClient(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(n.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestReadiness checks that a node whose database is blocked is live but not ready, and ready again
// afterwards.
func TestReadiness(t *testing.T) {
	n := listen(t)
	health := healthv1.NewHealthClient(n.grpcClient(t))
	serving := func() healthv1.HealthCheckResponse_ServingStatus {
		t.Helper()
		a, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return a.GetStatus()
	}
	want := func(live, ready int, grpc healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if l, r, g := n.getStatus(t, "/livez"), n.getStatus(t, "/readyz"), serving(); l != live || r != ready || g != grpc {
			t.Errorf("/livez %d, /readyz %d, gRPC %v", l, r, g)
		}
	}
	want(200, 200, healthv1.HealthCheckResponse_SERVING)
	unlock := n.lockDatabase(t)
	want(200, 503, healthv1.HealthCheckResponse_NOT_SERVING)
	unlock()
	want(200, 200, healthv1.HealthCheckResponse_SERVING)
}

// TestReadinessProbesShareOneConnection checks that concurrent readiness probes use one database
// connection together.
func TestReadinessProbesShareOneConnection(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	n := listen(t, func(c *server.Config) { c.Database, c.Secret = dsn, []byte(rand.Text()+rand.Text()) })
	n.dsn = dsn
	db := n.openDatabase(t)
	defer db.Close()
	held, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = held.ExecContext(t.Context(), "LOCK TABLE meta")
	}
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	var probes sync.WaitGroup
	for range 64 {
		probes.Go(func() {
			if status := n.getStatus(t, "/readyz"); status != 503 {
				t.Errorf("/readyz answers %d", status)
			}
		})
	}
	answered := make(chan struct{})
	go func() {
		probes.Wait()
		close(answered)
	}()
	most := 0
	for waiting := true; waiting; {
		select {
		case <-answered:
			waiting = false
		case <-time.After(20 * time.Millisecond):
			var busy int
			err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'meta'::regclass
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&busy)
			if err != nil {
				t.Error(err)
			}
			most = max(most, busy)
			// PostgreSQL may end a check that took its 800 ms after the next has begun.
			if checks := 1 + int(time.Since(begun)/(800*time.Millisecond)); busy > checks {
				t.Errorf("%d connections wait for the readiness check, and at most %d began", busy, checks)
			}
		}
	}
	if most == 0 {
		t.Error("no connection waits for the readiness check")
	}
	if err := held.Rollback(); err != nil {
		t.Error(err)
	}
	n.wantHealthy(t)
}

// TestDrainingIsNotReady checks that a stopping node reports that it is not ready, while it
// completes the requests in progress.
func TestDrainingIsNotReady(t *testing.T) {
	n := listen(t)
	n.wantHealthy(t)
	const body = `{"refresh_token":"x"}`
	conn := n.dial(t)
	_, err := io.WriteString(conn, "POST /api/v1/auth/revoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
		"Content-Length: 21\r\nExpect: 100-continue\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		n.stop()
	}()
	direct := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		n.server.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	for direct("/readyz").Code != 503 {
		time.Sleep(time.Millisecond) // until the node starts to drain; the test's deadline bounds this
	}
	if w := direct("/readyz"); w.Header().Get("Retry-After") == "" {
		t.Errorf("/readyz answers %d %v", w.Code, w.Header())
	}
	if w := direct("/livez"); w.Code != 200 {
		t.Errorf("/livez answers %d", w.Code)
	}
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(answers); err != nil || !strings.Contains(string(rest), "HTTP/1.1 204 ") {
		t.Errorf("the request under way is answered %q, %v", rest, err)
	}
	<-stopped
}

// TestGRPCHealth checks that every service reports SERVING, that an unknown one is not found, and
// that Watch is not implemented.
func TestGRPCHealth(t *testing.T) {
	n := listen(t)
	client := healthv1.NewHealthClient(n.grpcClient(t))
	for _, service := range []string{
		"", "grpc.health.v1.Health", "openwearables.v1.SessionService", "openwearables.v1.KeyService",
		"openwearables.v1.ApplicationService", "openwearables.v1.UserService", "openwearables.v1.TokenService", "openwearables.v1.WorkoutService",
		"openwearables.v1.AuditService", "openwearables.v1.CredentialService", "openwearables.v1.UsageService", "openwearables.v1.WebhookService",
		"openwearables.v1.DeveloperService", "openwearables.v1.InvitationService",
		"openwearables.v1.AlertService", "openwearables.v1.InstallationService", "openwearables.v1.SetupService",
	} {
		a, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil || a.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, a, err)
		}
	}
	if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "openwearables.v1.Nobody"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
	stream, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("Watch: %v", err)
	}
}

// TestReflectionIsOffByDefault checks that the public listener offers gRPC reflection only if
// configured.
func TestReflectionIsOffByDefault(t *testing.T) {
	closed := listen(t)
	if _, err := reflectedServices(t, closed); status.Code(err) != codes.Unimplemented {
		t.Errorf("without --reflection: %v", err)
	}
	open := listen(t, func(c *server.Config) { c.Reflection = true })
	names, err := reflectedServices(t, open)
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{
		"KeyService", "SessionService", "ApplicationService", "UserService", "TokenService", "WorkoutService", "AuditService",
		"CredentialService", "UsageService", "WebhookService", "DeveloperService", "InvitationService", "AlertService", "SetupService", "InstallationService",
	} {
		if !slices.Contains(names, "openwearables.v1."+service) {
			t.Errorf("%s is not among %q", service, names)
		}
	}
	// v1alpha has the same messages under another name.
	old, err := open.grpcClient(t).NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
	if err == nil {
		err = old.SendMsg(&reflectionv1.ServerReflectionRequest{
			MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "openwearables.v1.KeyService"},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	a := new(reflectionv1.ServerReflectionResponse)
	if err := old.RecvMsg(a); err != nil || len(a.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("v1alpha: %v, %v", a, err)
	}
}

// reflectedServices returns the services that reflection lists.
func reflectedServices(t *testing.T, n *node) ([]string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := reflectionv1.NewServerReflectionClient(n.grpcClient(t)).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	err = stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	if err != nil && err != io.EOF { // EOF: Recv returns the refusal
		return nil, err
	}
	a, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range a.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names, nil
}

// TestMetricsHaveTheirOwnListener checks that metrics have a listener that serves nothing else, and
// that they contain no personal data.
func TestMetricsHaveTheirOwnListener(t *testing.T) {
	addr := service.Address() // which nobody else on this machine has
	n := listen(t, func(c *server.Config) { c.MetricsAddr = addr })
	n.email, n.password = "grace.hopper@example.com", passphrase()
	n.addDeveloper(n.email, n.password)
	d := restDriver{n}
	admin, refresh := n.login(t, d)
	user := n.newUser(t, d, admin)
	id, key := n.newKey(t, d, admin, args{"name": "Backend"})
	d.call(t, "GetUser", args{"id": user}, bearer(key)).want(t, 200, "")
	d.call(t, "GetUser", args{"id": user}, bearer(key+"x"), header("User-Agent", "curious/1")).want(t, 401, "invalid_api_key")
	d.call(t, "RefreshToken", args{"refresh_token": "x"}).want(t, 401, "invalid_refresh_token")
	d.call(t, "RevokeToken", args{"refresh_token": "x"}).want(t, 204, "")
	d.call(t, "CreateUserToken", args{"user_id": user, "app_id": "app_x", "app_secret": "secret_x"}).want(t, 401, "invalid_app_credentials")
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/requests", "/" + user} {
		if got := n.getStatus(t, path); got != 404 {
			t.Errorf("the public listener answers %s with %d", path, got)
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	get := func(path string) (int, string) {
		t.Helper()
		res, err := client.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	code, text := get("/metrics")
	for _, line := range []string{
		`openwearables_requests_total{operation="GetUser",status="200"} 1`, `openwearables_requests_total{operation="GetUser",status="401"} 1`,
		`openwearables_refusals_total{reason="invalid_api_key"} 1`, `openwearables_request_seconds_count{operation="Login"} 1`,
		`openwearables_foreign_secrets_total{operation="GetUser"} 1`, `openwearables_foreign_secrets_total{operation="RefreshToken"} 1`,
		`openwearables_foreign_secrets_total{operation="RevokeToken"} 1`, `openwearables_foreign_secrets_total{operation="CreateUserToken"} 1`,
	} {
		if code != 200 || !strings.Contains(text, line+"\n") {
			t.Errorf("/metrics answers %d without %s", code, line)
		}
	}
	for what, personal := range map[string]string{
		"email": "grace", "user id": user, "key id": id, "key": key[:12], "refresh token": refresh[:12], "address": "127.0.0.1", "client": "curious",
	} {
		if strings.Contains(text, personal) {
			t.Errorf("the metrics hold the %s", what)
		}
	}
	for _, path := range []string{"/", "/api/v1/users", "/debug/pprof/", "/docs", "/livez"} {
		if code, _ := get(path); code != 404 {
			t.Errorf("the metrics listener answers %s with %d", path, code)
		}
	}
}

// TestReadinessWithoutRedis checks that a node whose Redis is away goes on and says so.
func TestReadinessWithoutRedis(t *testing.T) {
	t.Parallel()
	durable, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := durable.Close(); err != nil {
			t.Error(err)
		}
	})
	redis := redistest.Start(t)
	n := &node{
		t: t, clock: &clock{}, log: &logBuffer{}, dsn: durable.New(t), secret: []byte(rand.Text() + rand.Text()),
		email: "dev@example.com", password: passphrase(),
	}
	n.boot(t, withRedis(redis))
	n.addDeveloper(n.email, n.password)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	found := func() bool {
		return strings.Contains(string(mustJSON(n.installation(t, d, admin).list("findings"))), "Redis cannot be reached")
	}
	says := func(status string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			res, raw := n.send(t, newRequest(t, "GET", n.url+"/readyz", nil))
			if res.StatusCode == 200 && strings.Contains(string(raw), strconv.Quote(status)) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("/readyz is %d %s, want %s", res.StatusCode, raw, status)
			}
		}
	}
	says("ok")
	if found() {
		t.Error("a Redis that answers is found to be away")
	}
	redis.Kill()
	says("degraded")
	if !found() {
		t.Error("that Redis is away is not found")
	}
	redis.Start()
	says("ok")
}
