package front

import (
	"context"
	"net/http"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/server/call"
)

// maxCredential is the longest credential that is looked at, in bytes.
const maxCredential = 8 << 10

// pipeline puts in front of an operation what every request goes through, in
// the order in which it may be refused: its credential's limit, its proof, its
// body. The domain does the rest.
func (f *Front) pipeline(o operation, fail surface, read bodyReader, next http.Handler) http.Handler {
	var byAddress ratelimit.Policy
	if o.byAddress != nil {
		byAddress = o.byAddress(f.auth.Limits.Policies())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call.From(r.Context())
		c.Operation = o.name
		if !o.takesKey {
			c.IdempotencyKey = nil
		}
		if o.proof != inBody {
			f.authenticate(c, r)
		}
		err := f.auth.Limits.Spend(r.Context(), &c.Caller, byAddress)
		if err == nil && o.proof == inHeader {
			err = c.Authenticated()
		}
		if err == nil {
			err = read(&o, r)
		}
		if err != nil {
			fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limited is the pipeline of what needs no credential and reads no body; one that
// is presented still pays.
func (f *Front) limited(name string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call.From(r.Context())
		c.Operation = name
		f.authenticate(c, r)
		if err := f.auth.Limits.Spend(r.Context(), &c.Caller, ratelimit.Policy{}); err != nil {
			surfaceOf(r)(w, r, err)
			return
		}
		next(w, r)
	})
}

// unlimited serves without spending a limit; the answer describes the address's.
func (f *Front) unlimited(name string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call.From(r.Context())
		c.Operation = name
		ctx, cancel := context.WithTimeout(r.Context(), describeTimeout)
		f.auth.Limits.Look(ctx, &c.Caller)
		cancel()
		next(w, r)
	})
}

// authenticate proves what the header presents and notes the outcome in the
// caller. No credential is ever read from a URL.
func (f *Front) authenticate(c *call.Call, r *http.Request) {
	c.Principal, c.Refused = nil, nil
	bearer, keys := r.Header["Authorization"], r.Header["X-Open-Wearables-Api-Key"]
	if len(bearer)+len(keys) > 1 {
		c.Refused = auth.ErrMultipleCredentials()
		return
	}
	switch {
	case len(keys) == 1 && keys[0] != "":
		f.auth.Authenticator.Key(r.Context(), &c.Caller, keys[0])
	case len(bearer) == 1 && bearer[0] != "":
		f.auth.Authenticator.Bearer(r.Context(), &c.Caller, bearerToken(bearer[0]))
	}
}

// bearerToken returns the credential of an Authorization header. The scheme
// word may be missing, for shipped mobile clients leave it out; another
// scheme's credentials are returned as they are and mean nothing.
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
