package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// createdWebhook renders an endpoint with its secret, which no later answer shows.
func createdWebhook(n auth.NewWebhookEndpoint) openapi.WebhookEndpointWithSecret {
	w := n.Endpoint
	return openapi.WebhookEndpointWithSecret{
		ID: w.ID, URL: w.URL, Description: w.Description, Kinds: w.Kinds, Enabled: w.Enabled, DisabledReason: w.DisabledReason,
		CreatedBy: w.CreatedBy, CreatedAt: w.CreatedAt, PreviousExpiresAt: w.PreviousExpiresAt, Secret: n.Secret,
	}
}

// CreateWebhookEndpoint implements openapi.StrictServerInterface.
func (s *Server) CreateWebhookEndpoint(ctx context.Context, r openapi.CreateWebhookEndpointRequestObject) (openapi.CreateWebhookEndpointResponseObject, error) {
	in := auth.WebhookInput{URL: r.Body.URL, Description: r.Body.Description}
	if r.Body.Kinds != nil {
		in.Kinds = &r.Body.Kinds
	}
	w, err := s.Auth.Webhooks.Create(ctx, in)
	if err != nil {
		return nil, err
	}
	return openapi.CreateWebhookEndpoint201JSONResponse(createdWebhook(w)), nil
}

// ListWebhookEndpoints implements openapi.StrictServerInterface.
func (s *Server) ListWebhookEndpoints(ctx context.Context, _ openapi.ListWebhookEndpointsRequestObject) (openapi.ListWebhookEndpointsResponseObject, error) {
	all, err := s.Auth.Webhooks.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make(openapi.ListWebhookEndpoints200JSONResponse, len(all))
	for i, w := range all {
		out[i] = openapi.WebhookEndpoint(w)
	}
	return out, nil
}

// GetWebhookEndpoint implements openapi.StrictServerInterface.
func (s *Server) GetWebhookEndpoint(ctx context.Context, r openapi.GetWebhookEndpointRequestObject) (openapi.GetWebhookEndpointResponseObject, error) {
	w, err := s.Auth.Webhooks.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.GetWebhookEndpoint200JSONResponse(w), nil
}

// UpdateWebhookEndpoint implements openapi.StrictServerInterface.
func (s *Server) UpdateWebhookEndpoint(ctx context.Context, r openapi.UpdateWebhookEndpointRequestObject) (openapi.UpdateWebhookEndpointResponseObject, error) {
	w, err := s.Auth.Webhooks.Update(ctx, r.ID, auth.WebhookPatch{
		URL: patch(r.Body.URL), Description: patch(r.Body.Description), Kinds: patch(r.Body.Kinds), Enabled: patch(r.Body.Enabled),
	})
	if err != nil {
		return nil, err
	}
	return openapi.UpdateWebhookEndpoint200JSONResponse(w), nil
}

// RotateWebhookSecret implements openapi.StrictServerInterface.
func (s *Server) RotateWebhookSecret(ctx context.Context, r openapi.RotateWebhookSecretRequestObject) (openapi.RotateWebhookSecretResponseObject, error) {
	var overlap int32
	if r.Body != nil {
		overlap = valueOrZero(r.Body.OverlapSeconds)
	}
	w, err := s.Auth.Webhooks.Rotate(ctx, r.ID, int(overlap))
	if err != nil {
		return nil, err
	}
	return openapi.RotateWebhookSecret200JSONResponse(createdWebhook(w)), nil
}

// DeleteWebhookEndpoint implements openapi.StrictServerInterface.
func (s *Server) DeleteWebhookEndpoint(ctx context.Context, r openapi.DeleteWebhookEndpointRequestObject) (openapi.DeleteWebhookEndpointResponseObject, error) {
	if err := s.Auth.Webhooks.Delete(ctx, r.ID); err != nil {
		return nil, err
	}
	return openapi.DeleteWebhookEndpoint204Response{}, nil
}

// TestWebhookEndpoint implements openapi.StrictServerInterface.
func (s *Server) TestWebhookEndpoint(ctx context.Context, r openapi.TestWebhookEndpointRequestObject) (openapi.TestWebhookEndpointResponseObject, error) {
	d, err := s.Auth.Webhooks.Test(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.TestWebhookEndpoint200JSONResponse(d), nil
}

// ListWebhookDeliveries implements openapi.StrictServerInterface.
func (s *Server) ListWebhookDeliveries(ctx context.Context, r openapi.ListWebhookDeliveriesRequestObject) (openapi.ListWebhookDeliveriesResponseObject, error) {
	page, err := s.Auth.Webhooks.Deliveries(ctx, r.ID, auth.PageInput(r.Params))
	if err != nil {
		return nil, err
	}
	out := openapi.ListWebhookDeliveries200JSONResponse{Items: make([]openapi.WebhookDelivery, len(page.Items)), NextCursor: page.NextCursor}
	for i, d := range page.Items {
		out.Items[i] = openapi.WebhookDelivery(d)
	}
	return out, nil
}
