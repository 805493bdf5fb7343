package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/server/call"
)

// CreateFirstDeveloper implements openwearablesv1connect.SetupServiceHandler.
func (s *Server) CreateFirstDeveloper(ctx context.Context, r *owv1.CreateFirstDeveloperRequest) (*owv1.CreateFirstDeveloperResponse, error) {
	in := auth.SetupInput{Token: r.GetToken(), Email: r.GetEmail(), Password: r.GetPassword(), UseCookie: r.GetUseCookie()}
	if in.UseCookie {
		if err := call.From(ctx).SameSite(); err != nil {
			return nil, err
		}
	}
	g, err := s.Auth.Setup.CreateFirstDeveloper(ctx, in)
	if err != nil {
		return nil, err
	}
	return &owv1.CreateFirstDeveloperResponse{Tokens: pair(ctx, g, in.UseCookie)}, nil
}
