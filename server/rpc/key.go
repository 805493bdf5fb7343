package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

// CreateKey implements openwearablesv1connect.KeyServiceHandler.
func (s *Server) CreateKey(ctx context.Context, r *owv1.CreateKeyRequest) (*owv1.CreateKeyResponse, error) {
	k, err := s.Auth.Keys.Create(ctx, auth.KeyInput{
		Name: r.Name, Environment: r.Environment, Scopes: optionalList(r.GetScopes()), ExpiresAt: optionalInstant(r.GetExpiresAt()),
		AllowedNetworks: optionalList(r.GetAllowedNetworks()),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.CreateKeyResponse{Key: keyOf(k.Key), Secret: k.Secret}, nil
}

// ListKeys implements openwearablesv1connect.KeyServiceHandler.
func (s *Server) ListKeys(ctx context.Context, r *owv1.ListKeysRequest) (*owv1.ListKeysResponse, error) {
	page, err := s.Auth.Keys.List(ctx, auth.KeyList{State: r.State, Limit: optionalInt(r.Limit), Cursor: r.Cursor})
	if err != nil {
		return nil, err
	}
	out := &owv1.ListKeysResponse{NextCursor: page.NextCursor}
	for _, k := range page.Items {
		out.Keys = append(out.Keys, keyOf(k))
	}
	return out, nil
}

// GetKey implements openwearablesv1connect.KeyServiceHandler.
func (s *Server) GetKey(ctx context.Context, r *owv1.GetKeyRequest) (*owv1.GetKeyResponse, error) {
	k, err := s.Auth.Keys.Get(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.GetKeyResponse{Key: keyOf(k)}, nil
}

// UpdateKey implements openwearablesv1connect.KeyServiceHandler.
func (s *Server) UpdateKey(ctx context.Context, r *owv1.UpdateKeyRequest) (*owv1.UpdateKeyResponse, error) {
	m, err := newMask(r.GetUpdateMask(), "name", "scopes", "enabled", "expires_at", "allowed_networks")
	if err != nil {
		return nil, err
	}
	k, err := s.Auth.Keys.Update(ctx, r.GetId(), auth.KeyPatch{
		Name: change(m, "name", r.Name), Scopes: changeList(m, "scopes", r.GetScopes()),
		Enabled: change(m, "enabled", r.Enabled), ExpiresAt: change(m, "expires_at", optionalInstant(r.GetExpiresAt())),
		AllowedNetworks: changeList(m, "allowed_networks", r.GetAllowedNetworks()),
	})
	if err != nil {
		return nil, err
	}
	return &owv1.UpdateKeyResponse{Key: keyOf(k)}, nil
}

// RotateKey implements openwearablesv1connect.KeyServiceHandler.
func (s *Server) RotateKey(ctx context.Context, r *owv1.RotateKeyRequest) (*owv1.RotateKeyResponse, error) {
	k, err := s.Auth.Keys.Rotate(ctx, r.GetId(), int(r.GetOverlapSeconds()))
	if err != nil {
		return nil, err
	}
	return &owv1.RotateKeyResponse{Key: keyOf(k.Key), Secret: k.Secret}, nil
}

// FinishKeyRotation implements openwearablesv1connect.KeyServiceHandler.
func (s *Server) FinishKeyRotation(ctx context.Context, r *owv1.FinishKeyRotationRequest) (*owv1.FinishKeyRotationResponse, error) {
	k, err := s.Auth.Keys.FinishRotation(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.FinishKeyRotationResponse{Key: keyOf(k)}, nil
}

// DeleteKey implements openwearablesv1connect.KeyServiceHandler.
func (s *Server) DeleteKey(ctx context.Context, r *owv1.DeleteKeyRequest) (*owv1.DeleteKeyResponse, error) {
	k, err := s.Auth.Keys.Delete(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &owv1.DeleteKeyResponse{Key: keyOf(k)}, nil
}
