// Package rpc serves the services of openwearables.v1 from the domain, over
// Connect, gRPC and gRPC-Web. Each method decodes, calls and renders; the domain
// has the rules.
package rpc

import (
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/installation"
	"github.com/openwearables/openwearables/internal/usage"
)

// Server implements every service of openwearables.v1; no two of their
// procedures share a name. It serves requests behind the front, which has read
// and checked their bodies.
type Server struct {
	Auth     *auth.Auth
	Workouts *event.Workouts
	Usage    *usage.Reports
	Alerts   *alert.Alerts

	Installation *installation.Reports
}

// compressFrom is the size in bytes of the smallest answer that is compressed.
const compressFrom = 1024

// HandlerOptions returns the options of every unary handler. With them it decodes,
// refuses and compresses like the services of openwearables.v1.
func HandlerOptions() connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithCodec(jsonCodec{}), connect.WithCodec(protoCodec{}),
		connect.WithCompressMinBytes(compressFrom),
		connect.WithInterceptors(connect.UnaryInterceptorFunc(intercept)),
	)
}

// Handlers returns the handlers of the services by the full name of the service.
func (s *Server) Handlers() map[string]http.Handler {
	options := HandlerOptions()
	handlers := make(map[string]http.Handler)
	add := func(path string, h http.Handler) { handlers[strings.Trim(path, "/")] = h }
	add(openwearablesv1connect.NewSessionServiceHandler(s, options))
	add(openwearablesv1connect.NewSetupServiceHandler(s, options))
	add(openwearablesv1connect.NewKeyServiceHandler(s, options))
	add(openwearablesv1connect.NewApplicationServiceHandler(s, options))
	add(openwearablesv1connect.NewUserServiceHandler(s, options))
	add(openwearablesv1connect.NewTokenServiceHandler(s, options))
	add(openwearablesv1connect.NewWorkoutServiceHandler(s, options))
	add(openwearablesv1connect.NewAuditServiceHandler(s, options))
	add(openwearablesv1connect.NewCredentialServiceHandler(s, options))
	add(openwearablesv1connect.NewUsageServiceHandler(s, options))
	add(openwearablesv1connect.NewWebhookServiceHandler(s, options))
	add(openwearablesv1connect.NewDeveloperServiceHandler(s, options))
	add(openwearablesv1connect.NewInvitationServiceHandler(s, options))
	add(openwearablesv1connect.NewAlertServiceHandler(s, options))
	add(openwearablesv1connect.NewInstallationServiceHandler(s, options))
	return handlers
}
