package rpc

import (
	"context"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/server/call"
)

// pair renders a grant. With cookie, the refresh token goes into the cookie
// instead.
func pair(ctx context.Context, g auth.Grant, cookie bool) *owv1.TokenPair {
	return &owv1.TokenPair{
		AccessToken: g.AccessToken, TokenType: "bearer", ExpiresIn: g.ExpiresIn,
		RefreshToken: call.From(ctx).DeliverRefreshToken(g, cookie),
	}
}

// Login implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) Login(ctx context.Context, r *owv1.LoginRequest) (*owv1.LoginResponse, error) {
	in := auth.LoginInput{Email: r.GetEmail(), Password: r.GetPassword(), UseCookie: r.GetUseCookie()}
	if in.UseCookie {
		if err := call.From(ctx).SameSite(); err != nil {
			return nil, err
		}
	}
	in.Device, in.Session = call.From(ctx).KnownBy()
	g, err := s.Auth.Logins.Login(ctx, in)
	if err != nil {
		return nil, err
	}
	return &owv1.LoginResponse{Tokens: pair(ctx, g, r.GetUseCookie())}, nil
}

// RefreshToken implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) RefreshToken(ctx context.Context, r *owv1.RefreshTokenRequest) (*owv1.RefreshTokenResponse, error) {
	if call.From(ctx).AsksNobody(r.RefreshToken, r.GetUseCookie()) {
		return &owv1.RefreshTokenResponse{SignedOut: true}, nil
	}
	token, fromCookie, err := call.From(ctx).RefreshToken(r.RefreshToken)
	if err != nil {
		return nil, err
	}
	g, err := s.Auth.RefreshTokens.Refresh(ctx, token)
	if err != nil {
		return nil, err
	}
	return &owv1.RefreshTokenResponse{Tokens: pair(ctx, g, fromCookie)}, nil
}

// RevokeToken implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) RevokeToken(ctx context.Context, r *owv1.RevokeTokenRequest) (*owv1.RevokeTokenResponse, error) {
	c := call.From(ctx)
	token, fromCookie, err := c.RefreshToken(r.RefreshToken)
	if err != nil {
		return nil, err
	}
	if err := s.Auth.RefreshTokens.Revoke(ctx, token); err != nil {
		return nil, err
	}
	if fromCookie {
		c.ClearRefreshCookie()
	}
	return &owv1.RevokeTokenResponse{}, nil
}

// Logout implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) Logout(ctx context.Context, _ *owv1.LogoutRequest) (*owv1.LogoutResponse, error) {
	if err := s.Auth.Sessions.Logout(ctx); err != nil {
		return nil, err
	}
	call.From(ctx).ClearRefreshCookie()
	return &owv1.LogoutResponse{Message: auth.LoggedOut}, nil
}

// GetMe implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) GetMe(ctx context.Context, _ *owv1.GetMeRequest) (*owv1.GetMeResponse, error) {
	d, err := s.Auth.Developers.Me(ctx)
	if err != nil {
		return nil, err
	}
	return &owv1.GetMeResponse{Developer: developerOf(d)}, nil
}

// UpdateMe implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) UpdateMe(ctx context.Context, r *owv1.UpdateMeRequest) (*owv1.UpdateMeResponse, error) {
	m, err := newMask(r.GetUpdateMask(), "first_name", "last_name", "email", "current_password")
	if err != nil {
		return nil, err
	}
	d, err := s.Auth.Developers.UpdateMe(ctx, auth.DeveloperPatch{
		FirstName: change(m, "first_name", r.FirstName), LastName: change(m, "last_name", r.LastName),
		Email: change(m, "email", r.Email), CurrentPassword: r.CurrentPassword,
	})
	if err != nil {
		return nil, err
	}
	return &owv1.UpdateMeResponse{Developer: developerOf(d)}, nil
}

// ChangePassword implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) ChangePassword(ctx context.Context, r *owv1.ChangePasswordRequest) (*owv1.ChangePasswordResponse, error) {
	err := s.Auth.Developers.ChangePassword(ctx, r.GetCurrentPassword(), r.GetNewPassword(), r.GetConfirmPassword())
	if err != nil {
		return nil, err
	}
	return &owv1.ChangePasswordResponse{Message: auth.PasswordChanged}, nil
}

// ListSessions implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) ListSessions(ctx context.Context, _ *owv1.ListSessionsRequest) (*owv1.ListSessionsResponse, error) {
	list, err := s.Auth.Sessions.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &owv1.ListSessionsResponse{}
	for _, session := range list {
		out.Sessions = append(out.Sessions, sessionOf(session))
	}
	return out, nil
}

// RevokeSession implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) RevokeSession(ctx context.Context, r *owv1.RevokeSessionRequest) (*owv1.RevokeSessionResponse, error) {
	if err := s.Auth.Sessions.End(ctx, r.GetId()); err != nil {
		return nil, err
	}
	return &owv1.RevokeSessionResponse{}, nil
}

// RevokeOtherSessions implements openwearablesv1connect.SessionServiceHandler.
func (s *Server) RevokeOtherSessions(ctx context.Context, _ *owv1.RevokeOtherSessionsRequest) (*owv1.RevokeOtherSessionsResponse, error) {
	if err := s.Auth.Sessions.EndOthers(ctx); err != nil {
		return nil, err
	}
	return &owv1.RevokeOtherSessionsResponse{}, nil
}
