package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
)

// CreateUserToken implements openapi.StrictServerInterface.
func (s *Server) CreateUserToken(ctx context.Context, r openapi.CreateUserTokenRequestObject) (openapi.CreateUserTokenResponseObject, error) {
	var app auth.AppCredentials
	if b := r.Body; b != nil {
		app = auth.AppCredentials{AppID: valueOrZero(b.AppID), AppSecret: valueOrZero(b.AppSecret)}
	}
	g, err := s.Auth.Tokens.Create(ctx, r.UserID, app)
	if err != nil {
		return nil, err
	}
	return openapi.CreateUserToken200JSONResponse(pair(ctx, g, false)), nil
}

// RevokeUserTokens implements openapi.StrictServerInterface.
func (s *Server) RevokeUserTokens(ctx context.Context, r openapi.RevokeUserTokensRequestObject) (openapi.RevokeUserTokensResponseObject, error) {
	if err := s.Auth.Tokens.Revoke(ctx, r.UserID); err != nil {
		return nil, err
	}
	return openapi.RevokeUserTokens204Response{}, nil
}
