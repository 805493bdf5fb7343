package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"connectrpc.com/connect"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/openwearables/openwearables/server/call"
)

const healthService = "grpc.health.v1.Health"

// registerHealth serves /livez, which says that the process runs, and /readyz
// and gRPC health, which say that it can serve. They spend no limit.
func (s *Server) registerHealth() {
	s.mux.Handle("GET /livez", s.free("livez", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, "ok")
	}))
	s.mux.Handle("GET /readyz", s.free("readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.ready(r.Context()); err != nil {
			w.Header().Set("Retry-After", "1")
			writeHealth(w, http.StatusServiceUnavailable, "unavailable")
			return
		}
		writeHealth(w, http.StatusOK, s.condition())
	}))
	procedure := "/" + healthService + "/Check"
	s.mux.Handle("POST "+procedure, s.free("health", connect.NewUnaryHandler(procedure, s.checkHealth).ServeHTTP))
}

// condition is "degraded" where what is acknowledged may be lost, else "ok".
func (s *Server) condition() string {
	if len(s.store.Risks()) > 0 {
		return "degraded"
	}
	return "ok"
}

func writeHealth(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": text}) // the caller has gone, or it has arrived
}

// free serves without spending a limit; the answer describes the address's.
func (s *Server) free(name string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call.From(r.Context())
		c.Operation = name
		ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
		s.auth.Limits.Look(ctx, &c.Caller)
		cancel()
		next(w, r)
	})
}

// The answer of a health endpoint takes less than a second.
const (
	readyTimeout = 800 * time.Millisecond
	lookTimeout  = 100 * time.Millisecond
)

// ready says whether requests can be served soon. Callers at the same time share
// one look at the database, so that no flood of them keeps others from it.
func (s *Server) ready(ctx context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	looked := s.looks.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		return nil, s.store.Ping(ctx)
	})
	select {
	case look := <-looked:
		return look.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) checkHealth(ctx context.Context, r *connect.Request[healthv1.HealthCheckRequest]) (*connect.Response[healthv1.HealthCheckResponse], error) {
	if name := r.Msg.GetService(); name != "" && !s.serves(name) {
		return nil, connect.NewError(connect.CodeNotFound, errUnknownService)
	}
	status := healthv1.HealthCheckResponse_SERVING
	if s.ready(ctx) != nil {
		status = healthv1.HealthCheckResponse_NOT_SERVING
	}
	return connect.NewResponse(&healthv1.HealthCheckResponse{Status: status}), nil
}

func (s *Server) serves(service string) bool {
	for _, o := range operations {
		if "openwearables.v1."+o.service == service {
			return true
		}
	}
	return service == healthService
}
