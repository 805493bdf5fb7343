package auth

import (
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
	UnsupportedMedia
	RateLimited
	Unavailable
)

// FieldError names one member of a request and what to change about it. It
// never echoes the value.
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

// Sentinels that a store answers; the domain gives them their meaning.
var (
	// ErrNotFound means that no row has the identity asked for.
	ErrNotFound = errors.New("auth: not found")
	// ErrTaken means that a unique value is held by another row; the error
	// wraps a *TakenError that names the column.
	ErrTaken = errors.New("auth: taken")
)

// TakenError says which unique column refused a write.
type TakenError struct{ Column string }

func (e *TakenError) Error() string { return "auth: " + e.Column + " is taken" }

// Is makes a TakenError match ErrTaken.
func (e *TakenError) Is(target error) bool { return target == ErrTaken }

// AsError returns err as an *Error. An error that is not one says nothing to
// the caller: it becomes Internal with err as its cause.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Reason: "internal", Detail: "Internal server error", Cause: err}
}

// UnavailableError is a passing fault: nothing was written, and the same call
// may be made again after a second.
func UnavailableError(cause error) *Error {
	return &Error{Kind: Unavailable, Reason: "unavailable", Detail: "The service is temporarily unavailable", RetryAfter: 1, Cause: cause}
}

// InvalidError refuses a request for its content; fields must not be empty.
func InvalidError(fields ...FieldError) *Error {
	detail := "The request is invalid"
	if f := fields[0]; f.Field != "" {
		detail = f.Field + ": " + f.Message
	} else if f.Message != "" {
		detail = f.Message
	}
	return &Error{Kind: Invalid, Reason: "invalid_request", Detail: detail, Fields: fields}
}

func unauthenticated(reason, detail string) *Error {
	return &Error{Kind: Unauthenticated, Reason: reason, Detail: detail}
}

func notFound(what string) *Error {
	return &Error{Kind: NotFound, Reason: "not_found", Detail: what + " not found"}
}

// Refusals that more than one place gives. Each call makes a new value, since
// a surface may attach to it.
func errMissingCredential() *Error {
	return unauthenticated("missing_credential", "Not authenticated")
}

func errInvalidKey() *Error { return unauthenticated("invalid_api_key", "Invalid API key") }

func errInvalidToken() *Error {
	return unauthenticated("invalid_token", "Could not validate credentials")
}

func errTokenExpired() *Error {
	return unauthenticated("token_expired", "Could not validate credentials")
}

func errInvalidLogin() *Error {
	return unauthenticated("invalid_credentials", "Incorrect email or password")
}

func errInvalidApp() *Error {
	return unauthenticated("invalid_app_credentials", "Invalid app credentials")
}

// ErrMultipleCredentials refuses a request that carries two credentials.
func ErrMultipleCredentials() *Error {
	return &Error{Kind: BadRequest, Reason: "multiple_credentials", Detail: "Send one credential, not several"}
}

func errMissingCredentials() *Error {
	return &Error{
		Kind: BadRequest, Reason: "missing_credentials",
		Detail: "Send app_id and app_secret, or authenticate as an admin",
	}
}

func errNotAllowed() *Error {
	return &Error{Kind: Forbidden, Reason: "credential_not_allowed", Detail: "This credential may not call this operation"}
}

func errOtherUser() *Error {
	return &Error{Kind: Forbidden, Reason: "other_user", Detail: "This token is for another user"}
}

func errScope(s Scope) *Error {
	return &Error{
		Kind: Forbidden, Reason: "insufficient_scope",
		Detail: "This API key lacks the scope " + string(s), RequiredScope: string(s),
	}
}
