package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

// CreateApplication implements openwearablesv1connect.ApplicationServiceHandler.
func (s *Server) CreateApplication(ctx context.Context, r *owv1.CreateApplicationRequest) (*owv1.CreateApplicationResponse, error) {
	a, err := s.Auth.Applications.Create(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	return &owv1.CreateApplicationResponse{Application: applicationOf(a.Application), AppSecret: a.Secret}, nil
}

// ListApplications implements openwearablesv1connect.ApplicationServiceHandler.
func (s *Server) ListApplications(ctx context.Context, r *owv1.ListApplicationsRequest) (*owv1.ListApplicationsResponse, error) {
	page, err := s.Auth.Applications.List(ctx, auth.PageInput{Limit: optionalInt(r.Limit), Cursor: r.Cursor})
	if err != nil {
		return nil, err
	}
	out := &owv1.ListApplicationsResponse{NextCursor: page.NextCursor}
	for _, a := range page.Items {
		out.Applications = append(out.Applications, applicationOf(a))
	}
	return out, nil
}

// GetApplication implements openwearablesv1connect.ApplicationServiceHandler.
func (s *Server) GetApplication(ctx context.Context, r *owv1.GetApplicationRequest) (*owv1.GetApplicationResponse, error) {
	a, err := s.Auth.Applications.Get(ctx, r.GetAppId())
	if err != nil {
		return nil, err
	}
	return &owv1.GetApplicationResponse{Application: applicationOf(a)}, nil
}

// UpdateApplication implements openwearablesv1connect.ApplicationServiceHandler.
func (s *Server) UpdateApplication(ctx context.Context, r *owv1.UpdateApplicationRequest) (*owv1.UpdateApplicationResponse, error) {
	m, err := newMask(r.GetUpdateMask(), "name")
	if err != nil {
		return nil, err
	}
	a, err := s.Auth.Applications.Update(ctx, r.GetAppId(), change(m, "name", r.Name))
	if err != nil {
		return nil, err
	}
	return &owv1.UpdateApplicationResponse{Application: applicationOf(a)}, nil
}

// RotateApplicationSecret implements openwearablesv1connect.ApplicationServiceHandler.
func (s *Server) RotateApplicationSecret(ctx context.Context, r *owv1.RotateApplicationSecretRequest) (*owv1.RotateApplicationSecretResponse, error) {
	a, err := s.Auth.Applications.RotateSecret(ctx, r.GetAppId(), int(r.GetOverlapSeconds()))
	if err != nil {
		return nil, err
	}
	return &owv1.RotateApplicationSecretResponse{Application: applicationOf(a.Application), AppSecret: a.Secret}, nil
}

// FinishApplicationRotation implements openwearablesv1connect.ApplicationServiceHandler.
func (s *Server) FinishApplicationRotation(
	ctx context.Context, r *owv1.FinishApplicationRotationRequest,
) (*owv1.FinishApplicationRotationResponse, error) {
	a, err := s.Auth.Applications.FinishRotation(ctx, r.GetAppId())
	if err != nil {
		return nil, err
	}
	return &owv1.FinishApplicationRotationResponse{Application: applicationOf(a)}, nil
}

// DeleteApplication implements openwearablesv1connect.ApplicationServiceHandler.
func (s *Server) DeleteApplication(ctx context.Context, r *owv1.DeleteApplicationRequest) (*owv1.DeleteApplicationResponse, error) {
	if err := s.Auth.Applications.Delete(ctx, r.GetAppId()); err != nil {
		return nil, err
	}
	return &owv1.DeleteApplicationResponse{}, nil
}
