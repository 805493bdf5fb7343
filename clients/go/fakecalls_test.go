package openwearables_test

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func sessionCalls(s *script) {
	_, err := openwearables.Login(s.ctx(), s.base, s.email, "wrong")
	s.note("a wrong password", nil, err)
	_, err = openwearables.Login(s.ctx(), s.base, "nobody@example.com", "wrong")
	s.note("a wrong email", nil, err)
	me, err := s.dev.Sessions.Me(s.ctx())
	s.note("me", me.GetEmail(), err)
	_, err = s.with().Sessions.Me(s.ctx())
	s.note("without a credential", nil, err)
	_, err = s.with(openwearables.WithAPIKey("nonsense")).Sessions.Me(s.ctx())
	s.note("with a wrong token", nil, err)
	_, err = s.with(openwearables.WithAPIKey("ow_live_nonsense")).Sessions.Me(s.ctx())
	s.note("with a wrong key", nil, err)
	_, key := s.key(nil)
	_, err = s.with(openwearables.WithAPIKey(key)).Sessions.Me(s.ctx())
	s.note("with a key", nil, err)
	s.note("end a session without an id", nil, s.dev.Sessions.Revoke(s.ctx(), "x"))
	s.note("end a session that is none", nil, s.dev.Sessions.Revoke(s.ctx(), nowhere))
	current := 0
	for one, err := range s.dev.Sessions.List(s.ctx()) {
		check(s.t, err)
		if one.GetCurrent() {
			current++
		}
	}
	s.note("current sessions", current, nil)
	other := newScript(s.t, s.base, s.email, s.password)
	for one, err := range other.dev.Sessions.List(s.ctx()) {
		check(s.t, err)
		if one.GetCurrent() {
			s.note("end another session", nil, s.dev.Sessions.Revoke(s.ctx(), one.GetId()))
		}
	}
	_, err = other.dev.Sessions.Me(s.ctx())
	s.note("after its end", nil, err)
	s.note("sign out", nil, s.dev.SignOut(s.ctx()))
	_, err = s.dev.Sessions.Me(s.ctx())
	s.note("after the sign-out", nil, err)
}

const nowhere = "00000000-0000-4000-8000-000000000000"

func (s *script) key(req *owv1.CreateKeyRequest) (id, secret string) {
	k, err := s.dev.Keys.Create(s.ctx(), req)
	check(s.t, err)
	return k.Key.GetId(), k.Secret.Reveal()
}

func applicationCalls(s *script) {
	app, err := s.dev.Applications.Create(s.ctx(), " shop ")
	s.note("create", app.Application, err)
	_, err = s.dev.Applications.Create(s.ctx(), "")
	s.note("create without a name", nil, err)
	id, secret := app.Application.GetAppId(), app.Secret.Reveal()
	got, err := s.dev.Applications.Get(s.ctx(), id)
	s.note("get", got, err)
	_, err = s.dev.Applications.Get(s.ctx(), "app_none")
	s.note("get none", nil, err)
	got, err = s.dev.Applications.Rename(s.ctx(), id, "store")
	s.note("rename", got, err)
	_, err = s.dev.Applications.Rename(s.ctx(), id, " ")
	s.note("rename to nothing", nil, err)
	user := s.user("app")
	exchange := func(step, user, secret string) {
		pair, err := s.with().Tokens.Exchange(s.ctx(), user, openwearables.AppCredentials(id, secret))
		s.note(step, pair.ExpiresIn, err)
	}
	exchange("exchange", user, secret)
	exchange("exchange with a wrong secret", user, "secret_wrong")
	exchange("exchange for nobody", nowhere, secret)
	exchange("exchange for no id", "x", secret)
	_, err = s.with().Tokens.Create(s.ctx(), user)
	s.note("no credentials", nil, err)
	next, err := s.dev.Applications.RotateSecret(s.ctx(), id, 0)
	s.note("rotate", next.Application, err)
	exchange("exchange with the older secret", user, secret)
	pair, err := s.with().Tokens.Exchange(s.ctx(), user, openwearables.AppCredentials(id, next.Secret.Reveal()))
	check(s.t, err)
	s.note("delete", nil, s.dev.Applications.Delete(s.ctx(), id))
	_, err = s.with(openwearables.WithAPIKey(pair.Access.Reveal())).Users.Get(s.ctx(), user)
	s.note("a token of the deleted one", nil, err)
	s.note("delete again", nil, s.dev.Applications.Delete(s.ctx(), id))
	_, key := s.key(nil)
	_, err = s.with(openwearables.WithAPIKey(key)).Applications.Create(s.ctx(), "x")
	s.note("create with a key", nil, err)
}

