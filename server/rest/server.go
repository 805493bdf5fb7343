// Package rest serves the operations of openapi.yaml from the domain. Each
// method decodes, calls and renders; the domain has the rules.
package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/oapi-codegen/nullable"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/installation"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/usage"
	"github.com/openwearables/openwearables/server/call"
)

// Server implements the operations of openapi.yaml. It serves requests behind
// the front, which has read and checked their bodies.
type Server struct {
	Auth     *auth.Auth
	Workouts *event.Workouts
	Usage    *usage.Reports
	Alerts   *alert.Alerts

	Installation *installation.Reports
}

var _ openapi.StrictServerInterface = (*Server)(nil)

// Register adds the operations to the mux, under /api/v1.
func (s *Server) Register(mux openapi.ServeMux) {
	strict := openapi.NewStrictHandlerWithOptions(s, nil, openapi.StrictHTTPServerOptions{
		JSON:                     bodies,
		RequestErrorHandlerFunc:  failDecode,
		ResponseErrorHandlerFunc: Fail,
	})
	openapi.HandlerWithOptions(strict, openapi.StdHTTPServerOptions{
		BaseURL: "/api/v1", BaseRouter: wholeQuery{mux}, ErrorHandlerFunc: failParameter,
	})
}

// Fail writes a refusal in the shape of the Error schema.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	c := call.From(r.Context())
	e := c.Fail(r.Context(), err)
	body := openapi.Error{Detail: e.Detail, Reason: e.Reason, RequestID: c.RequestID, RequiredScope: e.RequiredScope}
	for _, f := range e.Fields {
		body.Errors = append(body.Errors, openapi.FieldError(f))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(call.Status(e.Kind))
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has gone
}

// failDecode refuses a body with a member of the wrong type.
func failDecode(w http.ResponseWriter, r *http.Request, err error) {
	Fail(w, r, problem.InvalidError(memberFault(err)))
}

// failParameter refuses a path or query parameter that is missing, of the wrong
// type, or given more than once.
func failParameter(w http.ResponseWriter, r *http.Request, err error) {
	f := problem.FieldError{Message: "The parameters cannot be read"}
	if missing, ok := errors.AsType[*openapi.RequiredParamError](err); ok {
		f = problem.FieldError{Field: missing.ParamName, Message: "is required"}
	} else if wrong, ok := errors.AsType[*openapi.InvalidParamFormatError](err); ok {
		f = problem.FieldError{Field: wrong.ParamName, Message: problem.NotWhole} // one string always binds
		if len(r.URL.Query()[wrong.ParamName]) > 1 {
			f.Message = "must not be given more than once"
		}
	} else if many, ok := errors.AsType[*openapi.TooManyValuesForParamError](err); ok {
		f = problem.FieldError{Field: many.ParamName, Message: "must not be given more than once"}
	}
	Fail(w, r, problem.InvalidError(f))
}

// patch turns a member of a PATCH body into the domain's form.
func patch[T any](n nullable.Nullable[T]) auth.Change[T] {
	if !n.IsSpecified() {
		return auth.Change[T]{}
	}
	var to *T
	if v, err := n.Get(); err == nil {
		to = &v
	}
	return auth.ChangeTo(to)
}

// linkNext refers to the next page of a list that is an array, if there is one
// (RFC 8288). The reference is relative, so that it holds behind any proxy and
// under an alias, and names the state that the list is narrowed to, if any.
func linkNext(ctx context.Context, state *string, limit *int, cursor *string) {
	if cursor == nil {
		return
	}
	query := url.Values{"cursor": {*cursor}}
	if state != nil {
		query.Set("state", *state)
	}
	if limit != nil {
		query.Set("limit", strconv.Itoa(*limit))
	}
	call.From(ctx).Header().Set("Link", "<?"+query.Encode()+`>; rel="next"`)
}

// valueOrZero returns the value at p, or the zero value for nil.
func valueOrZero[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
