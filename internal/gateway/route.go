// Package gateway forwards requests to the product behind this server: those of
// its data and settings for callers whom this server knows, with credentials of
// its own, and those of providers of data as they come. Only what its table holds
// passes, at paths that it builds itself.
package gateway

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/upstream"
)

// Class says how requests of a route are forwarded.
type Class uint8

const (
	// JSON is a request that is answered at once.
	JSON Class = iota
	// Action is one that may take the upstream a while.
	Action
	// Import is an upload that a developer waits for.
	Import
	// Ingest is an upload of a phone. What it is refused for a passing reason is a 503:
	// phones take any 4xx but a 401 for the end of the matter, and drop the data.
	Ingest
	// Stream is an answer of events without an end.
	Stream
	// Public is traffic of providers and of pages without a login, which proves itself
	// to the upstream.
	Public
)

// String returns the name of the class in metrics.
func (c Class) String() string {
	return [...]string{"json", "action", "import", "ingest", "stream", "public"}[c]
}

// callers are whom a route admits.
type callers uint8

const (
	anybody    callers = iota // also without a credential
	developers                // their sessions
	accounts                  // and API keys with the scope
	owners                    // and users by their own tokens
	uploaders                 // API keys with the scope, and users by their own tokens
	phones                    // accounts, and users by their own tokens for a provider that is a phone
)

// phoneProviders are those whose data a phone sends, so that its user may disconnect
// them.
var phoneProviders = []string{"apple", "samsung", "google"}

// A Route is what is forwarded at one template of paths. Routes never change.
type Route struct {
	Name   string // in logs, metrics and the access ledger
	Method string // GET also stands for HEAD
	Path   string // the template; a segment in braces takes one value
	Class  Class

	who      callers
	scope    auth.Scope          // of an API key
	with     upstream.Credential // that the upstream demands
	to       string              // the template on their side, if it is another
	provider string              // an upload that names none has this one
	proof    bool                // its own credentials pass
	index    int
	segments []string
	target   []string
}

// userID is the parameter that holds the id of the user whose data a route reads.
const userID = "{user_id}"

// HasUser reports whether a user's id stands in the path.
func (r *Route) HasUser() bool { return slices.Contains(r.segments, userID) }

// Index returns the place of the route in [Gateway.Routes].
func (r *Route) Index() int { return r.index }

// reads reports whether the route reads the data of one user.
func (r *Route) reads() bool { return r.HasUser() && r.Method == "GET" }

// hasBody reports whether the body of a request is forwarded.
func (r *Route) hasBody() bool { return r.Method != "GET" && r.Method != "DELETE" }

// require admits whom the route does.
func (r *Route) require(ctx context.Context, m *Match) error {
	p := auth.CallerFrom(ctx).Principal
	var err error
	switch r.who {
	case anybody:
	case developers:
		_, err = auth.RequireDeveloper(ctx)
	case uploaders:
		if p != nil && p.Kind == auth.DeveloperToken {
			return errNotAllowed()
		}
		_, err = auth.RequireOwner(ctx, r.scope, m.User)
	case owners:
		_, err = auth.RequireOwner(ctx, r.scope, m.User)
	case phones:
		if slices.Contains(phoneProviders, m.param("{provider}")) {
			_, err = auth.RequireOwner(ctx, r.scope, m.User)
			break
		}
		_, err = auth.RequireAccount(ctx, r.scope)
	default:
		_, err = auth.RequireAccount(ctx, r.scope)
	}
	return err
}

// errNotAllowed is the refusal of package auth.
func errNotAllowed() error {
	return &problem.Error{Kind: problem.Forbidden, Reason: "credential_not_allowed", Detail: "This credential may not call this operation"}
}

// firstPatience is how long the upstream may take until its answer begins, from the last
// byte that it took of the request.
func (c Class) firstPatience() time.Duration {
	switch c {
	case Action, Import, Ingest:
		return time.Minute
	default:
		return 15 * time.Second
	}
}

// patience is how long it may take from one part of its answer to the next.
func (c Class) patience() time.Duration {
	if c == Stream {
		return time.Minute // it beats each 15 seconds
	}
	return c.firstPatience()
}

// split returns the segments of a path that begins with a slash.
func split(path string) []string { return strings.Split(path[1:], "/") }
