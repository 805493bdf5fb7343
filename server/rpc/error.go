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

// Fail writes a refusal of a request that reached no handler, in the protocol of
// the request. In the Connect protocol its HTTP status is that of its kind.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	c := call.From(r.Context())
	e := c.Fail(r.Context(), err)
	failure := connectError(c, e)
	if grpcType.MatchString(r.Header.Get("Content-Type")) {
		if e.Kind == problem.NotFound || e.Kind == problem.MethodNotAllowed {
			failure = detailed(connect.CodeUnimplemented, c, e)
		}
	} else {
		w = withStatus{w, ownStatus(e.Kind)}
	}
	_ = errorWriter.Write(w, r, failure) // an error means that the client has gone
}

// grpcType matches the content types of gRPC and gRPC-Web, whose HTTP status is
// always 200.
var grpcType = regexp.MustCompile(`(?i)^application/grpc(-web)?(\+[^;]*)?\s*(;|$)`)

// ownStatus returns the HTTP status of a kind whose Connect code implies another
// status, and 0 for every other kind.
func ownStatus(k problem.Kind) int {
	switch k {
	case problem.TooLarge, problem.HeaderTooLarge, problem.UnsupportedMedia, problem.MethodNotAllowed:
		return call.Status(k)
	default:
		return 0
	}
}

// withStatus replaces the status that is written to it, unless its own is 0.
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

// intercept refuses what the codecs could not decode, and renders every refusal.
func intercept(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		c := call.From(ctx)
		answer, err := serve(ctx, r, next)
		if err != nil {
			return nil, connectError(c, c.Fail(ctx, err))
		}
		return answer, nil
	}
}

// serve calls next with a message that could be decoded, unless the deadline of
// the call has passed.
func serve(ctx context.Context, r connect.AnyRequest, next connect.UnaryFunc) (connect.AnyResponse, error) {
	if e := call.Ended(ctx); e != nil {
		return nil, e
	}
	if f := unreadable(r.Any()); f != nil {
		return nil, problem.InvalidError(*f)
	}
	return next(ctx, r)
}

func connectError(c *call.Call, e *problem.Error) *connect.Error {
	return detailed(code(e), c, e)
}

// detailed renders a refusal with an ErrorDetail, which holds its reason.
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

// code returns the Connect code of a refusal.
func code(e *problem.Error) connect.Code {
	switch e.Kind {
	case problem.BadRequest:
		return connect.CodeFailedPrecondition
	case problem.Invalid, problem.TooLarge, problem.HeaderTooLarge, problem.UnsupportedMedia:
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
	case problem.RequestTimeout, problem.DeadlineExceeded:
		return connect.CodeDeadlineExceeded
	case problem.Canceled:
		return connect.CodeCanceled
	default:
		return connect.CodeInternal
	}
}