// user creates a user of this script and returns the id.
func (s *script) user(name string) string {
	s.t.Helper()
	u, err := s.dev.Users.Create(s.ctx(), &owv1.CreateUserRequest{ExternalUserId: new(s.mark + name)})
	check(s.t, err)
	s.plain(u.GetId())
	return u.GetId()
}

func userCalls(s *script) {
	u, err := s.dev.Users.Create(s.ctx(), &owv1.CreateUserRequest{
		FirstName: new(" Ada "), LastName: new("L"), Email: new(" " + s.mark + "@Example.com "), ExternalUserId: new(s.mark + "ada"),
	})
	s.note("create", u, err)
	for _, req := range []*owv1.CreateUserRequest{
		{Email: new(strings.ToUpper(s.mark) + "@example.com")},
		{ExternalUserId: new(s.mark + "ada")},
		{Email: new("x")},
		{Email: new("no-at.example.com")},
		{Email: new("a b@example.com")},
		{Email: new("a@b@example.com")},
		{Email: new("@example.com")},
		{FirstName: new("")},
		{LastName: new("a\u202eb")},
		{ExternalUserId: new("")},
		{FirstName: new(strings.Repeat("x", 101)), Email: new("")},
		{ExternalUserId: new("a\x00b")},
	} {
		_, err := s.dev.Users.Create(s.ctx(), req)
		s.note("create a wrong one", nil, err)
	}
	got, err := s.dev.Users.Get(s.ctx(), strings.ToUpper(u.GetId()))
	s.note("get", got, err)
	for _, id := range []string{nowhere, "x", ""} {
		_, err = s.dev.Users.Get(s.ctx(), id)
		s.note("get "+id, nil, err)
	}
	got, err = s.dev.Users.Update(s.ctx(), &owv1.UpdateUserRequest{Id: u.GetId(), LastName: new("Lovelace")})
	s.note("update", got, err)
	got, err = s.dev.Users.Update(s.ctx(), &owv1.UpdateUserRequest{Id: u.GetId(), FirstName: new("x"), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"last_name", "email"}}})
	s.note("clear", got, err)
	_, err = s.dev.Users.Update(s.ctx(), &owv1.UpdateUserRequest{Id: u.GetId(), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"id"}}})
	s.note("a wrong mask", nil, err)
	_, err = s.dev.Users.Update(s.ctx(), &owv1.UpdateUserRequest{Id: nowhere, FirstName: new("x")})
	s.note("update none", nil, err)
	_, reader := s.key(&owv1.CreateKeyRequest{Scopes: []string{"users:read"}})
	_, err = s.with(openwearables.WithAPIKey(reader)).Users.Create(s.ctx(), &owv1.CreateUserRequest{})
	s.note("create without the scope", nil, err)
	pair, err := s.dev.Tokens.Create(s.ctx(), u.GetId())
	check(s.t, err)
	own := s.with(openwearables.WithAPIKey(pair.Access.Reveal()))
	_, err = own.Users.Get(s.ctx(), u.GetId())
	s.note("a user's own token", nil, err)
	_, err = own.Users.Get(s.ctx(), nowhere)
	s.note("a token of another user", nil, err)
	_, err = own.Users.Page(s.ctx(), nil)
	s.note("a list with a user's token", nil, err)
	gone, err := s.dev.Users.Delete(s.ctx(), u.GetId())
	s.note("delete", gone, err)
	_, err = s.dev.Users.Delete(s.ctx(), u.GetId())
	s.note("delete again", nil, err)
	_, err = own.Users.Get(s.ctx(), u.GetId())
	s.note("a token of the deleted one", nil, err)
}

