package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

func webhookOf(w auth.WebhookEndpoint) *owv1.WebhookEndpoint {
	return &owv1.WebhookEndpoint{
		Id: w.ID, Url: w.URL, Description: w.Description, Kinds: w.Kinds, Enabled: w.Enabled, DisabledReason: w.DisabledReason,
		CreatedBy: w.CreatedBy, CreatedAt: stamp(w.CreatedAt), PreviousExpiresAt: optionalStamp(w.PreviousExpiresAt),
	}
}

func deliveryOf(d auth.WebhookDelivery) *owv1.WebhookDelivery {
	return &owv1.WebhookDelivery{
		Id: d.ID, Kind: d.Kind, State: d.State, Attempts: d.Attempts, CreatedAt: stamp(d.CreatedAt),
		LastAttemptAt: optionalStamp(d.LastAttemptAt), LastStatus: d.LastStatus, LastError: d.LastError,
		LastDurationMs: d.LastDurationMs, NextAttemptAt: optionalStamp(d.NextAttemptAt),
	}
}

// CreateWebhookEndpoint implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) CreateWebhookEndpoint(ctx context.Context, r *owv1.CreateWebhookEndpointRequest) (*owv1.CreateWebhookEndpointResponse, error) {
	w, err := s.Auth.Webhooks.Create(ctx, auth.WebhookInput{URL: r.GetUrl(), Description: r.Description, Kinds: optionalList(r.GetKinds())})
	if err != nil {
		return nil, err
	}
	return &owv1.CreateWebhookEndpointResponse{Endpoint: webhookOf(w.Endpoint), Secret: w.Secret}, nil
}

// ListWebhookEndpoints implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) ListWebhookEndpoints(ctx context.Context, _ *owv1.ListWebhookEndpointsRequest) (*owv1.ListWebhookEndpointsResponse, error) {
	all, err := s.Auth.Webhooks.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &owv1.ListWebhookEndpointsResponse{}
	for _, w := range all {
		out.Endpoints = append(out.Endpoints, webhookOf(w))
	}
	return out, nil
}

// GetWebhookEndpoint implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) GetWebhookEndpoint(ctx context.Context, r *owv1.GetWebhookEndpointRequest) (*owv1.GetWebhookEndpointResponse, error) {
	w, err := s.Auth.Webhooks.Get(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.GetWebhookEndpointResponse{Endpoint: webhookOf(w)}, nil
}

// UpdateWebhookEndpoint implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) UpdateWebhookEndpoint(ctx context.Context, r *owv1.UpdateWebhookEndpointRequest) (*owv1.UpdateWebhookEndpointResponse, error) {
	m, err := newMask(r.GetUpdateMask(), "url", "description", "kinds", "enabled")
	if err != nil {
		return nil, err
	}
	w, err := s.Auth.Webhooks.Update(ctx, r.GetId(), auth.WebhookPatch{
		URL: change(m, "url", r.Url), Description: change(m, "description", r.Description),
		Kinds: changeList(m, "kinds", r.GetKinds()), Enabled: change(m, "enabled", r.Enabled),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.UpdateWebhookEndpointResponse{Endpoint: webhookOf(w)}, nil
}

// RotateWebhookSecret implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) RotateWebhookSecret(ctx context.Context, r *owv1.RotateWebhookSecretRequest) (*owv1.RotateWebhookSecretResponse, error) {
	w, err := s.Auth.Webhooks.Rotate(ctx, r.GetId(), int(r.GetOverlapSeconds()))
	if err != nil {
		return nil, err
	}
	return &owv1.RotateWebhookSecretResponse{Endpoint: webhookOf(w.Endpoint), Secret: w.Secret}, nil
}

// DeleteWebhookEndpoint implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) DeleteWebhookEndpoint(ctx context.Context, r *owv1.DeleteWebhookEndpointRequest) (*owv1.DeleteWebhookEndpointResponse, error) {
	if err := s.Auth.Webhooks.Delete(ctx, r.GetId()); err != nil {
		return nil, err
	}
	return &owv1.DeleteWebhookEndpointResponse{}, nil
}

// TestWebhookEndpoint implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) TestWebhookEndpoint(ctx context.Context, r *owv1.TestWebhookEndpointRequest) (*owv1.TestWebhookEndpointResponse, error) {
	d, err := s.Auth.Webhooks.Test(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.TestWebhookEndpointResponse{Delivery: deliveryOf(d)}, nil
}

// ListWebhookDeliveries implements openwearablesv1connect.WebhookServiceHandler.
func (s *Server) ListWebhookDeliveries(ctx context.Context, r *owv1.ListWebhookDeliveriesRequest) (*owv1.ListWebhookDeliveriesResponse, error) {
	page, err := s.Auth.Webhooks.Deliveries(ctx, r.GetId(), auth.PageInput{Limit: optionalInt(r.Limit), Cursor: r.Cursor})
	if err != nil {
		return nil, err
	}
	out := &owv1.ListWebhookDeliveriesResponse{NextCursor: page.NextCursor}
	for _, d := range page.Items {
		out.Items = append(out.Items, deliveryOf(d))
	}
	return out, nil
}
