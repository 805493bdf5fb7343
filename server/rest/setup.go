package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/server/call"
)

// CreateFirstDeveloper implements openapi.StrictServerInterface.
func (s *Server) CreateFirstDeveloper(
	ctx context.Context, r openapi.CreateFirstDeveloperRequestObject,
) (openapi.CreateFirstDeveloperResponseObject, error) {
	in := auth.SetupInput{
		Token: r.Body.Token, Email: r.Body.Email, Password: r.Body.Password, UseCookie: valueOrZero(r.Body.UseCookie),
	}
	if in.UseCookie {
		if err := call.From(ctx).SameSite(); err != nil {
			return nil, err
		}
	}
	g, err := s.Auth.Setup.CreateFirstDeveloper(ctx, in)
	if err != nil {
		return nil, err
	}
	return openapi.CreateFirstDeveloper200JSONResponse(pair(ctx, g, in.UseCookie)), nil
}
