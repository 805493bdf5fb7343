package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

// ListDevelopers implements openwearablesv1connect.DeveloperServiceHandler.
func (s *Server) ListDevelopers(ctx context.Context, _ *owv1.ListDevelopersRequest) (*owv1.ListDevelopersResponse, error) {
	all, err := s.Auth.Developers.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &owv1.ListDevelopersResponse{}
	for _, d := range all {
		out.Developers = append(out.Developers, developerOf(d))
	}
	return out, nil
}

// GetDeveloper implements openwearablesv1connect.DeveloperServiceHandler.
func (s *Server) GetDeveloper(ctx context.Context, r *owv1.GetDeveloperRequest) (*owv1.GetDeveloperResponse, error) {
	d, err := s.Auth.Developers.Get(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.GetDeveloperResponse{Developer: developerOf(d)}, nil
}

// UpdateDeveloper implements openwearablesv1connect.DeveloperServiceHandler.
func (s *Server) UpdateDeveloper(ctx context.Context, r *owv1.UpdateDeveloperRequest) (*owv1.UpdateDeveloperResponse, error) {
	m, err := newMask(r.GetUpdateMask(), "first_name", "last_name", "email")
	if err != nil {
		return nil, err
	}
	d, err := s.Auth.Developers.Update(ctx, r.GetId(), auth.DeveloperPatch{
		FirstName: change(m, "first_name", r.FirstName), LastName: change(m, "last_name", r.LastName), Email: change(m, "email", r.Email),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.UpdateDeveloperResponse{Developer: developerOf(d)}, nil
}

// DeleteDeveloper implements openwearablesv1connect.DeveloperServiceHandler.
func (s *Server) DeleteDeveloper(ctx context.Context, r *owv1.DeleteDeveloperRequest) (*owv1.DeleteDeveloperResponse, error) {
	d, err := s.Auth.Developers.Remove(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.DeleteDeveloperResponse{Developer: developerOf(d)}, nil
}
