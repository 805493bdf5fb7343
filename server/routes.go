package server

import (
	"net/http"
	"strings"

	"connectrpc.com/connect"
	connectcors "connectrpc.com/cors"
	"connectrpc.com/grpcreflect"
	"github.com/rs/cors"

	"github.com/openwearables/openwearables/server/call"
	"github.com/openwearables/openwearables/server/rest"
	"github.com/openwearables/openwearables/server/rpc"
)

// routes builds the handler of the public listener.
func (s *Server) routes() http.Handler {
	s.mux = http.NewServeMux()
	csrf := s.csrf()
	(&rest.Server{Auth: s.auth, Workouts: s.workouts, CSRF: csrf}).Register(&restRoutes{s, byPattern()})
	s.registerRPC(&rpc.Server{Auth: s.auth, Workouts: s.workouts, CSRF: csrf})
	s.registerHealth()
	s.registerDocs()
	s.mux.Handle("GET /.well-known/jwks.json", s.open("JWKS", s.jwks))
	s.mux.HandleFunc("/", s.unmatched)
	return s.front(s.preflight(s.cors().Handler(s.tidy(s.mux))))
}

// Mount serves h at the pattern behind what every request goes through: its
// id, its limit, its log line. h reads the body and checks any proof itself.
// Call it before the first request.
func (s *Server) Mount(pattern string, h http.Handler) {
	s.mux.Handle(pattern, s.open(pattern, h.ServeHTTP))
}

// restRoutes registers the generated handlers behind the pipeline of their
// operation. It implements openapi.ServeMux.
type restRoutes struct {
	*Server
	operations map[string]operation // by pattern
}

func (m *restRoutes) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	o, ok := m.operations[pattern]
	if !ok {
		panic("server: openapi.yaml has " + pattern + ", the table of operations has not")
	}
	m.mux.Handle(pattern, m.pipeline(o, rest.Fail, readREST, http.HandlerFunc(h)))
}

func (m *restRoutes) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

func byPattern() map[string]operation {
	byPattern := make(map[string]operation, len(operations))
	for _, o := range operations {
		byPattern[strings.Replace(o.rest, " ", " /api/v1", 1)] = o
	}
	return byPattern
}

func (s *Server) registerRPC(handlers *rpc.Server) {
	services := handlers.Handlers()
	for _, o := range operations {
		service := strings.Trim(rpcPrefix, "/") + o.service
		h := s.pipeline(o, rpc.Fail, readRPC, services[service])
		s.mux.Handle("POST /"+service+"/"+o.name, h)
		if o.safe {
			s.mux.Handle("GET /"+service+"/"+o.name, headAsGet(h))
		}
	}
	if s.config.Reflection {
		s.registerReflection(services)
	}
}

// headAsGet answers HEAD, which the RPC library does not know, as GET; net/http
// leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := *r
			get.Method, r = http.MethodGet, &get
		}
		next.ServeHTTP(w, r)
	})
}

// registerReflection serves gRPC server reflection, streams that no body
// reader may hold up.
func (s *Server) registerReflection(services map[string]http.Handler) {
	names := make([]string, 0, len(services)+1)
	for name := range services {
		names = append(names, name)
	}
	reflector := grpcreflect.NewStaticReflector(append(names, healthService)...)
	for _, add := range []func(*grpcreflect.Reflector, ...connect.HandlerOption) (string, http.Handler){
		grpcreflect.NewHandlerV1, grpcreflect.NewHandlerV1Alpha,
	} {
		path, h := add(reflector)
		s.Mount("POST "+path, h)
	}
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.auth.Signing.JWKS()) // the caller has gone, or it has arrived
}

// cors lets pages of the allowed origins, and no others, read answers.
func (s *Server) cors() *cors.Cors {
	return cors.New(cors.Options{
		AllowOriginFunc:  s.allowedOrigin,
		AllowCredentials: true,
		AllowedMethods:   []string{"GET", "POST", "PATCH", "DELETE"},
		AllowedHeaders: append(connectcors.AllowedHeaders(),
			"Authorization", "Idempotency-Key", "X-Request-Id", "X-Open-Wearables-API-Key"),
		ExposedHeaders: append(connectcors.ExposedHeaders(),
			"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy",
			"Retry-After", "X-Request-Id", "Idempotent-Replayed", "WWW-Authenticate", "Deprecation", "Sunset"),
		MaxAge: 3600,
	})
}

func (s *Server) allowedOrigin(origin string) bool {
	for _, o := range s.config.AllowedOrigins {
		if o == origin {
			return true
		}
	}
	return s.config.Dev && localhost(origin)
}

// localhost says whether an origin is a page of this machine, on any port.
func localhost(origin string) bool {
	for _, host := range []string{"http://localhost", "http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(origin, host)
		if ok && (rest == "" || rest[0] == ':' && len(rest) > 1 && strings.Trim(rest[1:], "0123456789") == "") {
			return true
		}
	}
	return false
}

// csrf admits what browsers say comes from this origin or an allowed one, and
// what no browser sent.
func (s *Server) csrf() call.CSRF {
	protection := http.NewCrossOriginProtection()
	return func(r *http.Request) error {
		if origin := r.Header.Get("Origin"); origin != "" && s.allowedOrigin(origin) {
			return nil
		}
		return protection.Check(r)
	}
}

// preflight lets the answer to a CORS preflight describe the address's limit,
// of which it spends nothing.
func (s *Server) preflight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			c := call.From(r.Context())
			c.Operation = "preflight"
			s.auth.Limits.Look(r.Context(), &c.Caller)
		}
		next.ServeHTTP(w, r)
	})
}
