package openwearablestest

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// Fault is what happens to a call in place of, or beside, its work. The zero Fault is none.
type Fault struct {
	// Status refuses the call before it has an effect: 429, 503, or any other from 400 to
	// 599. RetryAfter is how long the refusal asks to wait.
	Status     int
	RetryAfter time.Duration
	// Drop does the work, and then breaks the connection without an answer.
	Drop bool
	// Delay is a time to wait before anything else.
	Delay time.Duration
}

// Request is a request that came.
type Request struct {
	Method         string // the name of the RPC, such as CreateUser
	IdempotencyKey string
	Faulty         bool // a Fault was applied
}

// maxRequests bounds the requests that are remembered.
const maxRequests = 10_000

// rule applies a fault to some calls.
type rule struct {
	Fault
	left    int
	methods []string
}

// Fail applies a fault to the next calls, so many of them: those of the RPCs that are named,
// such as "UpsertWorkouts", or of any. Rules that were given earlier come first. It panics if
// there is no such RPC, or an error cannot have the status.
func (s *Server) Fail(times int, f Fault, methods ...string) {
	for _, m := range methods {
		if !slices.Contains(allMethods(), m) {
			panic("openwearablestest: Fail: the API has no RPC " + strconv.Quote(m) + "; its names are such as CreateUser")
		}
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		panic("openwearablestest: Fail: an error has a status from 400 to 599, and not " + strconv.Itoa(f.Status))
	}
	if times <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &rule{f, times, methods})
}

// allMethods returns the names of the RPCs of the API.
var allMethods = sync.OnceValue(func() (names []string) {
	pkg := owv1.File_openwearables_v1_user_proto.Package()
	protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				names = append(names, string(methods.Get(j).Name()))
			}
		}
		return true
	})
	return names
})

// Heal removes the faults that are left.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Requests returns the last 10,000 requests.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ExpireTokens makes every access token that was issued so far expire. Refresh tokens stay.
//
// A client that has just renewed a refused token does not renew again within 10 seconds: give
// each ExpireTokens, EndSessions and Advance of a test a client of its own.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.access {
		a.until = s.now()
	}
}

// EndSessions revokes every session, of users and of the developer, with its tokens.
func (s *Server) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(func(*session) bool { return true })
}

// Advance moves the clock of the server forward, by which tokens and keys expire.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

// meet notes a request and returns the fault that applies to it.
func (s *Server) meet(r *http.Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, f := Request{Method: path.Base(r.URL.Path), IdempotencyKey: r.Header.Get("Idempotency-Key")}, Fault{}
	for i, rule := range s.faults {
		if len(rule.methods) > 0 && !slices.Contains(rule.methods, seen.Method) {
			continue
		}
		seen.Faulty, f = true, rule.Fault
		if rule.left--; rule.left <= 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		break
	}
	s.requests = append(s.requests, seen)
	s.requests = s.requests[max(len(s.requests)-maxRequests, 0):]
	return f
}

// refusal returns the refusal with the status of the fault.
func (f Fault) refusal() *refusal {
	r := &refusal{code: connect.CodeUnknown, reason: "fault", message: http.StatusText(f.Status), retryAfter: f.RetryAfter}
	switch f.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		r.code, r.reason = connect.CodeInvalidArgument, "invalid_request"
	case http.StatusUnauthorized:
		r.code, r.reason = connect.CodeUnauthenticated, "invalid_token"
	case http.StatusForbidden:
		r.code, r.reason = connect.CodePermissionDenied, "credential_not_allowed"
	case http.StatusNotFound:
		r.code, r.reason = connect.CodeNotFound, "not_found"
	case http.StatusRequestTimeout:
		r.code, r.reason = connect.CodeDeadlineExceeded, "request_timeout"
	case http.StatusConflict:
		r.code, r.reason = connect.CodeAlreadyExists, "conflict"
	case http.StatusTooManyRequests:
		r.code, r.reason = connect.CodeResourceExhausted, "rate_limited"
	case http.StatusInternalServerError:
		r.code, r.reason = connect.CodeInternal, "internal"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		r.code, r.reason = connect.CodeUnavailable, "unavailable"
	}
	return r
}

// sleep waits, and reports whether ctx has not ended before that.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
