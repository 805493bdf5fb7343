package openwearables

import (
	"context"
	"iter"
	"time"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Webhooks calls the API about the endpoints to which alerts are sent. VerifyWebhook
// verifies what such an endpoint receives.
type Webhooks struct {
	link *link
	stub stub[owv1connect.WebhookServiceClient]
}

func (s *Webhooks) rpc() owv1connect.WebhookServiceClient {
	return s.stub.on(s.link, owv1connect.NewWebhookServiceClient)
}

// WebhookEndpointWithSecret is an endpoint with the secret that signs what is sent to
// it, which the server returns only once.
type WebhookEndpointWithSecret struct {
	Endpoint *owv1.WebhookEndpoint
	Secret   Secret
}

func webhookWithSecret(endpoint *owv1.WebhookEndpoint, secret string, err error) (WebhookEndpointWithSecret, error) {
	if _, err = complete(endpoint, endpoint.GetId() != "" && secret != "", err); err != nil {
		return WebhookEndpointWithSecret{}, err
	}
	return WebhookEndpointWithSecret{endpoint, NewSecret(secret)}, nil
}

// Create creates an endpoint. Nil kinds stand for all of them; an empty list is refused,
// since on the way to the server it would become that too.
func (s *Webhooks) Create(ctx context.Context, req *owv1.CreateWebhookEndpointRequest) (WebhookEndpointWithSecret, error) {
	if err := someKinds(req.GetKinds(), "for all kinds"); err != nil {
		return WebhookEndpointWithSecret{}, err
	}
	res, err := s.rpc().CreateWebhookEndpoint(ctx, req)
	return webhookWithSecret(res.GetEndpoint(), res.GetSecret(), err)
}

// Rotate gives the endpoint a new secret. The old one signs beside it for overlap, which
// is truncated to seconds.
func (s *Webhooks) Rotate(ctx context.Context, id string, overlap time.Duration) (WebhookEndpointWithSecret, error) {
	res, err := s.rpc().RotateWebhookSecret(ctx, &owv1.RotateWebhookSecretRequest{Id: id, OverlapSeconds: wholeSeconds(overlap)})
	return webhookWithSecret(res.GetEndpoint(), res.GetSecret(), err)
}

// Get returns one endpoint.
func (s *Webhooks) Get(ctx context.Context, id string) (*owv1.WebhookEndpoint, error) {
	res, err := s.rpc().GetWebhookEndpoint(ctx, &owv1.GetWebhookEndpointRequest{Id: id})
	return object(res.GetEndpoint(), res.GetEndpoint().GetId(), err)
}

// Update changes an endpoint. Nil kinds leave them as they are; an empty list is refused.
func (s *Webhooks) Update(ctx context.Context, req *owv1.UpdateWebhookEndpointRequest) (*owv1.WebhookEndpoint, error) {
	if err := someKinds(req.GetKinds(), "to leave them as they are"); err != nil {
		return nil, err
	}
	res, err := s.rpc().UpdateWebhookEndpoint(ctx, req)
	return object(res.GetEndpoint(), res.GetEndpoint().GetId(), err)
}

// someKinds is notEmpty for kinds.
func someKinds(kinds []string, otherwise string) error {
	if kinds == nil || len(kinds) > 0 {
		return nil
	}
	return invalidField("kinds", "the list is empty: name at least one, or leave it nil "+otherwise)
}

// Delete deletes an endpoint with its deliveries.
func (s *Webhooks) Delete(ctx context.Context, id string) error {
	_, err := s.rpc().DeleteWebhookEndpoint(ctx, &owv1.DeleteWebhookEndpointRequest{Id: id})
	return err
}

// Test sends a message to the endpoint and returns how that ended, which takes up to 10
// seconds. A message that was not taken is no error.
func (s *Webhooks) Test(ctx context.Context, id string) (*owv1.WebhookDelivery, error) {
	res, err := s.rpc().TestWebhookEndpoint(ctx, &owv1.TestWebhookEndpointRequest{Id: id})
	return object(res.GetDelivery(), res.GetDelivery().GetId(), err)
}

// List yields all endpoints, newest first.
func (s *Webhooks) List(ctx context.Context) iter.Seq2[*owv1.WebhookEndpoint, error] {
	return singlePage(func() ([]*owv1.WebhookEndpoint, error) {
		res, err := s.rpc().ListWebhookEndpoints(ctx, &owv1.ListWebhookEndpointsRequest{})
		return res.GetEndpoints(), err
	})
}

// Deliveries yields the deliveries to an endpoint, newest first. It fetches pages as
// needed and ends after an error.
func (s *Webhooks) Deliveries(ctx context.Context, id string) iter.Seq2[*owv1.WebhookDelivery, error] {
	return pages(nil, func(cursor *string) ([]*owv1.WebhookDelivery, *string, error) {
		res, err := s.rpc().ListWebhookDeliveries(ctx, &owv1.ListWebhookDeliveriesRequest{Id: id, Cursor: cursor})
		if err != nil {
			return nil, nil, err
		}
		return res.GetItems(), res.NextCursor, nil
	})
}
