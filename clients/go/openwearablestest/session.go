package openwearablestest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

const (
	accessLife  = time.Hour
	sessionLife = 30 * 24 * time.Hour // without a refresh
	raceWindow  = 10 * time.Second    // after a refresh, in which a second one is no theft
	maxSessions = 100                 // of one user
)

// session is a login of the developer, or tokens of a user.
type session struct {
	id       string
	user     string // "" if it is the developer's
	mintedBy string // a session of the developer, or a key, or an application
	client   string
	created  time.Time
	used     time.Time
	ended    bool

	token     string // the refresh token that works
	turn      int    // how many worked before
	rotated   time.Time
	rotatedBy string // the Idempotency-Key of the last refresh
}

type access struct {
	session *session
	until   time.Time
}

// refresh is a refresh token: the turn-th of its session.
type refresh struct {
	session *session
	turn    int
}

// open starts a session.
func (s *Server) open(c *call, user, mintedBy string) *owv1.TokenPair {
	if user != "" {
		s.makeRoom(user)
	}
	at := s.now()
	one := &session{id: newUUID(), user: user, mintedBy: mintedBy, client: c.client, created: at, used: at}
	s.sessions[one.id] = one
	s.rotate(one)
	return s.grant(one)
}

// makeRoom ends the session of the user that was idle longest, if there are too many.
func (s *Server) makeRoom(user string) {
	var oldest *session
	n := 0
	for _, one := range s.sessions {
		if one.user != user || one.ended {
			continue
		}
		if n++; oldest == nil || one.used.Before(oldest.used) {
			oldest = one
		}
	}
	if n >= maxSessions {
		s.end(func(one *session) bool { return one == oldest })
	}
}

// rotate gives a session its next refresh token.
func (s *Server) rotate(one *session) {
	one.token, one.turn = newSecret("rt_", 60), one.turn+1
	s.refresh[one.token] = refresh{one, one.turn}
}

// grant returns the refresh token that works and a new access token.
func (s *Server) grant(one *session) *owv1.TokenPair {
	token := newSecret("access.", 70)
	s.access[token] = &access{one, s.now().Add(accessLife)}
	return &owv1.TokenPair{
		AccessToken: token, TokenType: "bearer", RefreshToken: new(one.token), ExpiresIn: int32(accessLife / time.Second),
	}
}

// end ends sessions, those that they minted too, and reports whether there were any.
func (s *Server) end(which func(*session) bool) (any bool) {
	for _, one := range s.sessions {
		if !one.ended && which(one) {
			any, one.ended = true, true
			s.end(func(child *session) bool { return child.mintedBy == one.id })
		}
	}
	return any
}

// NewTokens returns tokens of a user, as Tokens.Create does. It panics if there is no such
// user.
func (s *Server) NewTokens(userID string) openwearables.TokenPair {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.user(userID); err != nil {
		panic("openwearablestest: " + err.Error())
	}
	p := s.open(&call{}, userID, "")
	return openwearables.TokenPair{
		Access: openwearables.NewSecret(p.GetAccessToken()), Refresh: openwearables.NewSecret(p.GetRefreshToken()), ExpiresIn: accessLife,
	}
}

type sessions struct {
	owv1connect.UnimplementedSessionServiceHandler
	s *Server
}

func (h sessions) Login(ctx context.Context, r *owv1.LoginRequest) (*owv1.LoginResponse, error) {
	if !strings.EqualFold(strings.Trim(r.GetEmail(), " "), h.s.Email) || r.GetPassword() != h.s.Password {
		return nil, unauthenticated("invalid_credentials", "Incorrect email or password")
	}
	return once(ctx, h.s, "Login", h.s.Email, r.GetUseCookie(), func() (*owv1.LoginResponse, error) {
		return &owv1.LoginResponse{Tokens: h.s.open(callOf(ctx), "", "")}, nil
	})
}

