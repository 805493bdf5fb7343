package openwearablestest

import (
	"context"

	"connectrpc.com/connect"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

type tokens struct {
	owv1connect.UnimplementedTokenServiceHandler
	s *Server
}

func (h tokens) CreateUserToken(ctx context.Context, r *owv1.CreateUserTokenRequest) (*owv1.CreateUserTokenResponse, error) {
	id, err := uuid("user_id", r.GetUserId())
	if err != nil {
		return nil, err
	}
	minter, err := h.minter(callOf(ctx), r)
	if err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	return once(ctx, h.s, "CreateUserToken", minter, id, func() (*owv1.CreateUserTokenResponse, error) {
		return &owv1.CreateUserTokenResponse{Tokens: h.s.open(callOf(ctx), id, minter)}, nil
	})
}

// minter returns who mints: an application, a key, or a session of the developer.
func (h tokens) minter(c *call, r *owv1.CreateUserTokenRequest) (string, error) {
	switch {
	case r.GetAppId() != "" && r.GetAppSecret() != "":
		a, ok := h.s.apps.find(func(a *application) bool { return a.GetAppId() == r.GetAppId() })
		if !ok || !a.admits(r.GetAppSecret(), h.s.now()) {
			return "", unauthenticated("invalid_app_credentials", "Invalid app credentials")
		}
		a.use(r.GetAppSecret(), c, h.s.now())
		return a.GetAppId(), nil
	case r.GetAppId() != "" || r.GetAppSecret() != "" || c.principal == nil && c.refused == nil:
		return "", &refusal{
			code: connect.CodeFailedPrecondition, reason: "missing_credentials",
			message: "Send app_id and app_secret, or authenticate as an admin",
		}
	}
	p, err := c.require("tokens:write")
	switch {
	case err != nil:
		return "", err
	case p.kind == developerToken:
		return p.session, nil
	default:
		return p.id, nil
	}
}

func (h tokens) RevokeUserTokens(ctx context.Context, r *owv1.RevokeUserTokensRequest) (*owv1.RevokeUserTokensResponse, error) {
	id, err := h.ofUser(ctx, r.GetUserId())
	if err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	h.s.end(func(one *session) bool { return one.user == id })
	return &owv1.RevokeUserTokensResponse{}, nil
}
