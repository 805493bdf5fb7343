package rpc

import (
	"context"
	"errors"
	"net/http"
	"regexp"

	"connectrpc.com/connect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

var errorWriter = connect.NewErrorWriter()

// Fail answers a refusal before a handler was reached, in the protocol that
// the request speaks. On Connect unary its HTTP status is the kind's own.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	c := call.From(r.Context())
	e := c.Fail(err)
	failure := connectError(c, e)
	if grpcType.MatchString(r.Header.Get("Content-Type")) {
		if e.Kind == problem.NotFound || e.Kind == problem.MethodNotAllowed {
			failure = detailed(connect.CodeUnimplemented, c, e)
		}
	} else {
		w = withStatus{w, ownStatus(e.Kind)}
	}
	_ = errorWriter.Write(w, r, failure) // the caller has gone, or it has arrived
}

// grpcType matches the content types that are answered in gRPC's way or
// gRPC-Web's, whose HTTP status is always 200.
var grpcType = regexp.MustCompile(`(?i)^application/grpc(-web)?(\+[^;]*)?\s*(;|$)`)

// ownStatus is the HTTP status of those kinds for which Connect's code would
// give another, else 0.
func ownStatus(k problem.Kind) int {
	switch k {
	case problem.TooLarge, problem.UnsupportedMedia, problem.MethodNotAllowed:
		return call.Status(k)
	default:
		return 0
	}
}

type withStatus struct {
	http.ResponseWriter
	status int
}

func (w withStatus) WriteHeader(status int) {
	if w.status != 0 {
		status = w.status
	}
	w.ResponseWriter.WriteHeader(status)
}

// intercept answers what the codecs could not read, and renders refusals.
func intercept(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		c := call.From(ctx)
		if f := unreadable(r.Any()); f != nil {
			return nil, connectError(c, c.Fail(problem.InvalidError(*f)))
		}
		answer, err := next(ctx, r)
		if err != nil {
			return nil, connectError(c, c.Fail(err))
		}
		return answer, nil
	}
}

func connectError(c *call.Call, e *problem.Error) *connect.Error {
	return detailed(code(e), c, e)
}

// detailed is a refusal with the detail that gives its reason.
func detailed(code connect.Code, c *call.Call, e *problem.Error) *connect.Error {
	out := connect.NewError(code, errors.New(e.Detail))
	detail := &owv1.ErrorDetail{Reason: e.Reason, RequestId: c.RequestID, RequiredScope: e.RequiredScope}
	for _, f := range e.Fields {
		detail.Errors = append(detail.Errors, &owv1.FieldViolation{Field: f.Field, Message: f.Message})
	}
	if d, err := connect.NewErrorDetail(detail); err == nil {
		out.AddDetail(d)
	}
	return out
}

func code(e *problem.Error) connect.Code {
	switch e.Kind {
	case problem.BadRequest:
		return connect.CodeFailedPrecondition
	case problem.Invalid, problem.TooLarge, problem.UnsupportedMedia:
		return connect.CodeInvalidArgument
	case problem.Unauthenticated:
		return connect.CodeUnauthenticated
	case problem.Forbidden:
		return connect.CodePermissionDenied
	case problem.NotFound:
		return connect.CodeNotFound
	case problem.MethodNotAllowed:
		return connect.CodeUnimplemented
	case problem.Conflict:
		if e.Reason == "idempotency_in_progress" {
			return connect.CodeAborted
		}
		return connect.CodeAlreadyExists
	case problem.RateLimited:
		return connect.CodeResourceExhausted
	case problem.Unavailable:
		return connect.CodeUnavailable
	default:
		return connect.CodeInternal
	}
}
