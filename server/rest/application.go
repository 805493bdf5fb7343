package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// applicationOf renders an application without its secret.
func applicationOf(a auth.Application) openapi.Application {
	return openapi.Application{
		ID: a.ID, AppID: a.AppID, Name: a.Name, CreatedAt: a.CreatedAt, Overlap: (*openapi.Overlap)(a.Overlap()),
	}
}

// applicationWithSecret renders an application with its secret, which no later
// answer shows.
func applicationWithSecret(n auth.NewApplication) openapi.ApplicationWithSecret {
	a := n.Application
	return openapi.ApplicationWithSecret{
		ID: a.ID, AppID: a.AppID, Name: a.Name, AppSecret: n.Secret, CreatedAt: a.CreatedAt,
		Overlap: (*openapi.Overlap)(a.Overlap()),
	}
}

// CreateApplication implements openapi.StrictServerInterface.
func (s *Server) CreateApplication(ctx context.Context, r openapi.CreateApplicationRequestObject) (openapi.CreateApplicationResponseObject, error) {
	a, err := s.Auth.Applications.Create(ctx, r.Body.Name)
	if err != nil {
		return nil, err
	}
	return openapi.CreateApplication201JSONResponse(applicationWithSecret(a)), nil
}

// ListApplications implements openapi.StrictServerInterface.
func (s *Server) ListApplications(ctx context.Context, r openapi.ListApplicationsRequestObject) (openapi.ListApplicationsResponseObject, error) {
	page, err := s.Auth.Applications.List(ctx, auth.PageInput(r.Params))
	if err != nil {
		return nil, err
	}
	linkNext(ctx, nil, r.Params.Limit, page.NextCursor)
	out := make(openapi.ListApplications200JSONResponse, len(page.Items))
	for i, a := range page.Items {
		out[i] = applicationOf(a)
	}
	return out, nil
}

// GetApplication implements openapi.StrictServerInterface.
func (s *Server) GetApplication(ctx context.Context, r openapi.GetApplicationRequestObject) (openapi.GetApplicationResponseObject, error) {
	a, err := s.Auth.Applications.Get(ctx, r.AppID)
	if err != nil {
		return nil, err
	}
	return openapi.GetApplication200JSONResponse(applicationOf(a)), nil
}

// UpdateApplication implements openapi.StrictServerInterface.
func (s *Server) UpdateApplication(ctx context.Context, r openapi.UpdateApplicationRequestObject) (openapi.UpdateApplicationResponseObject, error) {
	a, err := s.Auth.Applications.Update(ctx, r.AppID, patch(r.Body.Name))
	if err != nil {
		return nil, err
	}
	return openapi.UpdateApplication200JSONResponse(applicationOf(a)), nil
}

// RotateApplicationSecret implements openapi.StrictServerInterface.
func (s *Server) RotateApplicationSecret(ctx context.Context, r openapi.RotateApplicationSecretRequestObject) (openapi.RotateApplicationSecretResponseObject, error) {
	var overlap int32
	if r.Body != nil {
		overlap = valueOrZero(r.Body.OverlapSeconds)
	}
	a, err := s.Auth.Applications.RotateSecret(ctx, r.AppID, int(overlap))
	if err != nil {
		return nil, err
	}
	return openapi.RotateApplicationSecret200JSONResponse(applicationWithSecret(a)), nil
}

// FinishApplicationRotation implements openapi.StrictServerInterface.
func (s *Server) FinishApplicationRotation(ctx context.Context, r openapi.FinishApplicationRotationRequestObject) (openapi.FinishApplicationRotationResponseObject, error) {
	a, err := s.Auth.Applications.FinishRotation(ctx, r.AppID)
	if err != nil {
		return nil, err
	}
	return openapi.FinishApplicationRotation200JSONResponse(applicationOf(a)), nil
}

// DeleteApplication implements openapi.StrictServerInterface.
func (s *Server) DeleteApplication(ctx context.Context, r openapi.DeleteApplicationRequestObject) (openapi.DeleteApplicationResponseObject, error) {
	if err := s.Auth.Applications.Delete(ctx, r.AppID); err != nil {
		return nil, err
	}
	return openapi.DeleteApplication204Response{}, nil
}
