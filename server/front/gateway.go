package front

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/gateway"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/server/call"
	"github.com/openwearables/openwearables/server/rest"
)

// forwarding passes requests that no route of this server takes on to a gateway, so that
// those of its own do not pay for it.
type forwarding struct {
	gateway *gateway.Gateway
	routes  []http.Handler // by the index of a gateway's route
	// noPhone serves what is below phonePrefix and not forwarded, as registerPhones does
	// without a gateway: a phone that gets a 404 never renews its token, and drops its data.
	noPhone http.Handler
}

// newForwarding returns what passes requests on to g.
func (f *Front) newForwarding(g *gateway.Gateway) *forwarding {
	b := &forwarding{gateway: g}
	for _, route := range g.Routes() {
		b.routes = append(b.routes, f.forwarded(g, &route))
	}
	b.noPhone = f.noPhone()
	return b
}

type matchKey struct{}

// forwarded returns the handler of one route. A public one is not authenticated: what
// stands in its header is not ours, and says nothing of who sends it.
func (f *Front) forwarded(g *gateway.Gateway, route *gateway.Route) http.Handler {
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call.From(r.Context())
		c.Upstream = g.Serve(w, r, r.Context().Value(matchKey{}).(*gateway.Match))
	})
	o := operation{name: route.Name, proof: inHeader, limit: maxSmallBody}
	switch route.Class {
	case gateway.Public:
		return f.unauthenticated(o.name, g.Fail(route), serve)
	case gateway.Ingest:
		o.own = ingestLimit
	}
	return f.pipeline(o, g.Fail(route), readLater, serve)
}

// unauthenticated spends the limit of public traffic before next.
func (f *Front) unauthenticated(name string, fail surface, next http.Handler) http.Handler {
	counted, limit := f.metrics.operation(name), f.auth.Limits.Policies().Public
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call.From(r.Context())
		c.Operation, c.Counted, c.IdempotencyKey = name, counted, nil
		if err := f.auth.Limits.Spend(r.Context(), &c.Caller, limit); err != nil {
			fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// beyond serves requests that no route of this server takes.
func (f *Front) beyond(w http.ResponseWriter, r *http.Request) {
	b := f.forwarding
	if b == nil {
		f.unmatched.ServeHTTP(w, r)
		return
	}
	if m, ok := b.gateway.Match(r.Method, r.URL.EscapedPath()); ok {
		r.Pattern = m.Route.Method + " " + m.Route.Path
		b.routes[m.Route.Index()].ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), matchKey{}, m)))
		return
	}
	if strings.HasPrefix(r.URL.Path, phonePrefix) {
		b.noPhone.ServeHTTP(w, r)
		return
	}
	f.unmatched.ServeHTTP(w, r)
}

// takes reports whether requests of a pattern of this server are forwarded instead.
func (b *forwarding) takes(pattern string) bool {
	if b == nil {
		return false
	}
	method, path, _ := strings.Cut(pattern, " ")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, "{") {
			segments[i] = "00000000-0000-4000-8000-000000000000" // any id
		}
	}
	_, ok := b.gateway.Match(method, strings.Join(segments, "/"))
	return ok
}

// methods adds to methods those that are forwarded at the path.
func (b *forwarding) methods(methods []string, escapedPath string) []string {
	if b == nil {
		return methods
	}
	all := slices.Concat(methods, b.gateway.Methods(escapedPath))
	slices.Sort(all)
	return slices.Compact(all)
}

func ingestLimit(l auth.Limits) ratelimit.Policy { return l.Ingest }

// Refuse answers a refusal as REST does.
func Refuse(w http.ResponseWriter, r *http.Request, err error) { rest.Fail(w, r, err) }

// OriginCheck returns a function that reports whether an origin is a listed one or, with
// localhost, this machine on any port.
func OriginCheck(listed []string, localhost bool) func(origin string) bool {
	return origins{listed, localhost}.allows
}
