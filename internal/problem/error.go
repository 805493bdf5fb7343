// Package problem defines the one error that reaches a caller, and the checks
// that collect the faults of a request. It knows neither credentials, nor the
// wire, nor the database.
package problem

import (
	"context"
	"errors"
	"fmt"
)

// Kind is the class of a refusal. Each surface maps a kind to one status.
type Kind uint8

// Kinds of refusal.
const (
	Internal Kind = iota
	BadRequest
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	MethodNotAllowed
	Conflict
	TooLarge
	HeaderTooLarge
	UnsupportedMedia
	RateLimited
	Unavailable
	RequestTimeout   // the request did not arrive whole in time
	DeadlineExceeded // the caller's own deadline has passed
	Canceled         // the caller has hung up
)

// FieldError names one member of a request and what to change about it. It
// never repeats the value.
type FieldError struct {
	Field   string
	Message string
}

// Error is the one error that reaches a caller. Detail and Reason are safe to
// show; Cause is for the log alone.
type Error struct {
	Kind          Kind
	Reason        string // stable snake_case
	Detail        string // one sentence
	Fields        []FieldError
	RequiredScope string
	RetryAfter    int // seconds, 0 = none
	Cause         error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Reason, e.Detail, e.Cause)
	}
	return e.Reason + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.Cause }

// AsError returns err as an *Error. Any other error becomes the cause of an
// Internal one, which tells the caller nothing.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Reason: "internal", Detail: "Internal server error", Cause: err}
}

// UnavailableError returns the error of a passing fault: nothing was written,
// and the caller may repeat the call after a second.
func UnavailableError(cause error) *Error {
	return &Error{Kind: Unavailable, Reason: "unavailable", Detail: "The service is temporarily unavailable", RetryAfter: 1, Cause: cause}
}

// ContextError returns the refusal of a call that its caller has given up, by the
// error of its context, or nil if that is neither of the two that a context has.
// Nothing is wrong with the server, so that the refusal has no cause for the log.
func ContextError(err error) *Error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: DeadlineExceeded, Reason: "deadline_exceeded", Detail: "The deadline of the call has passed"}
	case errors.Is(err, context.Canceled):
		return &Error{Kind: Canceled, Reason: "canceled", Detail: "The call was canceled"}
	default:
		return nil
	}
}

// InvalidError returns the refusal of a request for its content. fields must
// not be empty.
func InvalidError(fields ...FieldError) *Error {
	detail := "The request is invalid"
	if f := fields[0]; f.Field != "" {
		detail = f.Field + ": " + f.Message
	} else if f.Message != "" {
		detail = f.Message
	}
	return &Error{Kind: Invalid, Reason: "invalid_request", Detail: detail, Fields: fields}
}

// QuotaError returns the refusal of a request that would take more than its quota
// allows. It will not succeed before something is removed or an operator raises
// the quota; detail says which.
func QuotaError(detail string) *Error {
	return &Error{Kind: Forbidden, Reason: "quota_exceeded", Detail: detail + ": remove some, or ask the operator for more"}
}

// NotFoundError returns the refusal of a request for something that does not
// exist. what names it as people do ("API key").
func NotFoundError(what string) *Error {
	return &Error{Kind: NotFound, Reason: "not_found", Detail: what + " not found"}
}
