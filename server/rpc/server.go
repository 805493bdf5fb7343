// Package rpc serves the services of openwearables.v1 over Connect, gRPC and
// gRPC-Web from the domain. Each method decodes, calls and renders; the rules
// are elsewhere.
package rpc

import (
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
)

// Server answers the procedures of openwearables.v1: it is the handler of each
// service, since no two procedures share a name. Its requests come through
// the server's middleware, which has read and checked their bodies.
type Server struct {
	Auth     *auth.Auth
	Workouts *event.Workouts
}

// compressFrom is the size in bytes from which an answer is worth compressing.
const compressFrom = 1024

// Handlers returns the handler of each service by its full name.
func (s *Server) Handlers() map[string]http.Handler {
	options := connect.WithHandlerOptions(
		connect.WithCodec(jsonCodec{}), connect.WithCodec(protoCodec{}),
		connect.WithCompressMinBytes(compressFrom),
		connect.WithInterceptors(connect.UnaryInterceptorFunc(intercept)),
	)
	handlers := make(map[string]http.Handler)
	add := func(path string, h http.Handler) { handlers[strings.Trim(path, "/")] = h }
	add(openwearablesv1connect.NewSessionServiceHandler(s, options))
	add(openwearablesv1connect.NewKeyServiceHandler(s, options))
	add(openwearablesv1connect.NewApplicationServiceHandler(s, options))
	add(openwearablesv1connect.NewUserServiceHandler(s, options))
	add(openwearablesv1connect.NewTokenServiceHandler(s, options))
	add(openwearablesv1connect.NewWorkoutServiceHandler(s, options))
	return handlers
}