func userLists(s *script) {
	for i, name := range []string{"b", "a", "c"} {
		req := &owv1.CreateUserRequest{FirstName: &name, ExternalUserId: new(s.mark + strconv.Itoa(i))}
		if name != "c" {
			req.Email = new(s.mark + name + "@example.com")
		}
		_, err := s.dev.Users.Create(s.ctx(), req)
		check(s.t, err)
	}
	for _, by := range []string{"created_at", "email", "first_name"} {
		for _, order := range []string{"asc", "desc"} {
			notes(s, by+" "+order, s.dev.Users.List(s.ctx(), &owv1.ListUsersRequest{Search: &s.mark, SortBy: &by, SortOrder: &order, Limit: new(int32(2))}))
		}
	}
	for _, req := range []*owv1.ListUsersRequest{
		{Search: new(strings.ToUpper(s.mark)), Limit: new(int32(2))},
		{Search: &s.mark, Limit: new(int32(2)), Page: new(int32(2))},
		{Search: &s.mark, Page: new(int32(5))},
		{Email: new(strings.ToUpper(s.mark) + "A@example.com")},
		{ExternalUserId: new(s.mark + "2")},
		{ExternalUserId: new(s.mark)},
		{Limit: new(int32(0))},
		{Limit: new(int32(101))},
		{Page: new(int32(0))},
		{SortBy: new("age")},
		{SortOrder: new("up"), Cursor: new("x")},
		{Search: new(strings.Repeat("x", 256))},
	} {
		got, err := s.dev.Users.Page(s.ctx(), req)
		s.note("page", got, err)
	}
	first, err := s.dev.Users.Page(s.ctx(), &owv1.ListUsersRequest{Search: &s.mark, Limit: new(int32(1))})
	check(s.t, err)
	_, err = s.dev.Users.Page(s.ctx(), &owv1.ListUsersRequest{Search: new("other"), Cursor: first.NextCursor})
	s.note("the cursor of another list", nil, err)
}

func tokenCalls(s *script) {
	user := s.user("tokens")
	id, key := s.key(nil)
	_, reader := s.key(&owv1.CreateKeyRequest{Scopes: []string{"users:read"}})
	backend := s.with(openwearables.WithAPIKey(key))
	pair, err := backend.Tokens.Create(s.ctx(), user)
	s.note("with a key", pair.ExpiresIn, err)
	own := s.with(openwearables.WithAPIKey(pair.Access.Reveal()))
	_, err = own.Tokens.Create(s.ctx(), user)
	s.note("with a user's token", nil, err)
	_, err = s.with(openwearables.WithAPIKey(reader)).Tokens.Create(s.ctx(), user)
	s.note("without the scope", nil, err)
	_, err = backend.Tokens.Create(s.ctx(), nowhere)
	s.note("for nobody", nil, err)
	_, err = backend.Tokens.Create(s.ctx(), "x")
	s.note("for no id", nil, err)
	s.sessionsOf(user, backend)
	s.note("revoke all", nil, backend.Tokens.RevokeAll(s.ctx(), user))
	_, err = own.Users.Get(s.ctx(), user)
	s.note("after that", nil, err)
	s.note("revoke all of nobody", nil, backend.Tokens.RevokeAll(s.ctx(), nowhere))
	pair, err = backend.Tokens.Create(s.ctx(), user)
	check(s.t, err)
	_, err = s.dev.Keys.Delete(s.ctx(), id)
	check(s.t, err)
	_, err = s.with(openwearables.WithAPIKey(pair.Access.Reveal())).Users.Get(s.ctx(), user)
	s.note("a token of a deleted key", nil, err)
}

