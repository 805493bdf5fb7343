package front

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/grpchealth"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/rpc"
)

const (
	healthService   = grpchealth.HealthV1ServiceName
	healthOperation = "health" // the name of its one method in logs and metrics
)

// health serves the health endpoints. /livez reports that the process runs;
// /readyz and gRPC health report whether it can serve.
type health struct {
	ready    func(context.Context) error
	degraded func() bool
}

// registerHealth serves the health endpoints. gRPC health reads a message, so
// that it spends a limit; the others do not.
func (f *Front) registerHealth(h health) {
	f.handle("GET /livez", f.probe("livez", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, http.StatusOK, "ok", "")
	}))
	f.handle("GET /readyz", f.probe("readyz", h.readyz))
	path, check := grpchealth.NewHandler(h, rpc.HandlerOptions())
	f.handle("POST "+path+"Check", f.aside(healthOperation, rpc.Fail, readRPC, check))
}

// readyz answers 503 while requests cannot be served, with what is known of why,
// else "ok", or "degraded" if acknowledged writes may be lost or Redis is away.
func (h health) readyz(w http.ResponseWriter, r *http.Request) {
	switch err := h.ready(r.Context()); {
	case err != nil:
		w.Header().Set("Retry-After", "1")
		detail := ""
		if e, ok := errors.AsType[*problem.Error](err); ok {
			detail = e.Detail
		}
		writeHealth(w, http.StatusServiceUnavailable, "unavailable", detail)
	case h.degraded():
		writeHealth(w, http.StatusOK, "degraded", "")
	default:
		writeHealth(w, http.StatusOK, "ok", "")
	}
}

func writeHealth(w http.ResponseWriter, status int, text, detail string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body := struct {
		Status string `json:"status"`
		Detail string `json:"detail,omitempty"`
	}{text, detail}
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has gone
}

// describeTimeout limits how long a health answer waits for the state of its
// rate limit. The whole answer takes less than a second.
const describeTimeout = 100 * time.Millisecond

// Check implements grpchealth.Checker.
func (h health) Check(ctx context.Context, r *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if r.Service != "" && !isService(r.Service) {
		return nil, problem.NotFoundError("Service")
	}
	status := grpchealth.StatusServing
	if h.ready(ctx) != nil {
		status = grpchealth.StatusNotServing
	}
	return &grpchealth.CheckResponse{Status: status}, nil
}

// isService reports whether the server has the service.
func isService(service string) bool {
	for _, o := range operations {
		if "openwearables.v1."+o.service == service {
			return true
		}
	}
	return service == healthService
}
