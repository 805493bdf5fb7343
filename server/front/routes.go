package front

import (
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"

	"github.com/openwearables/openwearables/server/rest"
	"github.com/openwearables/openwearables/server/rpc"
)

// registerREST serves the operations of openapi.yaml.
func (f *Front) registerREST(p *Ports) {
	s := &rest.Server{Auth: f.auth, Workouts: p.Workouts, Usage: p.Reports, Alerts: p.Alerts, Installation: p.Installation}
	s.Register(&restRoutes{f, operationsByPattern()})
	f.registerPhones(s)
	f.registerExisting(s)
	introspect := operation{name: "IntrospectToken", proof: inEither, limit: maxFormBody, own: verifyLimit}
	f.handle("POST /oauth/introspect", f.pipeline(introspect, rest.FailOAuth, readMounted, http.HandlerFunc(s.Introspect)))
}

// restRoutes implements openapi.ServeMux. It registers each generated handler
// behind the pipeline of its operation.
type restRoutes struct {
	*Front
	operations map[string]operation // by pattern
}

func (m *restRoutes) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	o, ok := m.operations[pattern]
	if !ok {
		panic("front: openapi.yaml has " + pattern + ", the table of operations has not")
	}
	if m.forwarding.takes(pattern) {
		return
	}
	m.handle(pattern, m.pipeline(o, rest.Fail, readREST, http.HandlerFunc(h)))
}

func (m *restRoutes) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// operationsByPattern returns the operations by their pattern in a mux.
func operationsByPattern() map[string]operation {
	byPattern := make(map[string]operation, len(operations))
	for _, o := range operations {
		byPattern[strings.Replace(o.rest, " ", " /api/v1", 1)] = o
	}
	return byPattern
}

// registerRPC serves the services of openwearables.v1.
func (f *Front) registerRPC(p *Ports, reflection bool) {
	services := (&rpc.Server{Auth: f.auth, Workouts: p.Workouts, Usage: p.Reports, Alerts: p.Alerts, Installation: p.Installation}).Handlers()
	for _, o := range operations {
		service := strings.Trim(rpcPrefix, "/") + o.service
		h := f.pipeline(o, rpc.Fail, readRPC, services[service])
		f.handle("POST /"+service+"/"+o.name, h)
		if o.safe {
			f.handle("GET /"+service+"/"+o.name, headAsGet(h))
		}
	}
	if reflection {
		f.registerReflection(services)
	}
}

// headAsGet serves HEAD as GET, since the RPC library does not support HEAD.
// net/http omits the body.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := *r
			get.Method, r = http.MethodGet, &get
		}
		next.ServeHTTP(w, r)
	})
}

// registerReflection serves gRPC server reflection. Its calls are streams, whose
// messages readStream checks while the handler reads them.
func (f *Front) registerReflection(services map[string]http.Handler) {
	names := make([]string, 0, len(services)+1)
	for name := range services {
		names = append(names, name)
	}
	reflector := grpcreflect.NewStaticReflector(append(names, healthService)...)
	for _, add := range []func(*grpcreflect.Reflector, ...connect.HandlerOption) (string, http.Handler){
		grpcreflect.NewHandlerV1, grpcreflect.NewHandlerV1Alpha,
	} {
		path, h := add(reflector, rpc.StreamOptions())
		f.handle("POST "+path+"ServerReflectionInfo", f.aside("reflection", rpc.Fail, readStream, h))
	}
}

const publicFor5Minutes = "public, max-age=300"

// jwks serves the public signing keys, cached for five minutes.
func (f *Front) jwks(w http.ResponseWriter, r *http.Request) {
	keys, err := f.auth.Signing.JWKS(r.Context())
	if err != nil {
		refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", publicFor5Minutes)
	_, _ = w.Write(keys) // an error means that the client has gone
}
