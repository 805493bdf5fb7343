package openwearables

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Usage calls the API about how many requests there were, and whose. A nil request is
// the default: the last day, by the hour.
type Usage struct {
	link *link
	stub stub[owv1connect.UsageServiceClient]
}

func (s *Usage) rpc() owv1connect.UsageServiceClient {
	return s.stub.on(s.link, owv1connect.NewUsageServiceClient)
}

// Account reports the requests of the whole account.
func (s *Usage) Account(ctx context.Context, req *owv1.GetUsageRequest) (*owv1.AccountUsage, error) {
	res, err := s.rpc().GetUsage(ctx, given(req))
	return complete(res.GetUsage(), res.GetUsage() != nil, err)
}

// Key reports the requests with one API key.
func (s *Usage) Key(ctx context.Context, req *owv1.GetKeyUsageRequest) (*owv1.Usage, error) {
	res, err := s.rpc().GetKeyUsage(ctx, given(req))
	return complete(res.GetUsage(), res.GetUsage() != nil, err)
}

// Application reports the requests with the secret of one application, and with the
// tokens that it minted.
func (s *Usage) Application(ctx context.Context, req *owv1.GetApplicationUsageRequest) (*owv1.Usage, error) {
	res, err := s.rpc().GetApplicationUsage(ctx, given(req))
	return complete(res.GetUsage(), res.GetUsage() != nil, err)
}

// User reports the requests with the tokens of one user.
func (s *Usage) User(ctx context.Context, req *owv1.GetUserUsageRequest) (*owv1.Usage, error) {
	res, err := s.rpc().GetUserUsage(ctx, given(req))
	return complete(res.GetUsage(), res.GetUsage() != nil, err)
}

// given returns the request, or an empty one for nil.
func given[T any](req *T) *T {
	if req == nil {
		return new(T)
	}
	return req
}
