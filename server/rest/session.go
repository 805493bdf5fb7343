package rest

import (
	"context"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/server/call"
)

// pair renders a grant. With cookie, the refresh token goes into the cookie
// instead.
func pair(ctx context.Context, g auth.Grant, cookie bool) openapi.TokenPair {
	return openapi.TokenPair{
		AccessToken: g.AccessToken, TokenType: "bearer", ExpiresIn: g.ExpiresIn,
		RefreshToken: call.From(ctx).DeliverRefreshToken(g, cookie),
	}
}

// Login implements openapi.StrictServerInterface.
func (s *Server) Login(ctx context.Context, r openapi.LoginRequestObject) (openapi.LoginResponseObject, error) {
	var in auth.LoginInput
	switch {
	case r.JSONBody != nil:
		in = auth.LoginInput{Email: valueOrZero(r.JSONBody.Email), Password: valueOrZero(r.JSONBody.Password)}
		in.UseCookie = valueOrZero(r.JSONBody.UseCookie)
	case r.FormdataBody != nil:
		in = auth.LoginInput{Email: valueOrZero(r.FormdataBody.Username), Password: valueOrZero(r.FormdataBody.Password)}
		in.UseCookie = valueOrZero(r.FormdataBody.UseCookie)
	}
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
	return openapi.Login200JSONResponse(pair(ctx, g, in.UseCookie)), nil
}

// RefreshToken implements openapi.StrictServerInterface.
func (s *Server) RefreshToken(ctx context.Context, r openapi.RefreshTokenRequestObject) (openapi.RefreshTokenResponseObject, error) {
	var body *string
	var useCookie bool
	if r.Body != nil {
		body, useCookie = r.Body.RefreshToken, valueOrZero(r.Body.UseCookie)
	}
	if call.From(ctx).AsksNobody(body, useCookie) {
		return openapi.RefreshToken204Response{}, nil
	}
	token, fromCookie, err := call.From(ctx).RefreshToken(body)
	if err != nil {
		return nil, err
	}
	g, err := s.Auth.RefreshTokens.Refresh(ctx, token)
	if err != nil {
		return nil, err
	}
	return openapi.RefreshToken200JSONResponse(pair(ctx, g, fromCookie)), nil
}

// RevokeToken implements openapi.StrictServerInterface.
func (s *Server) RevokeToken(ctx context.Context, r openapi.RevokeTokenRequestObject) (openapi.RevokeTokenResponseObject, error) {
	var body *string
	if r.Body != nil {
		body = r.Body.RefreshToken
	}
	c := call.From(ctx)
	token, fromCookie, err := c.RefreshToken(body)
	if err != nil {
		return nil, err
	}
	if err := s.Auth.RefreshTokens.Revoke(ctx, token); err != nil {
		return nil, err
	}
	if fromCookie {
		c.ClearRefreshCookie()
	}
	return openapi.RevokeToken204Response{}, nil
}

// Logout implements openapi.StrictServerInterface.
func (s *Server) Logout(ctx context.Context, _ openapi.LogoutRequestObject) (openapi.LogoutResponseObject, error) {
	if err := s.Auth.Sessions.Logout(ctx); err != nil {
		return nil, err
	}
	call.From(ctx).ClearRefreshCookie()
	return openapi.Logout200JSONResponse{Message: auth.LoggedOut}, nil
}

// GetMe implements openapi.StrictServerInterface.
func (s *Server) GetMe(ctx context.Context, _ openapi.GetMeRequestObject) (openapi.GetMeResponseObject, error) {
	d, err := s.Auth.Developers.Me(ctx)
	if err != nil {
		return nil, err
	}
	return openapi.GetMe200JSONResponse(d), nil
}

// UpdateMe implements openapi.StrictServerInterface.
func (s *Server) UpdateMe(ctx context.Context, r openapi.UpdateMeRequestObject) (openapi.UpdateMeResponseObject, error) {
	d, err := s.Auth.Developers.UpdateMe(ctx, auth.DeveloperPatch{
		FirstName: patch(r.Body.FirstName), LastName: patch(r.Body.LastName), Email: patch(r.Body.Email),
		CurrentPassword: r.Body.CurrentPassword,
	})
	if err != nil {
		return nil, err
	}
	return openapi.UpdateMe200JSONResponse(d), nil
}

// ChangePassword implements openapi.StrictServerInterface.
func (s *Server) ChangePassword(ctx context.Context, r openapi.ChangePasswordRequestObject) (openapi.ChangePasswordResponseObject, error) {
	b := r.Body
	if err := s.Auth.Developers.ChangePassword(ctx, b.CurrentPassword, b.NewPassword, b.ConfirmPassword); err != nil {
		return nil, err
	}
	return openapi.ChangePassword200JSONResponse{Message: auth.PasswordChanged}, nil
}

// ListSessions implements openapi.StrictServerInterface.
func (s *Server) ListSessions(ctx context.Context, _ openapi.ListSessionsRequestObject) (openapi.ListSessionsResponseObject, error) {
	list, err := s.Auth.Sessions.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make(openapi.ListSessions200JSONResponse, len(list))
	for i, session := range list {
		out[i] = openapi.Session(session)
	}
	return out, nil
}

// RevokeSession implements openapi.StrictServerInterface.
func (s *Server) RevokeSession(ctx context.Context, r openapi.RevokeSessionRequestObject) (openapi.RevokeSessionResponseObject, error) {
	if err := s.Auth.Sessions.End(ctx, r.ID); err != nil {
		return nil, err
	}
	return openapi.RevokeSession204Response{}, nil
}

// RevokeOtherSessions implements openapi.StrictServerInterface.
func (s *Server) RevokeOtherSessions(ctx context.Context, _ openapi.RevokeOtherSessionsRequestObject) (openapi.RevokeOtherSessionsResponseObject, error) {
	if err := s.Auth.Sessions.EndOthers(ctx); err != nil {
		return nil, err
	}
	return openapi.RevokeOtherSessions204Response{}, nil
}
