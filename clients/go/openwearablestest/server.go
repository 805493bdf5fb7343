// Package openwearablestest is an installation of Open Wearables in memory, for the tests
// of an app:
//
//	s := openwearablestest.NewServer()
//	defer s.Close()
//	c, err := openwearables.New(s.URL, openwearables.WithAPIKey(s.NewAPIKey()))
//
// It keeps users, keys, applications, sessions and workouts, checks requests as the server
// does, and refuses with the same codes, reasons and fields: the tests of the SDK make the
// same calls to both and compare. On request it fails: see Fail, ExpireTokens, EndSessions
// and Advance.
//
// It serves the protocol of the SDK, and no REST. It has one developer, no rate limits and
// no quotas. It does not have the audit trail, usage, alerts, webhooks, the
// verification of credentials, UpdateMe and ChangePassword: those calls fail and say so. For them, run "openwearables serve --dev".
// SignWebhook makes what a receiver of webhooks gets.
package openwearablestest

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Server is an installation. Its methods are safe for concurrent use.
type Server struct {
	// URL is the base URL for openwearables.New.
	URL string
	// Email and Password are those of the developer, for openwearables.Login.
	Email, Password string

	http *httptest.Server
	mux  *http.ServeMux

	mu       sync.Mutex // of all below, and held during a call
	ahead    time.Duration
	faults   []*rule
	requests []Request

	developer *owv1.Developer
	keys      list[*key]
	apps      list[*application]
	users     list[*owv1.User]
	sessions  map[string]*session
	access    map[string]*access
	refresh   map[string]refresh
	workouts  map[string]map[[2]string]*owv1.Workout // by user, then by provider and external id
	replays   map[string]replay
	pairings  map[string]pairing // by code
}

// NewServer starts an installation with one developer. Close ends it.
func NewServer() *Server {
	s := &Server{
		Email: "dev@example.com", Password: rand.Text(), mux: http.NewServeMux(),
		sessions: map[string]*session{}, access: map[string]*access{}, refresh: map[string]refresh{},
		workouts: map[string]map[[2]string]*owv1.Workout{}, replays: map[string]replay{}, pairings: map[string]pairing{},
	}
	at := timestamppb.New(s.now())
	s.developer = &owv1.Developer{Id: newUUID(), Email: s.Email, CreatedAt: at, UpdatedAt: at}
	calls := connect.WithInterceptors(connect.UnaryInterceptorFunc(s.intercept))
	mount := func(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }
	mount(owv1connect.NewSessionServiceHandler(sessions{s: s}, calls))
	mount(owv1connect.NewKeyServiceHandler(keys{s: s}, calls))
	mount(owv1connect.NewApplicationServiceHandler(applications{s: s}, calls))
	mount(owv1connect.NewUserServiceHandler(users{s: s}, calls))
	mount(owv1connect.NewTokenServiceHandler(tokens{s: s}, calls))
	mount(owv1connect.NewWorkoutServiceHandler(workouts{s: s}, calls))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, notHere(r.URL.Path)) })
	s.http = httptest.NewUnstartedServer(s)
	s.http.Config.SetKeepAlivesEnabled(false) // so that net/http repeats no lost request itself
	s.http.Start()
	s.URL = s.http.URL
	return s
}

// Close ends the server. Calls under way fail.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// now returns the time of the server, in microseconds.
func (s *Server) now() time.Time { return time.Now().Add(s.ahead).UTC().Truncate(time.Microsecond) }

// call is what the handlers know of one request.
type call struct {
	requestID string
	principal *principal
	refused   *refusal // why principal is nil, if a credential was presented
	retryKey  string
	operation string
	client    string // User-Agent
	remote    string
	header    http.Header // of the response
}

// address returns the IP address of the client.
func (c *call) address() string {
	host, _, _ := net.SplitHostPort(c.remote)
	return host
}

type callContext struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callContext{}).(*call) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{requestID: "req_" + strings.ToLower(rand.Text()), header: w.Header(), client: r.UserAgent(), remote: r.RemoteAddr, operation: path.Base(r.URL.Path)}
	c.retryKey = r.Header.Get("Idempotency-Key")
	w.Header().Set("X-Request-Id", c.requestID)
	w.Header().Set("X-RateLimit-Limit", "1000")
	w.Header().Set("X-RateLimit-Remaining", "999")
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
	r = r.WithContext(context.WithValue(r.Context(), callContext{}, c))
	f := s.meet(r)
	if f.Delay > 0 && !sleep(r.Context(), f.Delay) {
		panic(http.ErrAbortHandler)
	}
	if f.Status != 0 {
		s.refuse(w, r, f.refusal())
		return
	}
	s.mu.Lock()
	c.principal, c.refused = s.authenticate(c, r)
	s.mu.Unlock()
	c.announceRotation()
	if f.Drop {
		s.mux.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	s.mux.ServeHTTP(w, r)
}

// announceRotation says that the key of the call was rotated, if it was.
func (c *call) announceRotation() {
	if p := c.principal; p != nil && !p.deprecated.IsZero() {
		c.header.Set("Deprecation", "@"+strconv.FormatInt(p.deprecated.Unix(), 10))
		c.header.Set("Sunset", p.until.Format(http.TimeFormat))
	}
}

// intercept runs one call after the other.
func (s *Server) intercept(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		res, err := next(ctx, r)
		if err != nil {
			return nil, asRefusal(err, r.Spec().Procedure).render(callOf(ctx))
		}
		return res, nil
	}
}

// refuse writes a refusal of a request that reaches no handler.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, why *refusal) {
	_ = connect.NewErrorWriter().Write(w, r, why.render(callOf(r.Context())))
}
