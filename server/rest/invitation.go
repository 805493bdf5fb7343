package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// CreateInvitation implements openapi.StrictServerInterface.
func (s *Server) CreateInvitation(ctx context.Context, r openapi.CreateInvitationRequestObject) (openapi.CreateInvitationResponseObject, error) {
	i, err := s.Auth.Invitations.Create(ctx, r.Body.Email)
	if err != nil {
		return nil, err
	}
	return openapi.CreateInvitation201JSONResponse(i), nil
}

// ListInvitations implements openapi.StrictServerInterface.
func (s *Server) ListInvitations(ctx context.Context, _ openapi.ListInvitationsRequestObject) (openapi.ListInvitationsResponseObject, error) {
	all, err := s.Auth.Invitations.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make(openapi.ListInvitations200JSONResponse, len(all))
	for i, invitation := range all {
		out[i] = openapi.Invitation(invitation)
	}
	return out, nil
}

// RevokeInvitation implements openapi.StrictServerInterface.
func (s *Server) RevokeInvitation(ctx context.Context, r openapi.RevokeInvitationRequestObject) (openapi.RevokeInvitationResponseObject, error) {
	i, err := s.Auth.Invitations.Revoke(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.RevokeInvitation200JSONResponse(i), nil
}

// ResendInvitation implements openapi.StrictServerInterface.
func (s *Server) ResendInvitation(ctx context.Context, r openapi.ResendInvitationRequestObject) (openapi.ResendInvitationResponseObject, error) {
	i, err := s.Auth.Invitations.Resend(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.ResendInvitation200JSONResponse(i), nil
}

// AcceptInvitation implements openapi.StrictServerInterface.
func (s *Server) AcceptInvitation(ctx context.Context, r openapi.AcceptInvitationRequestObject) (openapi.AcceptInvitationResponseObject, error) {
	d, err := s.Auth.Invitations.Accept(ctx, auth.AcceptInput{
		Token: r.Body.Token, FirstName: r.Body.FirstName, LastName: r.Body.LastName, Password: r.Body.Password,
	})
	if err != nil {
		return nil, err
	}
	return openapi.AcceptInvitation201JSONResponse(d), nil
}
