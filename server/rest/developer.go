package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// ListDevelopers implements openapi.StrictServerInterface.
func (s *Server) ListDevelopers(ctx context.Context, _ openapi.ListDevelopersRequestObject) (openapi.ListDevelopersResponseObject, error) {
	all, err := s.Auth.Developers.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make(openapi.ListDevelopers200JSONResponse, len(all))
	for i, d := range all {
		out[i] = openapi.Developer(d)
	}
	return out, nil
}

// GetDeveloper implements openapi.StrictServerInterface.
func (s *Server) GetDeveloper(ctx context.Context, r openapi.GetDeveloperRequestObject) (openapi.GetDeveloperResponseObject, error) {
	d, err := s.Auth.Developers.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.GetDeveloper200JSONResponse(d), nil
}

// UpdateDeveloper implements openapi.StrictServerInterface.
func (s *Server) UpdateDeveloper(ctx context.Context, r openapi.UpdateDeveloperRequestObject) (openapi.UpdateDeveloperResponseObject, error) {
	d, err := s.Auth.Developers.Update(ctx, r.ID, auth.DeveloperPatch{
		FirstName: patch(r.Body.FirstName), LastName: patch(r.Body.LastName), Email: patch(r.Body.Email),
	})
	if err != nil {
		return nil, err
	}
	return openapi.UpdateDeveloper200JSONResponse(d), nil
}

// DeleteDeveloper implements openapi.StrictServerInterface.
func (s *Server) DeleteDeveloper(ctx context.Context, r openapi.DeleteDeveloperRequestObject) (openapi.DeleteDeveloperResponseObject, error) {
	d, err := s.Auth.Developers.Remove(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.DeleteDeveloper200JSONResponse(d), nil
}
