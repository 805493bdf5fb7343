package openwearables_test

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func networkCalls(s *script) {
	made, err := s.dev.Keys.Create(s.ctx(), &owv1.CreateKeyRequest{AllowedNetworks: []string{
		"127.0.0.7/8", "192.0.2.77", "::ffff:198.51.100.0/120", "64:ff9b::100.64.0.0/106", "64:ff9b:1:2::10.0.0.0/104", "2001:db8:0:0::/48", "::1",
	}})
	s.note("create", made.Key, err)
	id, key := made.Key.GetId(), s.with(openwearables.WithAPIKey(made.Secret.Reveal()))
	update := func(step string, req *owv1.UpdateKeyRequest) {
		req.Id = id
		changed, err := s.dev.Keys.Update(s.ctx(), req)
		s.note(step, changed, err)
		_, err = key.Users.Page(s.ctx(), &owv1.ListUsersRequest{Search: &s.mark})
		s.note("a call after that", nil, err)
	}
	update("stay", &owv1.UpdateKeyRequest{Name: new("bound")})
	update("move", &owv1.UpdateKeyRequest{AllowedNetworks: []string{"192.0.2.0/24"}})
	user := s.user("networks")
	_, err = key.Tokens.Create(s.ctx(), user)
	s.note("mint from elsewhere", nil, err)
	_, err = key.Sessions.Me(s.ctx())
	s.note("a call of developers from elsewhere", nil, err)
	update("disable", &owv1.UpdateKeyRequest{Enabled: new(false)})
	update("enable, and clear", &owv1.UpdateKeyRequest{Enabled: new(true), UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"enabled", "allowed_networks"}}})
	for _, networks := range [][]string{
		{"192.0.2.0/33"},
		{"192.0.2.1", "example.com"},
		{"10.0.0.1:80"},
		{" 10.0.0.1"},
		{""},
		{"fe80::1%eth0"},
		{"::ffff:10.0.0.0/90"},
		{"64:ff9b:1::/48"},
		{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "10.2.0.0/16"},
		slices.Repeat([]string{"192.0.2.1"}, 33),
	} {
		_, err := s.dev.Keys.Create(s.ctx(), &owv1.CreateKeyRequest{AllowedNetworks: networks})
		s.note("create with "+strings.Join(networks, " "), nil, err)
	}
	_, err = s.dev.Keys.Update(s.ctx(), &owv1.UpdateKeyRequest{
		Id: id, AllowedNetworks: []string{"x"}, Scopes: []string{"x"}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name", "enabled", "scopes", "allowed_networks"}},
	})
	s.note("update with all that is wrong", nil, err)
}

// used waits until what is shown of a rotation counts a request with the older secret: on a
// server that takes up to a second.
func (s *script) used(overlap func() *owv1.Overlap) {
	s.t.Helper()
	eventually(s.t, "a use of the older secret", func() bool { return overlap().GetRequests() > 0 })
}

func rotationCalls(s *script) {
	finish := func(step, id string) {
		k, err := s.dev.Keys.FinishRotation(s.ctx(), id)
		s.note(step, k, err)
	}
	call := func(step, secret string) {
		_, err := s.with(openwearables.WithAPIKey(secret)).Users.Page(s.ctx(), &owv1.ListUsersRequest{Search: &s.mark})
		s.note(step, nil, err)
	}
	id, first := s.key(nil)
	finish("finish what never began", id)
	rotated, err := s.dev.Keys.Rotate(s.ctx(), id, 2*time.Hour)
	s.note("rotate", rotated.Key, err)
	call("the older secret", first)
	get := func() *owv1.Key {
		k, err := s.dev.Keys.Get(s.ctx(), id)
		check(s.t, err)
		return k
	}
	s.used(func() *owv1.Overlap { return get().GetOverlap() })
	s.note("after a use", get(), nil)
	finish("finish", id)
	finish("finish again", id)
	call("the older secret after that", first)
	call("the newest secret", rotated.Secret.Reveal())
	_, err = s.dev.Keys.Rotate(s.ctx(), id, time.Hour)
	check(s.t, err)
	call("a secret in its overlap", rotated.Secret.Reveal())
	at := rotated.Secret.Reveal()
	rotated, err = s.dev.Keys.Rotate(s.ctx(), id, 0)
	s.note("rotate without an overlap", rotated.Key, err)
	call("the secret before", at)
	finish("finish none", "key_none")
	finish("finish without an id", "")
	_, err = s.with(openwearables.WithAPIKey(rotated.Secret.Reveal())).Keys.FinishRotation(s.ctx(), id)
	s.note("finish with a key", nil, err)
	appRotations(s)
}

