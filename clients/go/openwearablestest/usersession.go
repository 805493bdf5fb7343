package openwearablestest

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// ofUser admits those who may end the tokens of a user, and returns the user's id.
func (h tokens) ofUser(ctx context.Context, userID string) (string, error) {
	id, err := uuid("user_id", userID)
	if err != nil {
		return "", err
	}
	if _, err := callOf(ctx).require("tokens:write"); err != nil {
		return "", err
	}
	return id, nil
}

func (h tokens) ListUserSessions(ctx context.Context, r *owv1.ListUserSessionsRequest) (*owv1.ListUserSessionsResponse, error) {
	id, err := h.ofUser(ctx, r.GetUserId())
	if err != nil {
		return nil, err
	}
	var all []*session
	for _, one := range h.s.sessions {
		if one.user == id && !one.ended && h.s.now().Sub(one.used) <= sessionLife {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b *session) int { return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id, b.id)) })
	some, next, err := page(all, "user-sessions:"+id, r.Limit, r.Cursor)
	if err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	out := &owv1.ListUserSessionsResponse{NextCursor: next}
	for _, one := range some {
		out.Sessions = append(out.Sessions, h.shown(one, callOf(ctx).principal.kind))
	}
	return out, nil
}

// shown returns a session of a user with its minter, as a caller of the kind sees it.
func (h tokens) shown(one *session, to kind) *owv1.TokenSession {
	out := &owv1.TokenSession{
		Id: one.id, CreatedAt: timestamppb.New(one.created), LastUsedAt: timestamppb.New(one.used),
		ExpiresAt: timestamppb.New(one.used.Add(sessionLife)), Ip: new("127.0.0.1"), Client: &one.client,
	}
	if one.turn > 1 {
		out.RefreshedAt = timestamppb.New(one.rotated)
	}
	switch {
	case strings.HasPrefix(one.mintedBy, "app_"):
		out.MintedBy, out.MinterId = "application", one.mintedBy
		if a, ok := h.s.apps.find(func(a *application) bool { return a.GetAppId() == one.mintedBy }); ok {
			out.MinterName = new(a.GetName())
		}
	case strings.HasPrefix(one.mintedBy, "key_"):
		out.MintedBy, out.MinterId = "key", one.mintedBy
		if k, ok := h.s.keys.find(func(k *key) bool { return k.GetId() == one.mintedBy }); ok {
			out.MinterName = new(k.GetName())
		}
	default:
		out.MintedBy, out.MinterId = "developer", h.s.developer.GetId()
		if to == developerToken {
			out.MinterName = new(h.s.developer.GetEmail())
		}
	}
	return out
}

func (h tokens) RevokeUserSession(ctx context.Context, r *owv1.RevokeUserSessionRequest) (*owv1.RevokeUserSessionResponse, error) {
	if _, err := uuid("user_id", r.GetUserId()); err != nil {
		return nil, err
	}
	at, err := uuid("session_id", r.GetSessionId())
	if err != nil {
		return nil, err
	}
	id, err := h.ofUser(ctx, r.GetUserId())
	if err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	if !h.s.end(func(one *session) bool { return one.id == at && one.user == id }) {
		return nil, notFound("Session")
	}
	return &owv1.RevokeUserSessionResponse{}, nil
}
