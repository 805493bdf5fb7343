package openwearables

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Installation calls the API about the installation itself. Only a developer may ask.
type Installation struct {
	link *link
	stub stub[owv1connect.InstallationServiceClient]
}

func (s *Installation) rpc() owv1connect.InstallationServiceClient {
	return s.stub.on(s.link, owv1connect.NewInstallationServiceClient)
}

// Get describes the installation: its version, limits, settings, signing keys, and
// what is wrong with it.
func (s *Installation) Get(ctx context.Context) (*owv1.Installation, error) {
	res, err := s.rpc().GetInstallation(ctx, &owv1.GetInstallationRequest{})
	return object(res.GetInstallation(), res.GetInstallation().GetVersion(), err)
}

// Stats counts what the installation holds.
func (s *Installation) Stats(ctx context.Context) (*owv1.Stats, error) {
	res, err := s.rpc().GetStats(ctx, &owv1.GetStatsRequest{})
	return complete(res.GetStats(), res.GetStats().GetTotalUsers() != nil, err)
}