func appRotations(s *script) {
	app, err := s.dev.Applications.Create(s.ctx(), "rotated")
	check(s.t, err)
	id, user := app.Application.GetAppId(), s.user("rotations")
	exchange := func(step string, secret openwearables.Secret) {
		_, err := s.with().Tokens.Exchange(s.ctx(), user, openwearables.AppCredentials(id, secret.Reveal()))
		s.note(step, nil, err)
	}
	finish := func(step, id string) {
		a, err := s.dev.Applications.FinishRotation(s.ctx(), id)
		s.note(step, a, err)
	}
	next, err := s.dev.Applications.RotateSecret(s.ctx(), id, 2*time.Hour)
	s.note("rotate an application", next.Application, err)
	exchange("its older secret", app.Secret)
	get := func() *owv1.Application {
		a, err := s.dev.Applications.Get(s.ctx(), id)
		check(s.t, err)
		return a
	}
	s.used(func() *owv1.Overlap { return get().GetOverlap() })
	s.note("the application after a use", get(), nil)
	finish("finish its rotation", id)
	exchange("its older secret after that", app.Secret)
	exchange("its newest secret", next.Secret)
	finish("finish that of none", "app_none")
	finish("finish that without an id", "")
	_, err = s.dev.Applications.RotateSecret(s.ctx(), id, 31*24*time.Hour)
	s.note("rotate it with a long overlap", nil, err)
}

func keyCalls(s *script) {
	first, err := s.dev.Keys.Create(s.ctx(), &owv1.CreateKeyRequest{})
	s.note("create", first.Key, err)
	id := first.Key.GetId()
	for _, req := range []*owv1.CreateKeyRequest{
		{Name: new("  ")},
		{Name: new(strings.Repeat("n", 101))},
		{Name: new("a\nb")},
		{Environment: new("prod")},
		{Scopes: []string{"users:read", "all"}},
		{Scopes: []string{"users:read", "users:read"}},
		{ExpiresAt: timestamppb.New(time.Now().Add(-time.Hour))},
		{Name: new(""), Environment: new(""), Scopes: []string{""}},
		{Scopes: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}},
	} {
		_, err := s.dev.Keys.Create(s.ctx(), req)
		s.note("create a wrong one", nil, err)
	}
	second, err := s.dev.Keys.Create(s.ctx(), &owv1.CreateKeyRequest{
		Name: new(" two "), Environment: new("test"), Scopes: []string{"workouts:read", "users:read"}, ExpiresAt: timestamppb.New(time.Now().Add(48 * time.Hour)),
	})
	s.note("create another", second.Key, err)
	n := 0
	for k, err := range s.dev.Keys.List(s.ctx(), nil) {
		if n++; n == 3 {
			break
		}
		s.note("list", k, err)
	}
	got, err := s.dev.Keys.Get(s.ctx(), id)
	s.note("get", got, err)
	_, err = s.dev.Keys.Get(s.ctx(), "key_none")
	s.note("get none", nil, err)
	_, err = s.dev.Keys.Get(s.ctx(), "")
	s.note("get without an id", nil, err)
	rotated, err := s.dev.Keys.Rotate(s.ctx(), id, time.Hour)
	s.note("rotate", rotated.Key, err)
	seen := new(events)
	_, err = s.with(openwearables.WithAPIKey(first.Secret.Reveal()), seen.option()).Users.Page(s.ctx(), &owv1.ListUsersRequest{Limit: new(int32(1)), Search: &s.mark})
	s.note("the older secret", nil, err)
	s.used(func() *owv1.Overlap {
		k, err := s.dev.Keys.Get(s.ctx(), id)
		check(s.t, err)
		return k.GetOverlap()
	})
	eventually(s.t, "the event of the rotation", func() bool { return seen.of(openwearables.EventKeyRotated) == 1 })
	_, err = s.dev.Keys.Rotate(s.ctx(), id, 31*24*time.Hour)
	s.note("rotate with a long overlap", nil, err)
	newestKeys(s, "active", "rotating", "expiring", "lost")
	changed, err := s.dev.Keys.Update(s.ctx(), &owv1.UpdateKeyRequest{Id: id, Name: new("renamed"), Enabled: new(false)})
	s.note("update", changed, err)
	_, err = s.with(openwearables.WithAPIKey(rotated.Secret.Reveal())).Users.Page(s.ctx(), nil)
	s.note("a disabled key", nil, err)
	_, err = s.dev.Keys.Update(s.ctx(), &owv1.UpdateKeyRequest{Id: id, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}}})
	s.note("clear the name", nil, err)
	_, err = s.dev.Keys.Update(s.ctx(), &owv1.UpdateKeyRequest{Id: id, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"id"}}})
	s.note("a wrong mask", nil, err)
	newestKeys(s, "disabled", "unused")
	gone, err := s.dev.Keys.Delete(s.ctx(), id)
	s.note("delete", gone, err)
	_, err = s.dev.Keys.Delete(s.ctx(), id)
	s.note("delete again", nil, err)
}

// newestKeys lists the newest key in each of these states.
func newestKeys(s *script, states ...string) {
	for _, state := range states {
		for k, err := range s.dev.Keys.List(s.ctx(), &owv1.ListKeysRequest{State: &state}) {
			s.note("list those that are "+state, k, err)
			break
		}
	}
}
