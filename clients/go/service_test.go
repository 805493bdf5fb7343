package openwearables_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// A developer's day: every service against the real server.
func TestServices(t *testing.T) {
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := openwearables.Login(ctx, world.url, world.email, world.password)
	check(err)
	me, err := s.Sessions.Me(ctx)
	check(err)
	if me.GetEmail() != world.email {
		t.Errorf("signed in as %v", me)
	}
	logins := 0
	for l, err := range s.Sessions.All(ctx) {
		check(err)
		if l.GetCurrent() {
			logins++
		}
	}
	if logins != 1 {
		t.Errorf("%d current sessions", logins)
	}

	key, err := s.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	check(err)
	showsNoSecret(t, key)
	old := key.Secret
	key, err = s.Keys.Rotate(ctx, key.Key.GetId(), 0)
	check(err)
	if _, err := newClient(t, world.url, openwearables.WithAPIKey(old.Reveal())).Users.List(ctx, &owv1.ListUsersRequest{}); !openwearables.IsUnauthenticated(err) {
		t.Errorf("the old secret: %v", err)
	}
	backend := newClient(t, world.url, openwearables.WithAPIKey(key.Secret.Reveal()))
	if _, err := backend.Keys.Get(ctx, key.Key.GetId()); !openwearables.IsForbidden(err) {
		t.Errorf("a key manages keys: %v", err)
	}

	app, err := s.Applications.Create(ctx, "shop")
	check(err)
	showsNoSecret(t, app)
	external := "svc-" + strings.ToLower(t.Name())
	user, err := backend.Users.Create(ctx, &owv1.CreateUserRequest{ExternalUserId: &external})
	check(err)
	if _, err := backend.Users.Create(ctx, &owv1.CreateUserRequest{ExternalUserId: &external}); !openwearables.IsConflict(err) {
		t.Errorf("twice the same user: %v", err)
	}
	pair, err := newClient(t, world.url).Tokens.Exchange(ctx, user.GetId(), openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal()))
	check(err)
	showsNoSecret(t, pair)
	phone := newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()))
	check(phone.SignIn(ctx, pair))
	var inputs []*owv1.WorkoutInput
	begin := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for i := range 7 {
		at := begin.Add(time.Duration(i) * time.Hour)
		inputs = append(inputs, &owv1.WorkoutInput{
			ExternalId: at.String(), Type: "running", StartTime: timestamppb.New(at), EndTime: timestamppb.New(at.Add(time.Minute)),
			Source: &owv1.WorkoutSource{Provider: "test"},
		})
	}
	stored, err := phone.Workouts.Upsert(ctx, user.GetId(), inputs...)
	check(err)
	if stored.GetCreated() != 7 {
		t.Errorf("stored %v", stored)
	}
	limit, seen := int32(3), 0
	req := &owv1.ListWorkoutsRequest{UserId: user.GetId(), StartDate: "2026-03-01", EndDate: "2026-03-01", Limit: &limit}
	for w, err := range phone.Workouts.All(ctx, req) {
		check(err)
		if seen++; w.GetType() != "running" {
			t.Errorf("workout %v", w)
		}
	}
	if seen != 7 || req.Cursor != nil {
		t.Errorf("%d workouts on 3 pages, cursor %v", seen, req.Cursor)
	}
	check(phone.Workouts.Delete(ctx, user.GetId(), stored.GetItems()[0].GetId()))
	if err := phone.Workouts.Delete(ctx, user.GetId(), stored.GetItems()[0].GetId()); !openwearables.IsNotFound(err) {
		t.Errorf("deleted twice: %v", err)
	}
	found := 0
	for u, err := range backend.Users.All(ctx, &owv1.ListUsersRequest{Search: &external}) {
		check(err)
		if u.GetId() == user.GetId() {
			found++
		}
	}
	if found != 1 {
		t.Errorf("found %d times", found)
	}
	for range backend.Users.All(ctx, &owv1.ListUsersRequest{Limit: &limit}) {
		break // the consumer may stop
	}
	_, err = backend.Users.Delete(ctx, user.GetId())
	check(err)
	check(s.Applications.Delete(ctx, app.Application.GetAppId()))
	_, err = s.Keys.Delete(ctx, key.Key.GetId())
	check(err)
	check(s.SignOut(ctx))
	if _, err := s.Sessions.Me(ctx); !openwearables.IsUnauthenticated(err) {
		t.Errorf("after the sign-out: %v", err)
	}
}

func TestIteratorEndsWithTheError(t *testing.T) {
	var got []error
	for u, err := range newClient(t, world.url).Users.All(t.Context(), &owv1.ListUsersRequest{}) {
		if u != nil {
			t.Errorf("a user beside an error: %v", u)
		}
		got = append(got, err)
	}
	if len(got) != 1 || !openwearables.IsUnauthenticated(got[0]) {
		t.Errorf("errors: %v", got)
	}
}
