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

// CreatePairingCode implements openapi.StrictServerInterface.
func (s *Server) CreatePairingCode(ctx context.Context, r openapi.CreatePairingCodeRequestObject) (openapi.CreatePairingCodeResponseObject, error) {
	code, err := s.Auth.Pairings.Create(ctx, r.UserID)
	if err != nil {
		return nil, err
	}
	return openapi.CreatePairingCode201JSONResponse(code), nil
}

// RedeemPairingCode implements openapi.StrictServerInterface.
func (s *Server) RedeemPairingCode(ctx context.Context, r openapi.RedeemPairingCodeRequestObject) (openapi.RedeemPairingCodeResponseObject, error) {
	p, err := s.Auth.Pairings.Redeem(ctx, r.Body.Code)
	if err != nil {
		return nil, err
	}
	t := pair(ctx, p.Grant, false)
	return openapi.RedeemPairingCode200JSONResponse{
		AccessToken: t.AccessToken, TokenType: t.TokenType, RefreshToken: t.RefreshToken, ExpiresIn: t.ExpiresIn, UserID: p.UserID,
	}, nil
}

// RevokeUserTokens implements openapi.StrictServerInterface.
func (s *Server) RevokeUserTokens(ctx context.Context, r openapi.RevokeUserTokensRequestObject) (openapi.RevokeUserTokensResponseObject, error) {
	if err := s.Auth.Tokens.Revoke(ctx, r.UserID); err != nil {
		return nil, err
	}
	return openapi.RevokeUserTokens204Response{}, nil
}

// ListUserSessions implements openapi.StrictServerInterface.
func (s *Server) ListUserSessions(ctx context.Context, r openapi.ListUserSessionsRequestObject) (openapi.ListUserSessionsResponseObject, error) {
	page, err := s.Auth.Tokens.Sessions(ctx, r.UserID, auth.PageInput(r.Params))
	if err != nil {
		return nil, err
	}
	linkNext(ctx, nil, r.Params.Limit, page.NextCursor)
	return openapi.ListUserSessions200JSONResponse(each(page.Items, func(u auth.UserSession) openapi.TokenSession { return openapi.TokenSession(u) })), nil
}

// RevokeUserSession implements openapi.StrictServerInterface.
func (s *Server) RevokeUserSession(ctx context.Context, r openapi.RevokeUserSessionRequestObject) (openapi.RevokeUserSessionResponseObject, error) {
	if err := s.Auth.Tokens.EndSession(ctx, r.UserID, r.SessionID); err != nil {
		return nil, err
	}
	return openapi.RevokeUserSession204Response{}, nil
}
