package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

// CreateUser implements openwearablesv1connect.UserServiceHandler.
func (s *Server) CreateUser(ctx context.Context, r *owv1.CreateUserRequest) (*owv1.CreateUserResponse, error) {
	u, err := s.Auth.Users.Create(ctx, auth.UserPatch{
		FirstName: change(nil, "", r.FirstName), LastName: change(nil, "", r.LastName),
		Email: change(nil, "", r.Email), ExternalUserID: change(nil, "", r.ExternalUserId),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.CreateUserResponse{User: userOf(u)}, nil
}

// ListUsers implements openwearablesv1connect.UserServiceHandler.
func (s *Server) ListUsers(ctx context.Context, r *owv1.ListUsersRequest) (*owv1.ListUsersResponse, error) {
	page, err := s.Auth.Users.List(ctx, auth.UserList{
		Page: optionalInt(r.Page), Limit: optionalInt(r.Limit), SortBy: r.SortBy, SortOrder: r.SortOrder,
		Search: r.Search, Email: r.Email, ExternalUserID: r.ExternalUserId, Cursor: r.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &owv1.ListUsersResponse{
		Total: int32(page.Total), Page: int32(page.Page), Limit: int32(page.Limit), Pages: int32(page.Pages),
		HasNext: page.HasNext, HasPrev: page.HasPrev, NextCursor: page.NextCursor,
	}
	for _, u := range page.Items {
		out.Items = append(out.Items, userOf(u))
	}
	return out, nil
}

// GetUser implements openwearablesv1connect.UserServiceHandler.
func (s *Server) GetUser(ctx context.Context, r *owv1.GetUserRequest) (*owv1.GetUserResponse, error) {
	u, err := s.Auth.Users.Get(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.GetUserResponse{User: userOf(u)}, nil
}

// UpdateUser implements openwearablesv1connect.UserServiceHandler.
func (s *Server) UpdateUser(ctx context.Context, r *owv1.UpdateUserRequest) (*owv1.UpdateUserResponse, error) {
	m, err := newMask(r.GetUpdateMask(), "first_name", "last_name", "email", "external_user_id")
	if err != nil {
		return nil, err
	}
	u, err := s.Auth.Users.Update(ctx, r.GetId(), auth.UserPatch{
		FirstName: change(m, "first_name", r.FirstName), LastName: change(m, "last_name", r.LastName),
		Email: change(m, "email", r.Email), ExternalUserID: change(m, "external_user_id", r.ExternalUserId),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.UpdateUserResponse{User: userOf(u)}, nil
}

// DeleteUser implements openwearablesv1connect.UserServiceHandler.
func (s *Server) DeleteUser(ctx context.Context, r *owv1.DeleteUserRequest) (*owv1.DeleteUserResponse, error) {
	u, err := s.Auth.Users.Delete(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.DeleteUserResponse{User: userOf(u)}, nil
}
