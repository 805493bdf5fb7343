package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// keyOf renders a key without its secret.
func keyOf(k auth.Key) openapi.Key {
	return openapi.Key{
		ID: k.ID, Name: k.Name, KeyPrefix: k.KeyPrefix, Environment: k.Environment, Scopes: k.Scopes,
		Enabled: k.Enabled, CreatedBy: k.CreatedBy, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt,
		LastUsedIP: k.LastUsedIP, LastUsedClient: k.LastUsedClient, LastUsedOperation: k.LastUsedOperation,
		ExpiresAt: k.ExpiresAt, PreviousExpiresAt: k.PreviousExpiresAt, Overlap: (*openapi.Overlap)(k.Overlap()),
		AllowedNetworks: append([]string{}, k.AllowedNetworks...),
	}
}

// createdKey renders a key with its secret, which no later answer shows.
func createdKey(n auth.NewKey) openapi.CreatedKey {
	k := n.Key
	return openapi.CreatedKey{
		ID: k.ID, Key: n.Secret, Name: k.Name, KeyPrefix: k.KeyPrefix, Environment: k.Environment, Scopes: k.Scopes,
		Enabled: k.Enabled, CreatedBy: k.CreatedBy, CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt,
		LastUsedIP: k.LastUsedIP, LastUsedClient: k.LastUsedClient, LastUsedOperation: k.LastUsedOperation,
		ExpiresAt: k.ExpiresAt, PreviousExpiresAt: k.PreviousExpiresAt, Overlap: (*openapi.Overlap)(k.Overlap()),
		AllowedNetworks: append([]string{}, k.AllowedNetworks...), // nil in what an older release kept for a retry
	}
}

// CreateKey implements openapi.StrictServerInterface.
func (s *Server) CreateKey(ctx context.Context, r openapi.CreateKeyRequestObject) (openapi.CreateKeyResponseObject, error) {
	var in auth.KeyInput
	if b := r.Body; b != nil {
		in = auth.KeyInput{Name: b.Name, Environment: b.Environment, ExpiresAt: b.ExpiresAt}
		if b.Scopes != nil {
			in.Scopes = &b.Scopes
		}
		if b.AllowedNetworks != nil {
			in.AllowedNetworks = &b.AllowedNetworks
		}
	}
	k, err := s.Auth.Keys.Create(ctx, in)
	if err != nil {
		return nil, err
	}
	return openapi.CreateKey201JSONResponse(createdKey(k)), nil
}

// ListKeys implements openapi.StrictServerInterface.
func (s *Server) ListKeys(ctx context.Context, r openapi.ListKeysRequestObject) (openapi.ListKeysResponseObject, error) {
	page, err := s.Auth.Keys.List(ctx, auth.KeyList(r.Params))
	if err != nil {
		return nil, err
	}
	linkNext(ctx, r.Params.State, r.Params.Limit, page.NextCursor)
	out := make(openapi.ListKeys200JSONResponse, len(page.Items))
	for i, k := range page.Items {
		out[i] = keyOf(k)
	}
	return out, nil
}

// GetKey implements openapi.StrictServerInterface.
func (s *Server) GetKey(ctx context.Context, r openapi.GetKeyRequestObject) (openapi.GetKeyResponseObject, error) {
	k, err := s.Auth.Keys.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.GetKey200JSONResponse(keyOf(k)), nil
}

// UpdateKey implements openapi.StrictServerInterface.
func (s *Server) UpdateKey(ctx context.Context, r openapi.UpdateKeyRequestObject) (openapi.UpdateKeyResponseObject, error) {
	k, err := s.Auth.Keys.Update(ctx, r.ID, auth.KeyPatch{
		Name: patch(r.Body.Name), Scopes: patch(r.Body.Scopes),
		Enabled: patch(r.Body.Enabled), ExpiresAt: patch(r.Body.ExpiresAt),
		AllowedNetworks: patch(r.Body.AllowedNetworks),
	})
	if err != nil {
		return nil, err
	}
	return openapi.UpdateKey200JSONResponse(keyOf(k)), nil
}

// RotateKey implements openapi.StrictServerInterface.
func (s *Server) RotateKey(ctx context.Context, r openapi.RotateKeyRequestObject) (openapi.RotateKeyResponseObject, error) {
	var overlap int32
	if r.Body != nil {
		overlap = valueOrZero(r.Body.OverlapSeconds)
	}
	k, err := s.Auth.Keys.Rotate(ctx, r.ID, int(overlap))
	if err != nil {
		return nil, err
	}
	return openapi.RotateKey201JSONResponse(createdKey(k)), nil
}

// FinishKeyRotation implements openapi.StrictServerInterface.
func (s *Server) FinishKeyRotation(ctx context.Context, r openapi.FinishKeyRotationRequestObject) (openapi.FinishKeyRotationResponseObject, error) {
	k, err := s.Auth.Keys.FinishRotation(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.FinishKeyRotation200JSONResponse(keyOf(k)), nil
}

// DeleteKey implements openapi.StrictServerInterface.
func (s *Server) DeleteKey(ctx context.Context, r openapi.DeleteKeyRequestObject) (openapi.DeleteKeyResponseObject, error) {
	k, err := s.Auth.Keys.Delete(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return openapi.DeleteKey200JSONResponse(keyOf(k)), nil
}
