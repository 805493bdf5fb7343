package openwearables_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// wantField fails the test unless err is that of an invalid argument in the field.
func wantField(t *testing.T, what string, err error, field string) {
	t.Helper()
	var e *openwearables.Error
	if !errors.As(err, &e) || !openwearables.IsInvalid(err) || len(e.Fields) == 0 || e.Fields[0].Field != field ||
		!strings.Contains(e.Message, field) || e.Fields[0].Message == "" {
		t.Errorf("%s: %#v, want invalid in %s", what, e, field)
	}
}

// What cannot be sent is refused with its field, and nothing is sent.
func TestWrongArgumentsAreRefusedWithTheirField(t *testing.T) {
	proxy, base := newProxy(t)
	p, ctx := newPerson(t), t.Context()
	dev, err := openwearables.Login(ctx, base, world.email, world.password)
	check(t, err)
	proxy.Reset()
	const bad = "a\xffb"
	app := openwearables.AppCredentials
	do := func(_ any, err error) error { return err }
	key := func(key string) context.Context { return openwearables.WithIdempotencyKey(ctx, key) }
	workout := func(change func(*owv1.WorkoutInput)) []*owv1.WorkoutInput {
		w := &owv1.WorkoutInput{ExternalId: "w", Type: "running", Source: &owv1.WorkoutSource{Provider: "p"}}
		change(w)
		return []*owv1.WorkoutInput{{}, w}
	}
	for _, c := range []struct {
		what, field string
		err         error
	}{
		{"id", "id", do(dev.Users.Get(ctx, bad))},
		{"external id", "external_user_id", do(dev.Users.Create(ctx, &owv1.CreateUserRequest{ExternalUserId: new(bad)}))},
		{"workout", "workouts[1].type", do(dev.Workouts.Upsert(ctx, p.id, workout(func(w *owv1.WorkoutInput) { w.Type = bad })...))},
		{"provider", "workouts[1].source.provider", do(dev.Workouts.Upsert(ctx, p.id, workout(func(w *owv1.WorkoutInput) { w.Source.Provider = bad })...))},
		{"scope", "scopes[1]", do(dev.Keys.Create(ctx, &owv1.CreateKeyRequest{Scopes: []string{"users:read", bad}}))},
		{"scopes", "scopes", do(dev.Keys.Create(ctx, &owv1.CreateKeyRequest{Scopes: []string{}}))},
		{"password", "current_password", dev.Sessions.ChangePassword(ctx, openwearables.NewSecret(bad), openwearables.NewSecret("x"))},
		{"login", "email", do(openwearables.Login(ctx, base, bad, "x"))},
		{"setup", "token", do(openwearables.Setup(ctx, base, bad, "a@example.com", "x"))},
		{"exchange", "user_id", do(dev.Tokens.Exchange(ctx, bad, app("app_x", "x")))},
		{"no app", "app_id", do(dev.Tokens.Exchange(ctx, p.id, app("", "x")))},
		{"no secret", "app_secret", do(dev.Tokens.Exchange(ctx, p.id, app("app_x", "")))},
		{"two lines", "app_secret", do(dev.Tokens.Exchange(ctx, p.id, app("app_x", "x\n")))},
		{"key with a line break", "Idempotency-Key", do(dev.Keys.Create(key("a\nb"), nil))},
		{"empty key", "Idempotency-Key", do(dev.Keys.Create(key(""), nil))},
		{"long key", "Idempotency-Key", do(dev.Keys.Create(key(strings.Repeat("k", 256)), nil))},
		{"key in another script", "Idempotency-Key", do(dev.Keys.Create(key("ключ"), nil))},
		{"pair without an access token", "access_token", dev.SignIn(ctx, openwearables.TokenPair{ExpiresIn: time.Hour})},
		{"refresh token with a scheme", "refresh_token", dev.SignIn(ctx, openwearables.TokenPair{Access: openwearables.NewSecret("a"), Refresh: openwearables.NewSecret("Bearer r"), ExpiresIn: time.Hour})},
		{"pair without a life", "expires_in", dev.SignIn(ctx, openwearables.TokenPair{Access: openwearables.NewSecret("a")})},
	} {
		wantField(t, c.what, c.err, c.field)
	}
	h, opts := dev.Connect()
	_, err = owv1connect.NewUserServiceClient(h, base, opts, connect.WithProtoJSON()).GetUser(ctx, &owv1.GetUserRequest{Id: bad})
	wantField(t, "in JSON", err, "id")
	if sent := proxy.Report().Log; len(sent) > 0 {
		t.Errorf("sent: %+v", sent)
	}
	_, err = dev.Keys.Create(key(strings.Repeat("k", 255)), nil)
	check(t, err)
}

// What the server refuses, it names in the same way.
func TestServerNamesTheField(t *testing.T) {
	ctx := t.Context()
	_, err := world.dev.Users.Get(ctx, "")
	wantField(t, "no id", err, "id")
	_, err = world.dev.Workouts.Page(ctx, nil)
	wantField(t, "nil", err, "user_id")
	_, err = world.dev.Workouts.Upsert(ctx, newPerson(t).id, nil)
	for _, field := range []string{"workouts[0].external_id: ", "workouts[0].type: "} {
		if strings.Count(err.Error(), field) != 1 {
			t.Errorf("%v does not tell %s once", err, field)
		}
	}
	for _, err := range world.dev.Workouts.List(ctx, &owv1.ListWorkoutsRequest{UserId: "x\xff"}) {
		wantField(t, "list", err, "user_id")
	}
}
