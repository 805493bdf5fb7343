package scenario_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/server"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Main{M: m}, goleak.IgnoreTopFunction("net/http.(*http2ClientConn).readLoop"))
}

// onPostgres reports whether every scenario uses PostgreSQL instead of SQLite
// (TEST_DATABASE=postgres). A test asks, and no variable remembers: the go command keeps a result
// apart by what the tests themselves read of the environment.
func onPostgres() bool { return os.Getenv("TEST_DATABASE") == "postgres" }

// clock is the real time plus an offset that tests advance. Safe for concurrent use.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// node is a running server with real HTTP (1.1 and cleartext 2), a real database, and a first
// developer.
type node struct {
	t        *testing.T
	server   *server.Server
	clock    *clock
	url      string
	http     *http.Client // checks every REST answer against openapi.yaml
	database string       // path of the SQLite file
	dsn      string
	secret   []byte // nil: stored in a file next to the SQLite database
	log      *logBuffer
	email    string
	password string
	stop     func() // stops the node before the test ends; boot starts it again
}

// unlimited raises every limit, and the quotas of an installation and its users, far above what a
// test can reach, and lets webhooks go to this machine.
func unlimited(c *server.Config) {
	l := &c.Auth.Limits
	for _, limit := range []*int{
		&l.Key.Limit, &l.Developer.Limit, &l.User.Limit, &l.Address.Limit, &l.Login.Limit, &l.LoginAccount.Limit,
		&l.Refresh.Limit, &l.RefreshSession.Limit, &l.ExchangeApp.Limit, &l.ExchangeUser.Limit, &l.ExchangeRefused.Limit,
		&l.Verify.Limit, &l.VerifyRefused.Limit, &l.Ingest.Limit, &l.Public.Limit, &l.Pairing.Limit, &l.Pairings.Limit,
		&l.Adoption.Limit, &l.Adoptions.Limit,
	} {
		*limit = 1_000_000
	}
	c.WebhookPrivateNetworks = true
	q := &c.Auth.Quotas
	q.Keys, q.Applications, q.UserSessions = 100_000, 100_000, 100_000
}

// start runs a node until the test ends. The configuration starts from the documented defaults.
func start(t *testing.T, change ...func(*server.Config)) *node {
	t.Helper()
	n := newNode(t)
	n.boot(t, change...)
	n.addDeveloper(n.email, n.password)
	return n
}

// startOnSQLite is like start, but always on SQLite, for tests about its files.
func startOnSQLite(t *testing.T, change ...func(*server.Config)) *node {
	t.Helper()
	n := newNode(t)
	n.dsn, n.secret = "sqlite:"+n.database, nil
	n.boot(t, change...)
	n.addDeveloper(n.email, n.password)
	return n
}

// newNode returns a node with an empty database that is not running yet.
func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{
		t: t, clock: &clock{}, log: &logBuffer{},
		database: filepath.Join(t.TempDir(), "node.db"), email: "dev@example.com", password: passphrase(),
	}
	n.dsn = "sqlite:" + n.database
	if onPostgres() {
		n.dsn, n.secret = pgtest.New(t), []byte(rand.Text()+rand.Text())
	}
	return n
}

