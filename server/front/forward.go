package front

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/policy"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/server/call"
	"github.com/openwearables/openwearables/server/rest"
)

// forwardAuth is the path at which a proxy asks about a request, and forwardOperation the
// name of that in logs and metrics.
const (
	forwardAuth      = "/forward-auth"
	forwardOperation = "ForwardAuth"
)

// secretField holds the secret by which a proxy proves itself.
const secretField = "X-Forward-Auth-Secret"

// question is a request that a proxy asks about.
type question struct {
	method string
	host   string // may have a port; "" if it is not known
	uri    string // as it was sent
	header http.Header
	family policy.Family
}

// registerForwardAuth serves the questions of proxies, in both families: the policy, which
// may be replaced, says which one holds.
func (f *Front) registerForwardAuth() {
	byLine := f.answerProxy(policy.RequestLine, original)
	f.handle("GET "+forwardAuth, f.answerProxy(policy.XForwarded, forwarded))
	f.handle(forwardAuth, byLine) // else the mux would redirect it
	f.handle(forwardAuth+"/{path...}", byLine)
}

// forwarded reads the fields X-Forwarded-Method, -Uri and -Host.
func forwarded(r *http.Request) (q question, err error) {
	q.header, q.family = r.Header, policy.XForwarded
	for _, field := range []struct {
		name string
		to   *string
	}{{"X-Forwarded-Method", &q.method}, {"X-Forwarded-Uri", &q.uri}, {"X-Forwarded-Host", &q.host}} {
		switch values := r.Header[field.name]; {
		case len(values) > 1:
			return q, errQuestion(field.name + " must be given once")
		case len(values) == 1:
			*field.to = values[0]
		}
	}
	if q.method == "" || q.uri == "" {
		return q, errQuestion("The proxy must set X-Forwarded-Method, X-Forwarded-Uri and X-Forwarded-Host to those of the request")
	}
	return q, nil
}

// original reads the method and the rest of the path, which are those of the request.
func original(r *http.Request) (question, error) {
	uri, ok := strings.CutPrefix(r.RequestURI, forwardAuth)
	if !ok {
		return question{}, errQuestion("The path must begin with " + forwardAuth)
	}
	return question{method: r.Method, host: r.Host, uri: uri, header: r.Header, family: policy.RequestLine}, nil
}

// answerProxy answers 200 without a body if the request may pass, with whom it is from, or
// else the refusal that this server would answer it with. Every identity field is there,
// empty if it is not known: some proxies leave the client's own where the answer has none.
func (f *Front) answerProxy(family policy.Family, read func(*http.Request) (question, error)) http.Handler {
	counted := f.metrics.operation(forwardOperation)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, p := call.From(r.Context()), f.policy()
		c.Operation, c.Counted, c.IdempotencyKey = forwardOperation, counted, nil
		err := f.admitProxy(p, r.RemoteAddr, r.Header)
		if p.Headers != family {
			err = &problem.Error{Kind: problem.NotFound, Reason: "not_found", Detail: "Proxies ask in another way here: see headers in the policy"}
		}
		var q question
		if err == nil {
			q, err = read(r)
		}
		if err == nil {
			err = readNone(&operation{limit: maxSmallBody}, r)
		}
		err = f.authorize(r.Context(), c, p, &q, err)
		h := w.Header()
		for _, i := range identityOf(c, err) {
			h[i.name] = []string{i.value}
		}
		h["X-Reason"] = []string{reasonOf(err)}
		if err != nil {
			closeAfter(w, r, err)
			rest.Fail(w, r, err)
			return
		}
		h["Content-Length"] = []string{"0"}
		w.WriteHeader(http.StatusOK)
	})
}

// admitProxy refuses who may not ask: whoever may can try credentials, and says from which
// address.
func (f *Front) admitProxy(p *policy.Policy, remote string, h http.Header) error {
	if len(p.Secret) > 0 {
		given := h[secretField]
		if len(given) != 1 {
			return errProxy("The proxy must set " + secretField + " once")
		}
		want, got := sha256.Sum256(p.Secret), sha256.Sum256([]byte(given[0]))
		if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return errProxy("The secret in " + secretField + " is not that of the policy")
		}
		return nil
	}
	peer, err := netip.ParseAddrPort(remote)
	if err != nil || !within(auth.CanonicalAddress(peer.Addr()), f.proxies) {
		return errProxy("Only proxies that --trusted-proxies names may ask here, or that have the secret of the policy")
	}
	return nil
}

