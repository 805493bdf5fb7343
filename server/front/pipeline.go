package front

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/server/call"
)

// maxCredential is the length of the longest credential that is read, in bytes.
const maxCredential = 8 << 10

// pipeline checks each request of an operation before next, in the order in
// which it may be refused: the rate limit of its credential, its authentication,
// its body. The domain checks the rest. Every handler is behind it, also those
// beside the table of operations.
func (f *Front) pipeline(o operation, fail surface, read bodyReader, next http.Handler) http.Handler {
	var byAddress, own ratelimit.Policy
	if o.byAddress != nil {
		byAddress = o.byAddress(f.auth.Limits.Policies())
	}
	if o.own != nil {
		own = o.own(f.auth.Limits.Policies())
	}
	counted := f.metrics.operation(o.name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call.From(r.Context())
		c.Operation, c.Counted, c.Own = o.name, counted, own
		if !o.takesKey {
			c.IdempotencyKey = nil
		}
		if o.proof != inBody {
			f.authenticate(c, r)
		}
		err := f.spend(&o, c, r, byAddress)
		if err == nil && o.name != healthOperation {
			err = f.auth.Authenticator.Report(r.Context(), &c.Caller)
		}
		if err == nil && o.proof == inHeader {
			err = c.Authenticated()
		}
		if err == nil && o.takesKey && len(r.Header["Idempotency-Key"]) > 1 {
			err = problem.InvalidError(problem.FieldError{Field: "Idempotency-Key", Message: "must be given only once"})
		}
		if o.maxBody() > maxBody {
			body := f.uploads.open(c, r)
			body.streams = o.streams
			defer body.release()
			c.Answering, r.Body = body.endTurn, body
		}
		if err == nil {
			err = read(&o, r)
		}
		if err != nil {
			closeAfter(w, r, err)
			fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// spend charges the limit of the request. A health check goes on if the limit
// cannot be reached in time, since its answer reports that the node is not ready.
func (f *Front) spend(o *operation, c *call.Call, r *http.Request, byAddress ratelimit.Policy) error {
	if o.name != healthOperation {
		return f.auth.Limits.Spend(r.Context(), &c.Caller, byAddress)
	}
	ctx, cancel := context.WithTimeout(r.Context(), describeTimeout)
	defer cancel()
	err := f.auth.Limits.Spend(ctx, &c.Caller, byAddress)
	if err != nil && problem.AsError(err).Kind == problem.Unavailable {
		return nil
	}
	return err
}

// aside is the pipeline of a handler beside the table of operations. It requires
// no credential, but a presented one spends its limit, and it admits only a small
// body.
func (f *Front) aside(name string, fail surface, read bodyReader, next http.Handler) http.Handler {
	return f.pipeline(operation{name: name, proof: inEither, limit: maxSmallBody}, fail, read, next)
}

// probe serves the health checks of load balancers, which spend no limit: the
// answer describes the limit of the address. A request that declares a body goes
// through the pipeline and spends a limit. The body is never read.
func (f *Front) probe(name string, next http.HandlerFunc) http.Handler {
	withBody, counted := f.aside(name, refuse, readNone, next), f.metrics.operation(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 0 {
			withBody.ServeHTTP(w, r)
			return
		}
		r.Body = http.NoBody
		c := call.From(r.Context())
		c.Operation, c.Counted = name, counted
		ctx, cancel := context.WithTimeout(r.Context(), describeTimeout)
		f.auth.Limits.Look(ctx, &c.Caller)
		cancel()
		next(w, r)
	})
}

// refuse answers on the surface that the request addresses. It closes the
// connection on which a body that is too large still arrives.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.TooLarge {
		w.Header().Set("Connection", "close")
	}
	surfaceOf(r)(w, r, err)
}

// closeAfter closes the connection of HTTP/1 on which the rest of a body may still
// arrive (RFC 9110 section 15.5.9).
func closeAfter(w http.ResponseWriter, r *http.Request, err error) {
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.RequestTimeout && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// authenticate authenticates the credential in the headers and records the
// outcome in the caller. It never reads a credential from the URL.
func (f *Front) authenticate(c *call.Call, r *http.Request) {
	c.Principal, c.Refused, c.Page = nil, nil, fromPage(r.Header)
	switch presented, err := credentialOf(r.Header); {
	case err != nil:
		c.Refused = err
	case !presented.Given:
	case presented.Key:
		f.auth.Authenticator.Key(r.Context(), &c.Caller, presented.Secret)
	default:
		f.auth.Authenticator.Bearer(r.Context(), &c.Caller, presented.Secret)
	}
}

// credentialOf returns the credential in the header, or the refusal of several.
func credentialOf(h http.Header) (auth.Presented, *problem.Error) {
	bearer, keys := h["Authorization"], h["X-Open-Wearables-Api-Key"]
	switch {
	case len(bearer)+len(keys) > 1:
		return auth.Presented{}, auth.ErrMultipleCredentials()
	case len(keys) == 1 && keys[0] != "":
		return auth.Presented{Secret: keys[0], Key: true, Given: true}, nil
	case len(bearer) == 1 && bearer[0] != "":
		return auth.Presented{Secret: bearerToken(bearer[0]), Given: true}, nil
	default:
		return auth.Presented{}, nil
	}
}

// bearerToken returns the credential of an Authorization header. The scheme may
// be missing, since shipped mobile clients omit it. A header with another scheme
// is returned whole, which is not a valid credential.
func bearerToken(header string) string {
	if len(header) > maxCredential {
		return ""
	}
	scheme, token, found := strings.Cut(header, " ")
	if found && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimLeft(token, " ")
	}
	return header
}
