package remote

import (
	"context"
	"errors"
	"strings"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// Exit statuses of a command that calls the API, beside 0, 1 for what the server refused,
// and 2 for wrong arguments.
const (
	statusSignedOut   = 3
	statusUnreachable = 4
	statusLimited     = 5
)

// failure is an error of a call.
type failure struct {
	text   string
	status int
	cause  error
}

func (f *failure) Error() string   { return f.text }
func (f *failure) ExitStatus() int { return f.status }
func (f *failure) Unwrap() error   { return f.cause }

// callError returns what a person can do about an error of the SDK.
func callError(err error) error {
	e, ok := errors.AsType[*openwearables.Error](err)
	if !ok {
		return err
	}
	f := &failure{text: e.Message, status: 1, cause: err}
	var notes []string
	if e.Reason != "" {
		notes = append(notes, e.Reason)
	}
	if e.RequestID != "" {
		notes = append(notes, "request "+e.RequestID)
	}
	if len(notes) > 0 {
		f.text += " (" + strings.Join(notes, ", ") + ")"
	}
	for _, field := range e.Fields {
		if !strings.Contains(e.Message, field.Message) {
			f.text += "\n  " + field.Field + ": " + field.Message
		}
	}
	switch {
	case openwearables.IsUnauthenticated(err) || openwearables.IsSessionExpired(err):
		f.status = statusSignedOut
		f.text += "; see openwearables login --help"
	case openwearables.IsOffline(err) || openwearables.IsTimeout(err) || openwearables.IsUnavailable(err):
		f.status = statusUnreachable
	case openwearables.IsRateLimited(err):
		f.status = statusLimited
		if e.RetryAfter > 0 {
			f.text += "; wait for " + e.RetryAfter.String()
		}
	case e.Reason == openwearables.ReasonInvalidOption:
		f.status = 2
		f.text = strings.ReplaceAll(f.text, "AllowInsecurePrivateNetwork", "login --insecure-private-http")
	case openwearables.IsCanceled(err):
		f.cause = context.Canceled
	}
	return f
}
