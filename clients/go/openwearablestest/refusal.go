package openwearablestest

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"connectrpc.com/connect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// refusal is why a call fails.
type refusal struct {
	code       connect.Code
	reason     string
	message    string
	fields     []*owv1.FieldViolation
	scope      string
	retryAfter time.Duration
}

func (r *refusal) Error() string { return r.reason + ": " + r.message }

// render returns the error of the contract.
func (r *refusal) render(c *call) *connect.Error {
	out := connect.NewError(r.code, errors.New(r.message))
	detail, err := connect.NewErrorDetail(&owv1.ErrorDetail{
		Reason: r.reason, RequestId: c.requestID, Errors: r.fields, RequiredScope: r.scope,
	})
	if err == nil {
		out.AddDetail(detail)
	}
	if r.retryAfter > 0 {
		out.Meta().Set("Retry-After", strconv.Itoa(int((r.retryAfter+time.Second-1)/time.Second)))
	}
	return out
}

func asRefusal(err error, procedure string) *refusal {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	case connect.CodeOf(err) == connect.CodeUnimplemented:
		return notHere(procedure)
	default:
		return &refusal{code: connect.CodeInternal, reason: "internal", message: err.Error()}
	}
}

func notHere(procedure string) *refusal {
	return &refusal{
		code: connect.CodeUnimplemented, reason: "not_in_openwearablestest",
		message: "openwearablestest has no " + procedure + ": run openwearables serve --dev",
	}
}

func unauthenticated(reason, message string) *refusal {
	return &refusal{code: connect.CodeUnauthenticated, reason: reason, message: message}
}

func forbidden(reason, message string) *refusal {
	return &refusal{code: connect.CodePermissionDenied, reason: reason, message: message}
}

func notFound(what string) *refusal {
	return &refusal{code: connect.CodeNotFound, reason: "not_found", message: what + " not found"}
}

func taken(field, what string) *refusal {
	return &refusal{code: connect.CodeAlreadyExists, reason: field + "_taken", message: "Another " + what + " has this " + field}
}

func invalidField(field, message string) *refusal {
	return &refusal{
		code: connect.CodeInvalidArgument, reason: "invalid_request", message: field + ": " + message,
		fields: []*owv1.FieldViolation{{Field: field, Message: message}},
	}
}

// check collects what is wrong with a request.
type check struct{ fields []*owv1.FieldViolation }

func (v *check) fail(field, message string) {
	v.fields = append(v.fields, &owv1.FieldViolation{Field: field, Message: message})
}

// err returns the refusal of what is wrong, nil if nothing is.
func (v *check) err() error {
	if len(v.fields) == 0 {
		return nil
	}
	r := invalidField(v.fields[0].GetField(), v.fields[0].GetMessage())
	r.fields = v.fields
	return r
}

// text checks that a string has least to most characters and no U+0000.
func (v *check) text(field, s string, least, most int) bool {
	switch n := utf8.RuneCountInString(s); {
	case strings.IndexByte(s, 0) >= 0:
		v.fail(field, "must not hold U+0000")
	case n < least || n > most:
		v.fail(field, "must be "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+" characters long")
	default:
		return true
	}
	return false
}

// optional checks a string that may be absent.
func (v *check) optional(field string, s *string, most int) {
	if s != nil {
		v.text(field, *s, 0, most)
	}
}

// name checks a text of one line and returns it without the spaces around it.
func (v *check) name(field, s string, least, most int) string {
	s = trim(s)
	isControl := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) }
	if v.text(field, s, least, most) && strings.ContainsFunc(s, isControl) {
		v.fail(field, "must hold no control character, and none that changes the direction of text")
	}
	return s
}

// optionalName is name for a text that may be absent.
func (v *check) optionalName(field string, s *string, least, most int) *string {
	if s == nil {
		return nil
	}
	return new(v.name(field, *s, least, most))
}

func (v *check) between(field string, n, least, most int) {
	if n < least || n > most {
		v.fail(field, "must be "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
}

// limit checks the size of a page and returns it.
func (v *check) limit(given *int32, otherwise int) int {
	if given == nil {
		return otherwise
	}
	v.between("limit", int(*given), 1, 100)
	return int(*given)
}

func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Zs, r) })
}
