package front

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"connectrpc.com/connect"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/policy"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
	"github.com/openwearables/openwearables/server/rpc"
)

const (
	checkProcedure = "/envoy.service.auth.v3.Authorization/Check"
	maxCheck       = 128 << 10 // bytes of a question: Envoy takes 60 KiB of header
)

// ExtAuthz returns the handler of a private listener that answers what Envoy asks over
// gRPC, by the policy of /forward-auth.
func (f *Front) ExtAuthz() http.Handler {
	counted := f.metrics.operation(forwardOperation)
	check := connect.NewUnaryHandler(checkProcedure, func(ctx context.Context, r *connect.Request[checkRequest]) (*connect.Response[checkResponse], error) {
		c := call.From(ctx)
		c.Operation, c.Counted, c.IdempotencyKey = forwardOperation, counted, nil
		return connect.NewResponse(f.check(ctx, c, r)), nil
	}, connect.WithCodec(checkCodec{}), connect.WithReadMaxBytes(maxCheck), connect.WithCompression("gzip", nil, nil))
	mux := http.NewServeMux()
	mux.Handle("POST "+checkProcedure, check)
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rpc.Fail(w, r, &problem.Error{Kind: problem.NotFound, Reason: "not_found", Detail: "This listener answers " + checkProcedure + " alone"})
	}))
	return f.record(mux)
}

// check decides on the request that Envoy asks about. What goes wrong is a refusal with
// its own status, as at /forward-auth.
func (f *Front) check(ctx context.Context, c *call.Call, r *connect.Request[checkRequest]) *checkResponse {
	p := f.policy()
	err := f.admitProxy(p, r.Peer().Addr, r.Header())
	asked := r.Msg
	if err == nil {
		c.Address = netip.Addr{} // that of Envoy is not the client's
		if a, bad := netip.ParseAddr(asked.address); bad == nil {
			c.Address = behind(auth.CanonicalAddress(a), asked.header, f.clientHeader, f.proxies)
		}
		c.Client = clientOf(asked.header)
	}
	q := question{method: asked.method, host: asked.host, uri: asked.path, header: asked.header, family: policy.RequestLine}
	err = f.authorize(ctx, c, p, &q, err)
	identity := identityOf(c, err)
	if err == nil {
		answer := &checkResponse{status: http.StatusOK, remove: []string{"authorization", "x-open-wearables-api-key"}}
		for _, i := range identity {
			if name := strings.ToLower(i.name); i.value == "" {
				answer.remove = append(answer.remove, name)
			} else {
				answer.header = append(answer.header, headerField{name, i.value})
			}
		}
		return answer
	}
	return denied(ctx, c, err)
}

// denied returns a refusal as rest.Fail writes it.
func denied(ctx context.Context, c *call.Call, err error) *checkResponse {
	e := c.Fail(ctx, err)
	body, _ := json.Marshal(openapi.Error{Detail: e.Detail, Reason: e.Reason, RequestID: c.RequestID, RequiredScope: e.RequiredScope}) // has nothing that cannot be marshalled
	answer := &checkResponse{status: call.Status(e.Kind), body: string(body), header: []headerField{
		{"content-type", "application/json"}, {"cache-control", "no-store"}, {"x-request-id", c.RequestID}, {"x-reason", e.Reason},
	}}
	for _, name := range []string{"Retry-After", "Www-Authenticate"} {
		if value := c.Header().Get(name); value != "" {
			answer.header = append(answer.header, headerField{strings.ToLower(name), value})
		}
	}
	return answer
}
