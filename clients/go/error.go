package openwearables

import (
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

// Kind is what a caller can do about an error.
type Kind string

// The kinds of errors. The kind of an error is exactly one of them.
const (
	KindUnauthenticated    Kind = "unauthenticated"     // no credential, or one that the server refuses
	KindSessionExpired     Kind = "session_expired"     // the server ended the session: sign in again
	KindForbidden          Kind = "forbidden"           // the credential does not reach so far
	KindNotFound           Kind = "not_found"           //
	KindInvalid            Kind = "invalid"             // the request, or an option, must change
	KindRateLimited        Kind = "rate_limited"        // wait for Error.RetryAfter
	KindConflict           Kind = "conflict"            // something with that name is there already
	KindUnavailable        Kind = "unavailable"         // the server, or a proxy before it, is in trouble
	KindTimeout            Kind = "timeout"             // the deadline passed
	KindOffline            Kind = "offline"             // no answer came
	KindCanceled           Kind = "canceled"            // the caller gave up
	KindStorageUnavailable Kind = "storage_unavailable" // the session's store cannot be read; the session is not lost
	KindInternal           Kind = "internal"            // anything else
)

// Reasons that this package gives; all others are the server's.
const (
	ReasonSessionExpired     = "session_expired"
	ReasonSignedOut          = "signed_out"
	ReasonOffline            = "offline"
	ReasonStorageUnavailable = "storage_unavailable"
	ReasonInvalidOption      = "invalid_option"
	ReasonForeignAnswer      = "foreign_answer" // a proxy or a captive portal answered
	ReasonProviderFailed     = "token_provider_failed"
)

// Error is what every call of this package fails with. It contains no secret.
type Error struct {
	Kind          Kind
	Code          connect.Code
	Reason        string // stable snake_case: the server's, or one of the Reason constants
	Message       string // a sentence for people
	RequestID     string // of the answer, to be found in the server's log
	Fields        []FieldViolation
	RetryAfter    time.Duration // how long to wait; 0 if nobody said
	RequiredScope string        // what the API key lacks, with the reason insufficient_scope

	status int // of an answer that did not come from the API
	cause  error
}

// FieldViolation names one field that was refused, such as
// workouts[3].end_time.
type FieldViolation struct{ Field, Message string }

// Error returns the message with what identifies it.
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
		b.WriteString(sep + f.Field + ": " + f.Message)
		sep = ", "
	}
	if sep == ", " {
		b.WriteByte(')')
	}
	return b.String()
}

// Unwrap returns what the error came from: the *connect.Error of the call, or of
// the refresh that failed.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of an error of this package, KindInternal of any
// other, "" of nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// IsUnauthenticated reports that there is no credential or that it was refused;
// an ended session is included.
func IsUnauthenticated(err error) bool {
	k := KindOf(err)
	return k == KindUnauthenticated || k == KindSessionExpired
}

// IsSessionExpired reports that the server ended the session: sign in again.
func IsSessionExpired(err error) bool { return KindOf(err) == KindSessionExpired }

// IsForbidden reports that the credential does not reach so far.
func IsForbidden(err error) bool { return KindOf(err) == KindForbidden }

// IsNotFound reports that what the call names is not there.
func IsNotFound(err error) bool { return KindOf(err) == KindNotFound }

// IsInvalid reports that the request or an option must change.
func IsInvalid(err error) bool { return KindOf(err) == KindInvalid }

// IsRateLimited reports that Error.RetryAfter must pass first.
func IsRateLimited(err error) bool { return KindOf(err) == KindRateLimited }

// IsConflict reports that something else holds what the call wanted.
func IsConflict(err error) bool { return KindOf(err) == KindConflict }

// IsUnavailable reports that the server or a proxy before it is in trouble.
func IsUnavailable(err error) bool { return KindOf(err) == KindUnavailable }

// IsTimeout reports that the deadline passed.
func IsTimeout(err error) bool { return KindOf(err) == KindTimeout }

// IsOffline reports that no answer came.
func IsOffline(err error) bool { return KindOf(err) == KindOffline }

// IsCanceled reports that the caller gave up.
func IsCanceled(err error) bool { return KindOf(err) == KindCanceled }

// IsStorageUnavailable reports that the session's store cannot be read or
// written. The session is not lost.
func IsStorageUnavailable(err error) bool { return KindOf(err) == KindStorageUnavailable }

func invalid(message string) *Error {
	return &Error{Kind: KindInvalid, Code: connect.CodeInvalidArgument, Reason: ReasonInvalidOption, Message: message}
}

func storageError(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) && e.Kind == KindStorageUnavailable {
		return e
	}
	return &Error{
		Kind: KindStorageUnavailable, Code: connect.CodeUnavailable, Reason: ReasonStorageUnavailable,
		Message: "the session's store cannot be used: " + err.Error(), cause: err,
	}
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

// toError turns what a call failed with into an *Error.
func toError(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	e := &Error{Code: connect.CodeOf(err), Message: err.Error(), cause: err}
	ce := (*connect.Error)(nil)
	if errors.As(err, &ce) {
		e.Code, e.Message = ce.Code(), ce.Message()
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

func (e *Error) readMeta(h http.Header) {
	e.RequestID = h.Get("X-Request-Id")
	e.status, _ = strconv.Atoi(h.Get(foreignHeader))
	e.RetryAfter = retryAfter(h, time.Now())
}

func (e *Error) readDetail(m any) {
	d, ok := m.(*owv1.ErrorDetail)
	if !ok {
		return
	}
	e.Reason, e.RequiredScope = d.GetReason(), d.GetRequiredScope()
	if id := d.GetRequestId(); id != "" {
		e.RequestID = id
	}
	for _, f := range d.GetErrors() {
		e.Fields = append(e.Fields, FieldViolation{f.GetField(), f.GetMessage()})
	}
}

// readForeign judges an answer that did not come from the API: nothing about the
// credential follows from it, but for a 401.
func (e *Error) readForeign() {
	e.Reason = ReasonForeignAnswer
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

// isTransport reports that no whole answer came.
func isTransport(err error, e *Error) bool {
	if connect.IsWireError(err) {
		return false
	}
	var (
		netErr net.Error
		errno  syscall.Errno
	)
	return e.Code == connect.CodeUnavailable || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &netErr) || errors.As(err, &errno)
}

// retryAfter is how long the answer says to wait: Retry-After in seconds or as a
// date, else X-RateLimit-Reset where nothing remains.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if v := h.Get("Retry-After"); v != "" {
		if s, err := strconv.Atoi(v); err == nil {
			return time.Duration(max(s, 0)) * time.Second
		}
		if at, err := http.ParseTime(v); err == nil {
			return max(at.Sub(now), 0)
		}
	}
	if h.Get("X-Ratelimit-Remaining") == "0" {
		if s, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
			return max(time.Unix(s, 0).Sub(now), 0)
		}
	}
	return 0
}
