package openwearables

import (
	"context"
	"iter"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Developers calls the API about the people who manage the installation. Sessions
// changes the signed-in developer's own email and password.
type Developers struct {
	link *link
	stub stub[owv1connect.DeveloperServiceClient]
}

func (s *Developers) rpc() owv1connect.DeveloperServiceClient {
	return s.stub.on(s.link, owv1connect.NewDeveloperServiceClient)
}

// List yields all developers, oldest first.
func (s *Developers) List(ctx context.Context) iter.Seq2[*owv1.Developer, error] {
	return singlePage(func() ([]*owv1.Developer, error) {
		res, err := s.rpc().ListDevelopers(ctx, &owv1.ListDevelopersRequest{})
		return res.GetDevelopers(), err
	})
}

// Get returns one developer.
func (s *Developers) Get(ctx context.Context, id string) (*owv1.Developer, error) {
	res, err := s.rpc().GetDeveloper(ctx, &owv1.GetDeveloperRequest{Id: id})
	return object(res.GetDeveloper(), res.GetDeveloper().GetId(), err)
}

// Update changes the names of a developer.
func (s *Developers) Update(ctx context.Context, req *owv1.UpdateDeveloperRequest) (*owv1.Developer, error) {
	res, err := s.rpc().UpdateDeveloper(ctx, req)
	return object(res.GetDeveloper(), res.GetDeveloper().GetId(), err)
}

// Delete deletes a developer, with its sessions, the user tokens that it minted and its
// invitations, and returns it as it was. The last one who can log in stays.
func (s *Developers) Delete(ctx context.Context, id string) (*owv1.Developer, error) {
	res, err := s.rpc().DeleteDeveloper(ctx, &owv1.DeleteDeveloperRequest{Id: id})
	return object(res.GetDeveloper(), res.GetDeveloper().GetId(), err)
}
