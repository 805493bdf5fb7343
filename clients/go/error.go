package openwearables

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"connectrpc.com/connect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// Kind classifies an error by what the caller can do about it.
type Kind string

// The kinds of errors. Each error has exactly one of them.
const (
	KindUnauthenticated    Kind = "unauthenticated"     // the credential is missing or refused
	KindSessionExpired     Kind = "session_expired"     // the server ended the session: sign in again
	KindForbidden          Kind = "forbidden"           // the credential lacks the permission
	KindNotFound           Kind = "not_found"           // the object does not exist
	KindInvalid            Kind = "invalid"             // the request, or an option, must change
	KindRateLimited        Kind = "rate_limited"        // wait for Error.RetryAfter
	KindConflict           Kind = "conflict"            // the name is taken
	KindUnavailable        Kind = "unavailable"         // the server, or a proxy in front of it, cannot serve the call now
	KindTimeout            Kind = "timeout"             // the deadline passed
	KindOffline            Kind = "offline"             // no response came
	KindCanceled           Kind = "canceled"            // the caller canceled the call
	KindStorageUnavailable Kind = "storage_unavailable" // the session's store cannot be read; the session is not lost
	KindInternal           Kind = "internal"            // anything else
)

// Reasons set by this package. All others come from the server.
const (
	ReasonSessionExpired     = "session_expired"
	ReasonSignedOut          = "signed_out"
	ReasonOffline            = "offline"
	ReasonStorageUnavailable = "storage_unavailable"
	ReasonInvalidOption      = "invalid_option"
	ReasonForeignAnswer      = "foreign_answer"   // the response came from a proxy or a captive portal
	ReasonInvalidResponse    = "invalid_response" // too large, not decodable, or without what the call returns
	ReasonProviderFailed     = "token_provider_failed"
	ReasonNoRefreshToken     = "no_refresh_token" // the access token has expired and came without one
)

// Error is the error type of every call of this package. It contains no secret. Its
// texts print on one line: at most 1 KiB for a message, without control characters
// and marks that change the direction of writing.
type Error struct {
	Kind          Kind
	Code          connect.Code
	Reason        string // stable snake_case: the server's, or one of the Reason constants
	Message       string // a sentence for people
	RequestID     string // identifies the call in the server's log
	Fields        []FieldViolation
	RetryAfter    time.Duration // how long to wait, as the server asks or the client itself waits; 0 if unknown
	RequiredScope string        // with the reason insufficient_scope: the scope that the API key lacks

	status int // the HTTP status of a response that did not come from the API, else 0
	cause  error
}

// FieldViolation is a field that the server refused, such as workouts[3].end_time,
// and why.
type FieldViolation struct{ Field, Message string }