// authorize decides on a request that a proxy asks about, unless there is a refusal
// already. It sets the principal of the call, and charges whom the request would be charged
// to.
func (f *Front) authorize(ctx context.Context, c *call.Call, p *policy.Policy, q *question, err error) error {
	if err == nil {
		err = checkFields(q.header, q.family)
	}
	var needs auth.Requirement
	if err == nil {
		needs, err = find(p, q)
	}
	presented, several := credentialOf(q.header)
	if err == nil && several != nil {
		err = several
	}
	if err != nil {
		if limited := f.auth.Limits.Spend(ctx, &c.Caller, ratelimit.Policy{}); limited != nil {
			return limited
		}
		return err
	}
	c.Page = fromPage(q.header)
	err = f.auth.Verifications.Authorize(ctx, &c.Caller, presented, &needs)
	if err == nil || problem.AsError(err).Kind == problem.Forbidden {
		if lost := f.auth.Authenticator.Report(ctx, &c.Caller); lost != nil {
			return lost
		}
	}
	return err
}

// find returns what the rule of a request needs.
func find(p *policy.Policy, q *question) (auth.Requirement, error) {
	path, ok := policy.Path(q.uri)
	if !ok {
		return auth.Requirement{}, &problem.Error{
			Kind: problem.BadRequest, Reason: "malformed_path",
			Detail: "The path could be read in two ways: send it without //, . and .., ; and \\, and with no escape that need not be",
		}
	}
	host, ok := policy.Host(q.host)
	if !ok {
		return auth.Requirement{}, errQuestion("The host could be read in two ways: send its name without a dot at its end, and perhaps a port")
	}
	needs, ok := p.Find(q.method, host, path)
	if !ok {
		detail := "No rule allows this method on this path"
		if host == "" {
			detail += ", or rules name hosts and the proxy does not say which one the request is for"
		}
		return needs, &problem.Error{Kind: problem.Forbidden, Reason: "path_not_allowed", Detail: detail}
	}
	return needs, nil
}

// otherSpellings are fields in which other programs look for the method or the path of a
// request. A client that sets one may mean another request than the proxy forwards.
var otherSpellings = []string{
	"X-Original-Method", "X-Original-Uri", "X-Original-Url", "X-Original-Host", "X-Rewrite-Url", "X-Forwarded-Path",
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
}

// checkFields refuses fields that mean something to us, or to the service behind the
// proxy, in a spelling that the proxy does not replace: of another family, or with
// underscores, which many programs read as hyphens.
func checkFields(h http.Header, family policy.Family) error {
	for name := range h {
		if strings.IndexByte(name, '_') >= 0 && isGuarded(http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))) {
			return errQuestion("The request has a field that many programs would take for another one: leave out fields with underscores")
		}
		if slices.Contains(otherSpellings, name) {
			return errQuestion("The request names a method or a path of its own: leave out " + name)
		}
		if family == policy.RequestLine && (name == "X-Forwarded-Method" || name == "X-Forwarded-Uri") {
			return errQuestion("The request names a method or a path of its own: leave out " + name)
		}
	}
	return nil
}

// isGuarded reports whether a field says who sends a request, or which.
func isGuarded(name string) bool {
	return strings.HasPrefix(name, "X-Auth-") || strings.HasPrefix(name, "X-Forwarded-") || name == "Authorization" ||
		name == "X-Open-Wearables-Api-Key" || name == "X-Real-Ip" || name == secretField || slices.Contains(otherSpellings, name)
}

// identityField is a field that tells the service behind a proxy who sends a request.
type identityField struct{ name, value string }

// identityOf returns every identity field. They are empty for a request that is refused.
func identityOf(c *call.Call, refusal error) [6]identityField {
	var i auth.Identity
	if refusal == nil {
		i = c.Identified()
	}
	return [...]identityField{
		{"X-Auth-Subject", i.Subject},
		{"X-Auth-Kind", i.Kind},
		{"X-Auth-Scopes", i.Scopes},
		{"X-Auth-User-Id", i.UserID},
		{"X-Auth-App-Id", i.AppID},
		{"X-Auth-Environment", i.Environment},
	}
}

// reasonOf returns the reason of a verdict: a token of lower-case letters and underscores,
// which a proxy may put into a text as it is.
func reasonOf(err error) string {
	if err == nil {
		return "valid"
	}
	return problem.AsError(err).Reason
}

// errQuestion refuses a request that cannot be told from another one.
func errQuestion(detail string) error {
	return &problem.Error{Kind: problem.BadRequest, Reason: "ambiguous_request", Detail: detail}
}

func errProxy(detail string) error {
	return &problem.Error{Kind: problem.Forbidden, Reason: "proxy_not_trusted", Detail: detail}
}