func refreshCalls(s *script) {
	user, raw := s.user("refresh"), s.raw()
	refresh := func(step, token, key string) string {
		ctx, call := connect.NewClientContext(s.ctx())
		if key != "" {
			call.RequestHeader().Set("Idempotency-Key", key)
		}
		res, err := raw.RefreshToken(ctx, &owv1.RefreshTokenRequest{RefreshToken: &token})
		s.note(step, res, err)
		s.note(step+" replayed", call.ResponseHeader().Get("Idempotent-Replayed"), nil)
		return res.GetTokens().GetRefreshToken()
	}
	mint := func() string {
		pair, err := s.dev.Tokens.Create(s.ctx(), user)
		check(s.t, err)
		return pair.Refresh.Reveal()
	}
	first := mint()
	second := refresh("refresh", first, "key-1")
	s.note("the same successor", refresh("the same key", first, "key-1") == second, nil)
	third := refresh("the successor", second, "key-2")
	refresh("its parent with another key", second, "key-3")
	refresh("after the reuse", third, "key-4")

	first = mint()
	second = refresh("without a key", first, "")
	refresh("a race", first, "")
	third = refresh("the winner", second, "")
	refresh("the grandparent", first, "")
	refresh("after the reuse", third, "")

	first = mint()
	_, err := raw.RevokeToken(s.ctx(), &owv1.RevokeTokenRequest{RefreshToken: &first})
	s.note("revoke", nil, err)
	refresh("a revoked one", first, "")
	_, err = raw.RevokeToken(s.ctx(), &owv1.RevokeTokenRequest{RefreshToken: new("rt_none")})
	s.note("revoke none", nil, err)
	_, err = raw.RevokeToken(s.ctx(), &owv1.RevokeTokenRequest{})
	s.note("revoke nothing", nil, err)
	refresh("none", "rt_none", "")
	_, err = raw.RefreshToken(s.ctx(), &owv1.RefreshTokenRequest{})
	s.note("refresh nothing", nil, err)
	phone := s.with(openwearables.WithStore(seeded(s.t, s.base, openwearables.TokenPair{
		Access: openwearables.NewSecret("over"), Refresh: openwearables.NewSecret(mint()), ExpiresIn: time.Hour,
	}, expired)))
	_, err = phone.Users.Get(s.ctx(), user)
	s.note("a session that has expired", nil, err)
	s.note("revoke all", nil, s.dev.Tokens.RevokeAll(s.ctx(), user))
	_, err = phone.Users.Get(s.ctx(), user)
	var e *openwearables.Error
	s.note("a session that was ended", errors.As(err, &e) && openwearables.IsSessionExpired(err), nil)
}

func retriedCalls(s *script) {
	create := func(step, key string, req *owv1.CreateUserRequest) {
		ctx, info := openwearables.WithResponseInfo(openwearables.WithIdempotencyKey(s.ctx(), key))
		u, err := s.dev.Users.Create(ctx, req)
		s.note(step, u, err)
		s.note(step+" replayed", info.Replayed, nil)
	}
	create("create", s.mark, &owv1.CreateUserRequest{ExternalUserId: new(s.mark + "r")})
	create("create again", s.mark, &owv1.CreateUserRequest{ExternalUserId: new(s.mark + "r")})
	create("create another", s.mark, &owv1.CreateUserRequest{ExternalUserId: new(s.mark + "q")})
	create("create what is taken", s.mark+"2", &owv1.CreateUserRequest{ExternalUserId: new(s.mark + "r")})
	ctx := openwearables.WithIdempotencyKey(s.ctx(), s.mark)
	one, err := s.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	check(s.t, err)
	two, err := s.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	s.note("the same key", one.Key.GetId() == two.Key.GetId() && one.Secret.Reveal() == two.Secret.Reveal(), err)
	_, err = s.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{Name: new("other")})
	s.note("another request", nil, err)
	app, err := s.dev.Applications.Create(ctx, "again")
	check(s.t, err)
	credential, user := openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal()), s.user("again")
	first, err := s.with().Tokens.Exchange(ctx, user, credential)
	check(s.t, err)
	second, err := s.with().Tokens.Exchange(ctx, user, credential)
	s.note("the same tokens", first.Refresh.Reveal() == second.Refresh.Reveal(), err)
	_, err = s.with().Tokens.Exchange(ctx, s.user("other"), credential)
	s.note("the tokens of another user", nil, err)
}

// sessionsOf lists and ends single sessions of a user.
func (s *script) sessionsOf(user string, backend *openwearables.Client) {
	_, err := s.dev.Tokens.Create(s.ctx(), user)
	check(s.t, err)
	notes(s, "sessions", s.dev.Tokens.Sessions(s.ctx(), user))
	notes(s, "sessions as a backend sees them", backend.Tokens.Sessions(s.ctx(), user))
	notes(s, "sessions of nobody", s.dev.Tokens.Sessions(s.ctx(), nowhere))
	notes(s, "sessions of no id", s.dev.Tokens.Sessions(s.ctx(), "x"))
	for one, err := range s.dev.Tokens.Sessions(s.ctx(), user) {
		s.note("one", nil, err)
		s.note("end of nobody", nil, s.dev.Tokens.RevokeSession(s.ctx(), nowhere, one.GetId()))
		s.note("end of no id", nil, s.dev.Tokens.RevokeSession(s.ctx(), user, "x"))
		s.note("end", nil, backend.Tokens.RevokeSession(s.ctx(), user, one.GetId()))
		s.note("end again", nil, backend.Tokens.RevokeSession(s.ctx(), user, one.GetId()))
	}
	notes(s, "sessions at last", s.dev.Tokens.Sessions(s.ctx(), user))
}
