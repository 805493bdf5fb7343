package openwearablestest

import (
	"context"
	"crypto/rand"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func (h tokens) CreatePairingCode(ctx context.Context, r *owv1.CreatePairingCodeRequest) (*owv1.CreatePairingCodeResponse, error) {
	id, err := h.ofUser(ctx, r.GetUserId())
	if err != nil {
		return nil, err
	}
	if _, err := h.s.user(id); err != nil {
		return nil, err
	}
	maker := callOf(ctx).principal.id
	return once(ctx, h.s, "CreatePairingCode", maker, id, func() (*owv1.CreatePairingCodeResponse, error) {
		now := h.s.now()
		code := pairing{user: id, maker: maker, ends: now.Add(7 * 24 * time.Hour)}
		typed := make([]byte, 8)
		_, _ = rand.Read(typed) // never fails
		for i, b := range typed {
			typed[i] = pairingSymbols[int(b)%len(pairingSymbols)]
		}
		maps.DeleteFunc(h.s.pairings, func(_ string, p pairing) bool { return p.user == id })
		h.s.pairings[string(typed)] = code
		return &owv1.CreatePairingCodeResponse{PairingCode: &owv1.PairingCode{
			Id: newUUID(), Code: string(typed), UserId: id, ExpiresAt: timestamppb.New(code.ends), CreatedAt: timestamppb.New(now),
		}}, nil
	})
}

// pairing is an unused pairing code.
type pairing struct {
	user, maker string
	ends        time.Time
}

const pairingSymbols = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

func (h tokens) RedeemPairingCode(ctx context.Context, r *owv1.RedeemPairingCodeRequest) (*owv1.RedeemPairingCodeResponse, error) {
	typed := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(r.GetCode()))
	if utf8.RuneCountInString(typed) != 8 {
		return nil, invalidField("code", "must have 8 letters and digits; spaces and dashes do not count")
	}
	return once(ctx, h.s, "RedeemPairingCode", typed, nil, func() (*owv1.RedeemPairingCodeResponse, error) {
		p, ok := h.s.pairings[typed]
		_, gone := h.s.user(p.user)
		if !ok || gone != nil || !h.s.now().Before(p.ends) {
			return nil, &refusal{code: connect.CodeNotFound, reason: "not_found", message: "Invalid or expired invitation code"}
		}
		delete(h.s.pairings, typed)
		return &owv1.RedeemPairingCodeResponse{Tokens: h.s.open(callOf(ctx), p.user, p.maker), UserId: p.user}, nil
	})
}