// Error returns the message with the reason, the request id and the fields that the message
// does not tell.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("openwearables: ")
	b.WriteString(e.Message)
	sep := " ("
	for _, p := range []struct{ name, value string }{{"", e.Reason}, {"request ", e.RequestID}} {
		if p.value != "" {
			b.WriteString(sep + p.name + p.value)
			sep = ", "
		}
	}
	for _, f := range e.Fields {
		if e.Message != f.Message && e.Message != f.Field+": "+f.Message {
			b.WriteString(sep + f.Field + ": " + f.Message)
			sep = ", "
		}
	}
	if sep == ", " {
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns the cause, if any: the *connect.Error of the call, or of the refresh
// that failed. If the error of a transport told a secret, the cause prints without it,
// and its own type is out of reach: errors.Is finds it, errors.As does not.
func (e *Error) Unwrap() error { return e.cause }

// Is makes a call that was canceled match context.Canceled, and one whose time was up
// context.DeadlineExceeded, also if the server said so first.
func (e *Error) Is(target error) bool {
	return target == context.Canceled && e.Kind == KindCanceled ||
		target == context.DeadlineExceeded && e.Kind == KindTimeout
}

// KindOf returns the kind of an error of this package, KindInternal for any other
// error, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// IsUnauthenticated reports whether the credential is missing or refused, or the
// session has ended.
func IsUnauthenticated(err error) bool {
	k := KindOf(err)
	return k == KindUnauthenticated || k == KindSessionExpired
}

// IsSessionExpired reports whether the server ended the session: sign in again.
func IsSessionExpired(err error) bool { return KindOf(err) == KindSessionExpired }

// IsForbidden reports whether the credential lacks the permission.
func IsForbidden(err error) bool { return KindOf(err) == KindForbidden }

// IsNotFound reports whether the object that the call names does not exist.
func IsNotFound(err error) bool { return KindOf(err) == KindNotFound }

// IsInvalid reports whether the request or an option must change.
func IsInvalid(err error) bool { return KindOf(err) == KindInvalid }

// IsRateLimited reports whether a rate limit is exhausted: wait for
// Error.RetryAfter.
func IsRateLimited(err error) bool { return KindOf(err) == KindRateLimited }

// IsConflict reports whether the call conflicts with existing data, such as a name
// that is taken.
func IsConflict(err error) bool { return KindOf(err) == KindConflict }

// IsUnavailable reports whether the server, or a proxy in front of it, cannot serve
// the call now.
func IsUnavailable(err error) bool { return KindOf(err) == KindUnavailable }

// IsTimeout reports whether the deadline passed.
func IsTimeout(err error) bool { return KindOf(err) == KindTimeout }

// IsOffline reports whether no response came.
func IsOffline(err error) bool { return KindOf(err) == KindOffline }

// IsCanceled reports whether the caller canceled the call.
func IsCanceled(err error) bool { return KindOf(err) == KindCanceled }

// IsStorageUnavailable reports whether the session's store cannot be read or
// written. The session is not lost.
func IsStorageUnavailable(err error) bool { return KindOf(err) == KindStorageUnavailable }

// IsInternal reports whether the error is of no other kind.
func IsInternal(err error) bool { return KindOf(err) == KindInternal }

func invalid(message string) *Error {
	return &Error{Kind: KindInvalid, Code: connect.CodeInvalidArgument, Reason: ReasonInvalidOption, Message: message}
}

// storageError wraps an error of the store. An *Error of that kind is returned as it
// is.
func storageError(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) && e.Kind == KindStorageUnavailable {
		return e
	}
	return &Error{
		Kind: KindStorageUnavailable, Code: connect.CodeUnavailable, Reason: ReasonStorageUnavailable,
		Message: clean("the session's store cannot be used: "+err.Error(), maxText), cause: err,
	}
}

// invalidResponse returns the error of a response that cannot be used. No call is
// repeated after it, and no session ends by it.
func invalidResponse(message string) *Error {
	return &Error{
		Kind: KindInternal, Code: connect.CodeInternal, Reason: ReasonInvalidResponse, Message: message,
	}
}

// isInvalidResponse reports whether e was made by invalidResponse.
func (e *Error) isInvalidResponse() bool {
	return e.Kind == KindInternal && e.Reason == ReasonInvalidResponse && !connect.IsWireError(e.cause)
}

// of adds the id of the request that res answers.
func (e *Error) of(res *http.Response) *Error {
	e.RequestID = clean(res.Header.Get("X-Request-Id"), maxName)
	return e
}

// after returns the error with how long to wait.
func (e *Error) after(d time.Duration) *Error {
	next := *e
	next.RetryAfter = d
	return &next
}

func signedOut() *Error {
	return &Error{
		Kind: KindUnauthenticated, Code: connect.CodeUnauthenticated, Reason: ReasonSignedOut,
		Message: "nobody is signed in",
	}
}

func sessionExpired(cause *Error) *Error {
	return &Error{
		Kind: KindSessionExpired, Code: connect.CodeUnauthenticated, Reason: ReasonSessionExpired,
		Message: "the session has ended, sign in again: " + cause.Reason, RequestID: cause.RequestID, cause: cause,
	}
}

