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

// CreatePairingCode implements openwearablesv1connect.TokenServiceHandler.
func (s *Server) CreatePairingCode(ctx context.Context, r *owv1.CreatePairingCodeRequest) (*owv1.CreatePairingCodeResponse, error) {
	p, err := s.Auth.Pairings.Create(ctx, r.GetUserId())
	if err != nil {
		return nil, err
	}
	return &owv1.CreatePairingCodeResponse{PairingCode: &owv1.PairingCode{
		Id: p.ID, Code: p.Code, UserId: p.UserID, ExpiresAt: stamp(p.ExpiresAt), CreatedAt: stamp(p.CreatedAt),
	}}, nil
}

// RedeemPairingCode implements openwearablesv1connect.TokenServiceHandler.
func (s *Server) RedeemPairingCode(ctx context.Context, r *owv1.RedeemPairingCodeRequest) (*owv1.RedeemPairingCodeResponse, error) {
	p, err := s.Auth.Pairings.Redeem(ctx, r.GetCode())
	if err != nil {
		return nil, err
	}
	return &owv1.RedeemPairingCodeResponse{Tokens: pair(ctx, p.Grant, false), UserId: p.UserID}, nil
}

// RevokeUserTokens implements openwearablesv1connect.TokenServiceHandler.
func (s *Server) RevokeUserTokens(ctx context.Context, r *owv1.RevokeUserTokensRequest) (*owv1.RevokeUserTokensResponse, error) {
	if err := s.Auth.Tokens.Revoke(ctx, r.GetUserId()); err != nil {
		return nil, err
	}
	return &owv1.RevokeUserTokensResponse{}, nil
}

// ListUserSessions implements openwearablesv1connect.TokenServiceHandler.
func (s *Server) ListUserSessions(ctx context.Context, r *owv1.ListUserSessionsRequest) (*owv1.ListUserSessionsResponse, error) {
	page, err := s.Auth.Tokens.Sessions(ctx, r.GetUserId(), auth.PageInput{Limit: optionalInt(r.Limit), Cursor: r.Cursor})
	if err != nil {
		return nil, err
	}
	return &owv1.ListUserSessionsResponse{Sessions: each(page.Items, tokenSessionOf), NextCursor: page.NextCursor}, nil
}

// RevokeUserSession implements openwearablesv1connect.TokenServiceHandler.
func (s *Server) RevokeUserSession(ctx context.Context, r *owv1.RevokeUserSessionRequest) (*owv1.RevokeUserSessionResponse, error) {
	if err := s.Auth.Tokens.EndSession(ctx, r.GetUserId(), r.GetSessionId()); err != nil {
		return nil, err
	}
	return &owv1.RevokeUserSessionResponse{}, nil
}

func tokenSessionOf(u auth.UserSession) *owv1.TokenSession {
	return &owv1.TokenSession{
		Id: u.ID, MintedBy: u.MintedBy, MinterId: u.MinterID, MinterName: u.MinterName, CreatedAt: stamp(u.CreatedAt),
		LastUsedAt: stamp(u.LastUsedAt), RefreshedAt: optionalStamp(u.RefreshedAt), ExpiresAt: stamp(u.ExpiresAt),
		Ip: u.IP, Client: u.Client,
	}
}
