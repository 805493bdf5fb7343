package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// given is a member of a new user: absent and null are alike.
func given(s *string) auth.Change[string] {
	if s == nil {
		return auth.Change[string]{}
	}
	return auth.ChangeTo(s)
}

// CreateUser implements openapi.StrictServerInterface.
func (s *Server) CreateUser(ctx context.Context, r openapi.CreateUserRequestObject) (openapi.CreateUserResponseObject, error) {
	u, err := s.Auth.Users.Create(ctx, auth.UserPatch{
		FirstName: given(r.Body.FirstName), LastName: given(r.Body.LastName),
		Email: given(r.Body.Email), ExternalUserID: given(r.Body.ExternalUserID),
	})
	if err != nil {
		return nil, err
	}
	return openapi.CreateUser201JSONResponse(u), nil
}

// ListUsers implements openapi.StrictServerInterface.
func (s *Server) ListUsers(ctx context.Context, r openapi.ListUsersRequestObject) (openapi.ListUsersResponseObject, error) {
	p := r.Params
	page, err := s.Auth.Users.List(ctx, auth.UserList{
		Page: p.Page, Limit: p.Limit, SortBy: p.SortBy, SortOrder: p.SortOrder,
		Search: p.Search, Email: p.Email, ExternalUserID: p.ExternalUserID, Cursor: p.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := openapi.ListUsers200JSONResponse{
		Items: make([]openapi.User, len(page.Items)), Total: page.Total, Page: page.Page, Limit: page.Limit,
		Pages: page.Pages, HasNext: page.HasNext, HasPrev: page.HasPrev, NextCursor: page.NextCursor,
	}
	for i, u := range page.Items {
		out.Items[i] = openapi.User(u)
	}
	return out, nil
}

// GetUser implements openapi.StrictServerInterface.
func (s *Server) GetUser(ctx context.Context, r openapi.GetUserRequestObject) (openapi.GetUserResponseObject, error) {
	u, err := s.Auth.Users.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.GetUser200JSONResponse(u), nil
}

// UpdateUser implements openapi.StrictServerInterface.
func (s *Server) UpdateUser(ctx context.Context, r openapi.UpdateUserRequestObject) (openapi.UpdateUserResponseObject, error) {
	u, err := s.Auth.Users.Update(ctx, r.ID, auth.UserPatch{
		FirstName: patch(r.Body.FirstName), LastName: patch(r.Body.LastName),
		Email: patch(r.Body.Email), ExternalUserID: patch(r.Body.ExternalUserID),
	})
	if err != nil {
		return nil, err
	}
	return openapi.UpdateUser200JSONResponse(u), nil
}

// DeleteUser implements openapi.StrictServerInterface.
func (s *Server) DeleteUser(ctx context.Context, r openapi.DeleteUserRequestObject) (openapi.DeleteUserResponseObject, error) {
	u, err := s.Auth.Users.Delete(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.DeleteUser200JSONResponse(u), nil
}
