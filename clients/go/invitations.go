package openwearables

import (
	"context"
	"iter"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Invitations calls the API about invitations to become a developer.
type Invitations struct {
	link *link
	stub stub[owv1connect.InvitationServiceClient]
}

func (s *Invitations) rpc() owv1connect.InvitationServiceClient {
	return s.stub.on(s.link, owv1connect.NewInvitationServiceClient)
}

// Create invites a person. The server sends nothing: hand over the token in a link to a
// page that accepts it. Whoever holds the token can become a developer.
func (s *Invitations) Create(ctx context.Context, email string) (*owv1.Invitation, error) {
	res, err := s.rpc().CreateInvitation(ctx, &owv1.CreateInvitationRequest{Email: email})
	return object(res.GetInvitation(), res.GetInvitation().GetId(), err)
}

// List yields the invitations that are pending, and those that have expired lately, newest
// first.
func (s *Invitations) List(ctx context.Context) iter.Seq2[*owv1.Invitation, error] {
	return singlePage(func() ([]*owv1.Invitation, error) {
		res, err := s.rpc().ListInvitations(ctx, &owv1.ListInvitationsRequest{})
		return res.GetInvitations(), err
	})
}

// Revoke ends an invitation.
func (s *Invitations) Revoke(ctx context.Context, id string) (*owv1.Invitation, error) {
	res, err := s.rpc().RevokeInvitation(ctx, &owv1.RevokeInvitationRequest{Id: id})
	return object(res.GetInvitation(), res.GetInvitation().GetId(), err)
}

// Resend gives an invitation that is pending or has expired a new token and 7 days. The
// old token is refused from then on. The server sends nothing.
func (s *Invitations) Resend(ctx context.Context, id string) (*owv1.Invitation, error) {
	res, err := s.rpc().ResendInvitation(ctx, &owv1.ResendInvitationRequest{Id: id})
	return object(res.GetInvitation(), res.GetInvitation().GetId(), err)
}

// Accept makes whoever holds the token of an invitation a developer, who logs in next. It
// sends no other credential.
func (s *Invitations) Accept(ctx context.Context, req *owv1.AcceptInvitationRequest) (*owv1.Developer, error) {
	res, err := s.rpc().AcceptInvitation(ctx, req)
	return object(res.GetDeveloper(), res.GetDeveloper().GetId(), err)
}