func (h sessions) RefreshToken(ctx context.Context, r *owv1.RefreshTokenRequest) (*owv1.RefreshTokenResponse, error) {
	if r.RefreshToken == nil {
		return nil, invalidField("refresh_token", "is required")
	}
	c, now := callOf(ctx), h.s.now()
	got := h.s.refresh[r.GetRefreshToken()]
	one := got.session
	switch {
	case one == nil || one.ended || now.Sub(one.used) > sessionLife:
		return nil, unauthenticated("invalid_refresh_token", "Invalid refresh token")
	case got.turn == one.turn:
		h.s.rotate(one)
		one.rotated, one.rotatedBy, one.used = now, c.retryKey, now
	case got.turn == one.turn-1 && one.rotatedBy != "" && one.rotatedBy == c.retryKey:
		c.header.Set("Idempotent-Replayed", "true")
	case got.turn == one.turn-1 && (one.rotatedBy == "" || c.retryKey == "") && now.Sub(one.rotated) <= raceWindow:
		return nil, unauthenticated("refresh_token_used", "This refresh token was already used")
	default:
		h.s.end(func(other *session) bool { return other == one })
		return nil, unauthenticated("refresh_token_reused", "This refresh token was used twice; the session has been ended")
	}
	return &owv1.RefreshTokenResponse{Tokens: h.s.grant(one)}, nil
}

func (h sessions) RevokeToken(_ context.Context, r *owv1.RevokeTokenRequest) (*owv1.RevokeTokenResponse, error) {
	if r.RefreshToken == nil {
		return nil, invalidField("refresh_token", "is required")
	}
	one := h.s.refresh[r.GetRefreshToken()].session
	if a := h.s.access[r.GetRefreshToken()]; a != nil {
		one = a.session
	}
	h.s.end(func(other *session) bool { return other == one })
	return &owv1.RevokeTokenResponse{}, nil
}

func (h sessions) Logout(ctx context.Context, _ *owv1.LogoutRequest) (*owv1.LogoutResponse, error) {
	p, err := callOf(ctx).require("")
	if err != nil {
		return nil, err
	}
	h.s.end(func(one *session) bool { return one.id == p.session })
	return &owv1.LogoutResponse{Message: "Successfully logged out"}, nil
}

func (h sessions) GetMe(ctx context.Context, _ *owv1.GetMeRequest) (*owv1.GetMeResponse, error) {
	if _, err := callOf(ctx).require(""); err != nil {
		return nil, err
	}
	return &owv1.GetMeResponse{Developer: h.s.developer}, nil
}

func (h sessions) ListSessions(ctx context.Context, _ *owv1.ListSessionsRequest) (*owv1.ListSessionsResponse, error) {
	p, err := callOf(ctx).require("")
	if err != nil {
		return nil, err
	}
	out := &owv1.ListSessionsResponse{}
	for _, one := range h.s.sessions {
		if one.user == "" && !one.ended {
			out.Sessions = append(out.Sessions, &owv1.Session{
				Id: one.id, CreatedAt: timestamppb.New(one.created), LastUsedAt: timestamppb.New(one.used),
				ExpiresAt: timestamppb.New(one.used.Add(sessionLife)), Ip: new("127.0.0.1"), Client: &one.client, Current: one.id == p.session,
			})
		}
	}
	slices.SortFunc(out.Sessions, func(a, b *owv1.Session) int {
		return cmp.Or(b.GetCreatedAt().AsTime().Compare(a.GetCreatedAt().AsTime()), cmp.Compare(a.GetId(), b.GetId()))
	})
	return out, nil
}

func (h sessions) RevokeSession(ctx context.Context, r *owv1.RevokeSessionRequest) (*owv1.RevokeSessionResponse, error) {
	id, err := uuid("id", r.GetId())
	if err != nil {
		return nil, err
	}
	if _, err := callOf(ctx).require(""); err != nil {
		return nil, err
	}
	if !h.s.end(func(one *session) bool { return one.id == id && one.user == "" }) {
		return nil, notFound("Session")
	}
	return &owv1.RevokeSessionResponse{}, nil
}

func (h sessions) RevokeOtherSessions(ctx context.Context, _ *owv1.RevokeOtherSessionsRequest) (*owv1.RevokeOtherSessionsResponse, error) {
	p, err := callOf(ctx).require("")
	if err != nil {
		return nil, err
	}
	h.s.end(func(one *session) bool { return one.user == "" && one.id != p.session })
	return &owv1.RevokeOtherSessionsResponse{}, nil
}