// boot starts the server on the node's database.
func (n *node) boot(t *testing.T, change ...func(*server.Config)) {
	t.Helper()
	config := server.DefaultConfig()
	config.Database, config.Secret = n.dsn, n.secret
	config.Now = n.clock.now
	config.Log = slog.New(slog.NewJSONHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, f := range change {
		f(&config)
	}
	var err error
	if n.server, err = server.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(n.server.Handler())
	h.Config.Protocols = new(http.Protocols)
	h.Config.Protocols.SetHTTP1(true)
	h.Config.Protocols.SetUnencryptedHTTP2(true)
	h.Start()
	n.url = h.URL
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	n.http = &http.Client{
		Transport:     contractTransport{t, transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	running := n.server
	n.stop = sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		h.Close()
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(n.stop)
}

// passphrase returns a random password that the policy accepts.
func passphrase() string { return "Q" + strings.ToLower(rand.Text()) }

// addDeveloper creates a developer as the operator does.
func (n *node) addDeveloper(email, password string) auth.Developer {
	n.t.Helper()
	d, err := n.server.Auth().Developers.Create(context.Background(), email, password)
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

// logBuffer keeps the log in memory. Safe for concurrent use.
type logBuffer struct {
	mu    sync.Mutex
	lines []byte
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, p...)
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.lines)
}

// args holds the arguments of a call by their snake_case names: path, query and body together.
type args map[string]any

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func bearer(token string) option { return header("Authorization", "Bearer "+token) }

func idempotent(key string) option { return header("Idempotency-Key", key) }

// answer is the result of a call, in one form for all surfaces.
type answer struct {
	Status int // an RPC's code as the status of REST
	Reason string
	Detail string
	Fields []string // fields named in errors[]
	Scope  string   // required_scope
	Body   any      // decoded, in the shape of REST, without null members
	Next   string   // the cursor of the next page of a list that is an array in REST
	Header http.Header
}

// str returns a string member of the body, or "".
func (a answer) str(name string) string {
	m, _ := a.Body.(map[string]any)
	s, _ := m[name].(string)
	return s
}

// list returns a list member of the body, or nil.
func (a answer) list(name string) []any {
	m, _ := a.Body.(map[string]any)
	l, _ := m[name].([]any)
	return l
}

// want fails the test unless the answer has the status and, if it is a refusal, the reason.
func (a answer) want(t *testing.T, status int, reason string) answer {
	t.Helper()
	if a.Status != status || a.Reason != reason {
		body, _ := json.Marshal(a.Body)
		t.Fatalf("answer is %d %q (%s %v) %s, want %d %q", a.Status, a.Reason, a.Detail, a.Fields, body, status, reason)
	}
	return a
}

// driver calls operations by name on one surface.
type driver interface {
	name() string
	call(t *testing.T, operation string, in args, o ...option) answer
}

// drivers returns a driver for each surface.
func (n *node) drivers() []driver {
	return []driver{restDriver{n}, rpcDriver{n, "application/json"}, rpcDriver{n, "application/proto"}}
}

// onEachSurface runs a scenario on every surface, each with a node of its own.
func onEachSurface(t *testing.T, scenario func(t *testing.T, n *node, d driver), change ...func(*server.Config)) {
	t.Helper()
	for i, name := range []string{"rest", "connect-json", "connect-proto"} {
		t.Run(name, func(t *testing.T) {
			n := start(t, change...)
			scenario(t, n, n.drivers()[i])
		})
	}
}

// login logs the first developer in and returns the pair.
func (n *node) login(t *testing.T, d driver) (access, refresh string) {
	t.Helper()
	a := d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 200, "")
	return a.str("access_token"), a.str("refresh_token")
}

// newUser creates a user and returns the id.
func (n *node) newUser(t *testing.T, d driver, access string) string {
	t.Helper()
	return d.call(t, "CreateUser", args{}, bearer(access)).want(t, 201, "").str("id")
}

// newKey creates a key and returns its id and secret.
func (n *node) newKey(t *testing.T, d driver, access string, in args) (id, secret string) {
	t.Helper()
	a := d.call(t, "CreateKey", in, bearer(access)).want(t, 201, "")
	return a.str("id"), a.str("key")
}

// newApp creates an application and returns its app_id and secret.
func (n *node) newApp(t *testing.T, d driver, access string) (appID, secret string) {
	t.Helper()
	a := d.call(t, "CreateApplication", args{"name": "App"}, bearer(access)).want(t, 201, "")
	return a.str("app_id"), a.str("app_secret")
}

// exchange mints a pair for the user with the application's secret.
func (n *node) exchange(t *testing.T, d driver, user, appID, secret string) (access, refresh string) {
	t.Helper()
	a := d.call(t, "CreateUserToken", args{"user_id": user, "app_id": appID, "app_secret": secret}).want(t, 200, "")
	return a.str("access_token"), a.str("refresh_token")
}
