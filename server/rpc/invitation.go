package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

func invitationOf(i auth.Invitation) *owv1.Invitation {
	return &owv1.Invitation{
		Id: i.ID, Email: i.Email, Token: i.Token, Status: i.Status,
		CreatedAt: stamp(i.CreatedAt), ExpiresAt: stamp(i.ExpiresAt), InvitedById: i.InvitedByID,
	}
}

// CreateInvitation implements openwearablesv1connect.InvitationServiceHandler.
func (s *Server) CreateInvitation(ctx context.Context, r *owv1.CreateInvitationRequest) (*owv1.CreateInvitationResponse, error) {
	i, err := s.Auth.Invitations.Create(ctx, r.GetEmail())
	if err != nil {
		return nil, err
	}
	return &owv1.CreateInvitationResponse{Invitation: invitationOf(i)}, nil
}

// ListInvitations implements openwearablesv1connect.InvitationServiceHandler.
func (s *Server) ListInvitations(ctx context.Context, _ *owv1.ListInvitationsRequest) (*owv1.ListInvitationsResponse, error) {
	all, err := s.Auth.Invitations.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &owv1.ListInvitationsResponse{}
	for _, i := range all {
		out.Invitations = append(out.Invitations, invitationOf(i))
	}
	return out, nil
}

// RevokeInvitation implements openwearablesv1connect.InvitationServiceHandler.
func (s *Server) RevokeInvitation(ctx context.Context, r *owv1.RevokeInvitationRequest) (*owv1.RevokeInvitationResponse, error) {
	i, err := s.Auth.Invitations.Revoke(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.RevokeInvitationResponse{Invitation: invitationOf(i)}, nil
}

// ResendInvitation implements openwearablesv1connect.InvitationServiceHandler.
func (s *Server) ResendInvitation(ctx context.Context, r *owv1.ResendInvitationRequest) (*owv1.ResendInvitationResponse, error) {
	i, err := s.Auth.Invitations.Resend(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.ResendInvitationResponse{Invitation: invitationOf(i)}, nil
}

// AcceptInvitation implements openwearablesv1connect.InvitationServiceHandler.
func (s *Server) AcceptInvitation(ctx context.Context, r *owv1.AcceptInvitationRequest) (*owv1.AcceptInvitationResponse, error) {
	d, err := s.Auth.Invitations.Accept(ctx, auth.AcceptInput{
		Token: r.GetToken(), FirstName: r.GetFirstName(), LastName: r.GetLastName(), Password: r.GetPassword(),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.AcceptInvitationResponse{Developer: developerOf(d)}, nil
}
