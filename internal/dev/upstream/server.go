// Package upstream stands in for the backend of Open Wearables in tests: its routes,
// credentials, users and streams, as far as a gateway can see them, and faults on
// demand. It listens on loopback, and keeps what it was asked.
package upstream

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Request is one that arrived.
type Request struct {
	Method string
	URI    string // as it stood in the request
	Header http.Header
	Body   []byte // its first megabyte
	Size   int64
}

// User is one of its users.
type User struct {
	ID             string  `json:"id"`
	CreatedAt      string  `json:"created_at"`
	FirstName      *string `json:"first_name"`
	LastName       *string `json:"last_name"`
	Email          *string `json:"email"`
	ExternalUserID *string `json:"external_user_id"`

	LastSyncedAt        *string `json:"last_synced_at"`
	LastSyncedProvider  *string `json:"last_synced_provider"`
	HasActiveConnection bool    `json:"has_active_connection"`
}

// Fault answers a request in the server's place, and then reports true.
type Fault func(w http.ResponseWriter, r *http.Request) bool

// Server is a backend. Safe for concurrent use.
type Server struct {
	URL      string // "http://127.0.0.1:PORT"
	Key      string // of the service
	Email    string // of its developer
	Password string

	address string
	mux     *http.ServeMux

	mu       sync.Mutex
	http     *http.Server // nil while it is down
	users    map[string]*User
	order    []string
	tokens   map[string]*Developer // access tokens
	keys     map[string]bool       // beside that of the service
	accounts []*Developer          // the first one is the service's
	apps     []*application
	refresh  map[string]*grant // live refresh tokens
	logins   int
	requests []Request
	synced   map[string]int64 // bytes that were kept, by user
	fault    Fault
	streams  map[chan string]string // the user of each
	opened   chan struct{}          // is closed when the next stream opens or ends
}

// New starts a server until the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{
		Key: "sk-" + strings.ToLower(rand.Text()), Email: "service@example.com", Password: rand.Text(), mux: http.NewServeMux(),
		users: map[string]*User{}, tokens: map[string]*Developer{}, keys: map[string]bool{}, refresh: map[string]*grant{}, synced: map[string]int64{}, streams: map[chan string]string{}, opened: make(chan struct{}),
	}
	s.AddDeveloper(s.Email, s.Password)
	s.routes()
	s.listen(t, "127.0.0.1:0")
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) listen(t testing.TB, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.address = l.Addr().String()
	s.URL = "http://" + s.address
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func(h *http.Server) { _ = h.Serve(l) }(s.http)
}

// Stop closes the listener and every connection. It may be called again.
func (s *Server) Stop() {
	s.mu.Lock()
	h := s.http
	s.http = nil
	s.mu.Unlock()
	if h != nil {
		_ = h.Close()
	}
}

// Start listens again, at the same address.
func (s *Server) Start(t testing.TB) { t.Helper(); s.listen(t, s.address) }

// Break makes the server ask f of every request first; nil mends it.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// EndTokens ends the developer's tokens, as a new secret of the server does.
func (s *Server) EndTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Logins returns how often the developer has logged in.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Requests returns what arrived, but for logins, and forgets it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// Synced returns how many bytes of a user's uploads were kept.
func (s *Server) Synced(user string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced[user]
}

// AddUser adds a user under the id, as it is after an import.
func (s *Server) AddUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&User{ID: id, CreatedAt: now()})
}

func (s *Server) add(u *User) {
	s.users[u.ID] = u
	s.order = append(s.order, u.ID)
}

// User returns a copy of a user, and whether there is one.
func (s *Server) User(id string) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.users[id]; u != nil {
		return *u, true
	}
	return User{}, false
}

// ServeHTTP implements http.Handler. Like the original it decodes the whole path before
// it looks for a route, and redirects from a slash at the end.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "uvicorn")
	if origin := r.Header.Get("Origin"); origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	if r.URL.Path != "/api/v1/auth/login" {
		if err := s.keep(r); err != nil {
			return
		}
	}
	p := r.URL.Path
	switch {
	case strings.Contains(p, "//") || strings.Contains(p, "/../") || strings.Contains(p, "/./"):
		refuse(w, http.StatusNotFound, "Not Found")
		return
	case len(p) > 1 && strings.HasSuffix(p, "/"):
		w.Header().Set("Location", "http://"+r.Host+strings.TrimSuffix(p, "/"))
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	r.URL.RawPath = ""
	s.mux.ServeHTTP(w, r)
}

// keep reads the body and keeps the request.
func (s *Server) keep(r *http.Request) error {
	var head bytes.Buffer
	n, err := io.Copy(&head, io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return err
	}
	rest, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(head.Bytes()))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{r.Method, r.RequestURI, r.Header.Clone(), head.Bytes(), n + rest})
	return nil
}

// refuse answers as the original refuses.
func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, map[string]string{"detail": detail})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has gone
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }
