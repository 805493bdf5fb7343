// Package policy says who may call what of the services behind a proxy that asks this
// server before it forwards a request. An operator writes it in YAML.
package policy

import (
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
)

// Family is how a proxy names the request that it asks about.
type Family string

// The families. A proxy that speaks ext_authz over gRPC has a form of its own.
const (
	XForwarded  Family = "x-forwarded"  // the fields X-Forwarded-Method, -Uri and -Host
	RequestLine Family = "request-line" // the method of the question, and the rest of its path
)

// Policy is an ordered list of rules. It never changes once it is made.
type Policy struct {
	Headers    Family
	SecretFile string // that proxies prove themselves with; "" = by their address
	Secret     []byte // its content
	rules      []rule
}

// rule is what one entry of the file says.
type rule struct {
	line    int // in the file
	methods []string
	host    string // "": any
	path    template
	owner   string // the parameter that holds whose data it is; "": none
	needs   auth.Requirement
}

// Find returns what the first rule needs that a request matches, for the user that its
// path names, and whether there is one. The path must have passed [Path], and the host
// [Host]. A request without a host matches nothing if a rule names one.
func (p *Policy) Find(method, host, path string) (auth.Requirement, bool) {
	if host == "" && slices.ContainsFunc(p.rules, func(r rule) bool { return r.host != "" }) {
		return auth.Requirement{}, false
	}
	segments := strings.Split(path[1:], "/")
	for i := range p.rules {
		if r := &p.rules[i]; r.takes(method, host) && r.path.matches(segments) {
			needs := r.needs
			needs.UserID = r.path.value(r.owner, segments)
			return needs, true
		}
	}
	return auth.Requirement{}, false
}

func (r *rule) takes(method, host string) bool {
	return slices.Contains(r.methods, method) && (r.host == "" || r.host == host)
}

// hides reports whether every request that the later rule matches is one of r.
func (r *rule) hides(later *rule) bool {
	if r.host != "" && r.host != later.host || !r.path.covers(&later.path) {
		return false
	}
	for _, m := range later.methods {
		if !r.takes(m, r.host) {
			return false
		}
	}
	return true
}
