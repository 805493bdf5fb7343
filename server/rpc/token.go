package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
)

// CreateUserToken implements openwearablesv1connect.TokenServiceHandler.
func (s *Server) CreateUserToken(ctx context.Context, r *owv1.CreateUserTokenRequest) (*owv1.CreateUserTokenResponse, error) {
	g, err := s.Auth.Tokens.Create(ctx, r.GetUserId(), auth.AppCredentials{AppID: r.GetAppId(), AppSecret: r.GetAppSecret()})
	if err != nil {
		return nil, err
	}
	return &owv1.CreateUserTokenResponse{Tokens: pair(ctx, g, false)}, nil
}

// RevokeUserTokens implements openwearablesv1connect.TokenServiceHandler.
func (s *Server) RevokeUserTokens(ctx context.Context, r *owv1.RevokeUserTokensRequest) (*owv1.RevokeUserTokensResponse, error) {
	if err := s.Auth.Tokens.Revoke(ctx, r.GetUserId()); err != nil {
		return nil, err
	}
	return &owv1.RevokeUserTokensResponse{}, nil
}