// toError turns the error of a call into an *Error.
func toError(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	e := &Error{Code: connect.CodeOf(err), Message: clean(err.Error(), maxText), cause: err}
	ce := (*connect.Error)(nil)
	if errors.As(err, &ce) {
		ce = cleanCause(ce)
		e.Code, e.Message = ce.Code(), ce.Message()
		if _, hides := ce.Unwrap().(*hidden); hides || connect.IsWireError(err) {
			e.cause = ce
		}
		e.readMeta(ce.Meta())
		for _, d := range ce.Details() {
			if m, err := d.Value(); err == nil {
				e.readDetail(m)
			}
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		e.Code = connect.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Code = connect.CodeDeadlineExceeded
	case isUndecodable(err, e):
		e.Kind, e.Code, e.Reason, e.cause = KindInternal, connect.CodeInternal, ReasonInvalidResponse, ce
		return e
	case isTransport(err, e):
		e.Kind, e.Code, e.Reason = KindOffline, connect.CodeUnavailable, ReasonOffline
		return e
	}
	e.Kind = kindOf(e.Code)
	if e.status != 0 {
		e.readForeign()
	}
	return e
}

// contextError returns the error of a call whose context has ended.
func contextError(ctx context.Context) *Error {
	e := toError(ctx.Err())
	e.cause = context.Cause(ctx)
	return e
}

// callError turns the error of a call into an *Error. If the app gave its own cause for
// ending the context, the error wraps that cause.
func callError(ctx context.Context, err error) *Error {
	e := toError(err)
	if (e.Kind == KindCanceled || e.Kind == KindTimeout) && context.Cause(ctx) != ctx.Err() && !connect.IsWireError(err) {
		return contextError(ctx)
	}
	return e
}

func (e *Error) readMeta(h http.Header) {
	e.RequestID = clean(h.Get("X-Request-Id"), maxName)
	e.status, _ = strconv.Atoi(h.Get(foreignHeader))
	e.RetryAfter = retryAfter(h, time.Now())
}

func (e *Error) readDetail(m any) {
	d, ok := m.(*owv1.ErrorDetail)
	if !ok {
		return
	}
	e.Reason, e.RequiredScope = clean(d.GetReason(), maxName), clean(d.GetRequiredScope(), maxName)
	if id := d.GetRequestId(); id != "" {
		e.RequestID = clean(id, maxName)
	}
	for _, f := range d.GetErrors() {
		if len(e.Fields) == maxFields {
			return
		}
		e.Fields = append(e.Fields, FieldViolation{clean(f.GetField(), maxText), clean(f.GetMessage(), maxText)})
	}
}

// readForeign classifies a response that did not come from the API. Only a 401 says
// anything about the credential.
func (e *Error) readForeign() {
	e.Reason = cmp.Or(e.Reason, ReasonForeignAnswer)
	switch {
	case e.status == http.StatusTooManyRequests:
		e.Kind = KindRateLimited
	case e.status != http.StatusUnauthorized:
		e.Kind = KindUnavailable
	}
}

func kindOf(c connect.Code) Kind {
	switch c {
	case connect.CodeUnauthenticated:
		return KindUnauthenticated
	case connect.CodePermissionDenied:
		return KindForbidden
	case connect.CodeNotFound:
		return KindNotFound
	case connect.CodeInvalidArgument, connect.CodeFailedPrecondition, connect.CodeOutOfRange:
		return KindInvalid
	case connect.CodeResourceExhausted:
		return KindRateLimited
	case connect.CodeAlreadyExists, connect.CodeAborted:
		return KindConflict
	case connect.CodeUnavailable:
		return KindUnavailable
	case connect.CodeDeadlineExceeded:
		return KindTimeout
	case connect.CodeCanceled:
		return KindCanceled
	default:
		return KindInternal
	}
}

// isUndecodable reports whether a response came that connect-go cannot decode. It has
// this code for nothing else that happens in a client.
func isUndecodable(err error, e *Error) bool {
	return !connect.IsWireError(err) && e.Code == connect.CodeInvalidArgument
}

// isTransport reports whether no complete response came.
func isTransport(err error, e *Error) bool {
	if connect.IsWireError(err) {
		return false
	}
	return e.Code == connect.CodeUnavailable || isNetwork(err)
}

// isNetwork reports whether err is of a connection that failed.
func isNetwork(err error) bool {
	var (
		netErr net.Error
		errno  syscall.Errno
	)
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &netErr) || errors.As(err, &errno)
}

// maxSeconds bounds every time that others state: 34 years. A Duration can hold the sum of
// several such times.
const maxSeconds = 1 << 30

// retryAfter returns how long the response asks to wait: Retry-After in seconds or as
// a date (RFC 9110, section 10.2.3), else the time until X-RateLimit-Reset if
// nothing remains, else 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if v := h.Get("Retry-After"); v != "" {
		if s, err := strconv.Atoi(v); err == nil || errors.Is(err, strconv.ErrRange) {
			return time.Duration(min(max(s, 0), maxSeconds)) * time.Second
		}
		if at, err := http.ParseTime(v); err == nil {
			return until(now, at.Unix())
		}
	}
	if h.Get("X-Ratelimit-Remaining") == "0" {
		if s, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
			return until(now, s)
		}
	}
	return 0
}

// until returns the time from now to a unix time, which is at least 0.
func until(now time.Time, unix int64) time.Duration {
	unix = min(unix, now.Unix()+maxSeconds)
	return max(time.Unix(unix, 0).Sub(now), 0)
}
