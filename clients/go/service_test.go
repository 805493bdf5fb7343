package openwearables_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// check ends the test if err is not nil.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSessionsBelongToTheDeveloper(t *testing.T) {
	ctx := t.Context()
	s, err := openwearables.Login(ctx, world.url, world.email, world.password)
	check(t, err)
	me, err := s.Sessions.Me(ctx)
	check(t, err)
	if me.GetEmail() != world.email {
		t.Errorf("signed in as %v", me)
	}
	logins := 0
	for l, err := range s.Sessions.List(ctx) {
		check(t, err)
		if l.GetCurrent() {
			logins++
		}
	}
	if logins != 1 {
		t.Errorf("%d current sessions", logins)
	}
	check(t, s.SignOut(ctx))
	if _, err := s.Sessions.Me(ctx); !openwearables.IsUnauthenticated(err) {
		t.Errorf("after the sign-out: %v", err)
	}
}

func TestRotatedKeyReplacesTheOldSecret(t *testing.T) {
	ctx := t.Context()
	key, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	check(t, err)
	showsNoSecret(t, key)
	old := key.Secret
	key, err = world.dev.Keys.Rotate(ctx, key.Key.GetId(), 0)
	check(t, err)
	if _, err := newClient(t, world.url, openwearables.WithAPIKey(old.Reveal())).Users.Page(ctx, &owv1.ListUsersRequest{}); !openwearables.IsUnauthenticated(err) {
		t.Errorf("the old secret: %v", err)
	}
	backend := newClient(t, world.url, openwearables.WithAPIKey(key.Secret.Reveal()))
	if _, err := backend.Users.Page(ctx, &owv1.ListUsersRequest{}); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	if _, err := backend.Keys.Get(ctx, key.Key.GetId()); !openwearables.IsForbidden(err) {
		t.Errorf("a key manages keys: %v", err)
	}
	_, err = world.dev.Keys.Delete(ctx, key.Key.GetId())
	check(t, err)
}

// The wire cannot tell an empty list from none, which means all scopes.
func TestEmptyScopesAreRefusedBeforeTheCall(t *testing.T) {
	proxy, base := newProxy(t)
	dev, err := openwearables.Login(t.Context(), base, world.email, world.password)
	check(t, err)
	calls := len(proxy.Report().Log)
	_, created := dev.Keys.Create(t.Context(), &owv1.CreateKeyRequest{Scopes: []string{}})
	_, updated := dev.Keys.Update(t.Context(), &owv1.UpdateKeyRequest{Id: "k", Scopes: []string{}})
	for what, err := range map[string]error{"create": created, "update": updated} {
		var e *openwearables.Error
		if !errors.As(err, &e) || e.Kind != openwearables.KindInvalid || !strings.Contains(e.Message, "name at least one, or leave it nil") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if now := len(proxy.Report().Log); now != calls {
		t.Errorf("%d calls were made", now-calls)
	}
	key, err := dev.Keys.Create(t.Context(), nil)
	if err != nil || len(key.Key.GetScopes()) == 0 {
		t.Errorf("without scopes: %v, %v", key.Key, err)
	}
}

// Nor can it clear the networks of a key with an empty list alone, which would change nothing.
func TestEmptyNetworksAreNamedInTheMask(t *testing.T) {
	ctx := t.Context()
	dev, err := openwearables.Login(ctx, world.url, world.email, world.password)
	check(t, err)
	key, err := dev.Keys.Create(ctx, &owv1.CreateKeyRequest{AllowedNetworks: []string{"192.0.2.7/24"}})
	check(t, err)
	backend := newClient(t, world.url, openwearables.WithAPIKey(key.Secret.Reveal()))
	_, err = backend.Users.Create(ctx, nil)
	var e *openwearables.Error
	if !errors.As(err, &e) || !openwearables.IsForbidden(err) || e.Reason != "network_not_allowed" || !strings.Contains(e.Message, "from 127.0.0.1") {
		t.Errorf("from elsewhere: %v", err)
	}
	change := &owv1.UpdateKeyRequest{Id: key.Key.GetId(), AllowedNetworks: []string{}}
	if _, err = dev.Keys.Update(ctx, change); !errors.As(err, &e) || e.Kind != openwearables.KindInvalid || !strings.Contains(e.Message, "UpdateMask") {
		t.Errorf("without a mask: %v", err)
	}
	change.UpdateMask = &fieldmaskpb.FieldMask{Paths: []string{"allowed_networks"}}
	updated, err := dev.Keys.Update(ctx, change)
	check(t, err)
	if got := updated.GetAllowedNetworks(); len(got) > 0 || len(key.Key.GetAllowedNetworks()) != 1 {
		t.Errorf("cleared they are %v, and were %v", got, key.Key)
	}
	_, err = backend.Users.Create(ctx, nil)
	check(t, err)
}

func TestUsersAreFoundAndUnique(t *testing.T) {
	ctx := t.Context()
	_, key := newKey(t)
	backend := newClient(t, world.url, openwearables.WithAPIKey(key))
	external := "svc-" + strings.ToLower(t.Name())
	user, err := backend.Users.Create(ctx, &owv1.CreateUserRequest{ExternalUserId: &external})
	check(t, err)
	if _, err := backend.Users.Create(ctx, &owv1.CreateUserRequest{ExternalUserId: &external}); !openwearables.IsConflict(err) {
		t.Errorf("twice the same user: %v", err)
	}
	found := 0
	for u, err := range backend.Users.List(ctx, &owv1.ListUsersRequest{Search: &external}) {
		check(t, err)
		if u.GetId() == user.GetId() {
			found++
		}
	}
	if found != 1 {
		t.Errorf("found %d times", found)
	}
	limit := int32(3)
	for range backend.Users.List(ctx, &owv1.ListUsersRequest{Limit: &limit}) {
		break // the consumer may stop
	}
	_, err = backend.Users.Delete(ctx, user.GetId())
	check(t, err)
}

// A key and an application say that their older secret lives, until its rotation is
// finished.
func TestFinishRotation(t *testing.T) {
	ctx := t.Context()
	id, old := newKey(t)
	_, err := world.dev.Keys.Rotate(ctx, id, time.Minute)
	check(t, err)
	key, err := world.dev.Keys.Get(ctx, id)
	if check(t, err); key.GetOverlap() == nil {
		t.Errorf("a rotated key: %v", key)
	}
	key, err = world.dev.Keys.FinishRotation(ctx, id)
	if check(t, err); key.GetOverlap() != nil {
		t.Errorf("a key whose rotation is finished: %v", key)
	}
	_, err = newClient(t, world.url, openwearables.WithAPIKey(old)).Users.Page(ctx, &owv1.ListUsersRequest{})
	if !openwearables.IsUnauthenticated(err) {
		t.Errorf("the older secret: %v", err)
	}

	made, err := world.dev.Applications.Create(ctx, "rotated")
	check(t, err)
	rotated, err := world.dev.Applications.RotateSecret(ctx, made.Application.GetAppId(), time.Minute)
	if check(t, err); rotated.Application.GetOverlap() == nil {
		t.Errorf("a rotated application: %v", rotated.Application)
	}
	app, err := world.dev.Applications.FinishRotation(ctx, made.Application.GetAppId())
	if check(t, err); app.GetOverlap() != nil {
		t.Errorf("an application whose rotation is finished: %v", app)
	}
}

// newPhone returns a client with the session of a new user. The session's pair comes
// from exchanging an application's secret.
func newPhone(t *testing.T) (phone *openwearables.Client, userID string) {
	t.Helper()
	ctx := t.Context()
	app, err := world.dev.Applications.Create(ctx, "shop")
	check(t, err)
	showsNoSecret(t, app)
	user := newPerson(t).id
	pair, err := newClient(t, world.url).Tokens.Exchange(ctx, user, openwearables.AppCredentials(app.Application.GetAppId(), app.Secret.Reveal()))
	check(t, err)
	showsNoSecret(t, pair)
	t.Cleanup(func() {
		check(t, world.dev.Applications.Delete(context.WithoutCancel(ctx), app.Application.GetAppId()))
	})
	phone = newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()))
	check(t, phone.SignIn(ctx, pair))
	return phone, user
}

func TestWorkoutsOfAnExchangedSession(t *testing.T) {
	ctx := t.Context()
	phone, user := newPhone(t)
	var inputs []*owv1.WorkoutInput
	begin := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for i := range 7 {
		at := begin.Add(time.Duration(i) * time.Hour)
		inputs = append(inputs, &owv1.WorkoutInput{
			ExternalId: at.String(), Type: "running", StartTime: timestamppb.New(at), EndTime: timestamppb.New(at.Add(time.Minute)),
			Source: &owv1.WorkoutSource{Provider: "test"},
		})
	}
	stored, err := phone.Workouts.Upsert(ctx, user, inputs...)
	check(t, err)
	if stored.GetCreated() != 7 {
		t.Errorf("stored %v", stored)
	}
	limit, seen := int32(3), 0
	req := &owv1.ListWorkoutsRequest{UserId: user, StartDate: "2026-03-01", EndDate: "2026-03-01", Limit: &limit}
	for w, err := range phone.Workouts.List(ctx, req) {
		check(t, err)
		if seen++; w.GetType() != "running" {
			t.Errorf("workout %v", w)
		}
	}
	if seen != 7 || req.Cursor != nil {
		t.Errorf("%d workouts on 3 pages, cursor %v", seen, req.Cursor)
	}
	gone, err := phone.Workouts.DeleteMany(ctx, user, &owv1.WorkoutReference{Provider: "nobody", ExternalId: "x"})
	check(t, err)
	if gone.GetDeleted() != 0 || gone.GetNotFound() != 1 {
		t.Errorf("deleted %v", gone)
	}
	check(t, phone.Workouts.Delete(ctx, user, stored.GetItems()[0].GetId()))
	if err := phone.Workouts.Delete(ctx, user, stored.GetItems()[0].GetId()); !openwearables.IsNotFound(err) {
		t.Errorf("deleted twice: %v", err)
	}
}

// someWorkout is a workout that the server stores.
func someWorkout(externalID string) *owv1.WorkoutInput {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	return &owv1.WorkoutInput{
		ExternalId: externalID, Type: "running", StartTime: timestamppb.New(at), EndTime: timestamppb.New(at.Add(time.Minute)),
		Source: &owv1.WorkoutSource{Provider: "test"},
	}
}

func TestOneWrongWorkoutIsRejected(t *testing.T) {
	ctx := t.Context()
	user, err := world.dev.Users.Create(ctx, &owv1.CreateUserRequest{})
	check(t, err)
	right, wrong := someWorkout("right"), someWorkout("wrong")
	heart := 301.0
	wrong.AvgHeartRateBpm = &heart
	res, err := world.dev.Workouts.Upsert(ctx, user.GetId(), right, wrong)
	check(t, err)
	if len(res.GetItems()) != 1 || len(res.GetRejected()) != 1 || res.GetRejected()[0].GetIndex() != 1 ||
		res.GetRejected()[0].GetField() != "workouts[1].avg_heart_rate_bpm" {
		t.Errorf("stored and rejected: %v", res)
	}
	if _, err := world.dev.Workouts.UpsertAllOrNone(ctx, user.GetId(), someWorkout("third"), wrong); !openwearables.IsInvalid(err) {
		t.Errorf("all or none: %v", err)
	}
	stored := 0
	all := &owv1.ListWorkoutsRequest{UserId: user.GetId(), StartDate: "2026-03-01", EndDate: "2026-03-31"}
	for _, err := range world.dev.Workouts.List(ctx, all) {
		check(t, err)
		stored++
	}
	if stored != 1 {
		t.Errorf("%d workouts are stored", stored)
	}
}

func TestAuditTrailAndAccessLog(t *testing.T) {
	ctx := t.Context()
	key, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	check(t, err)
	subject := "key:" + key.Key.GetId()
	backend := newClient(t, world.url, openwearables.WithAPIKey(key.Secret.Reveal()))
	user, err := backend.Users.Create(ctx, &owv1.CreateUserRequest{})
	check(t, err)
	for _, err := range backend.Workouts.List(ctx, &owv1.ListWorkoutsRequest{UserId: user.GetId(), StartDate: "2026-03-01", EndDate: "2026-03-02"}) {
		check(t, err)
	}
	for seen, end := 0, time.Now().Add(20*time.Second); seen == 0; time.Sleep(50 * time.Millisecond) {
		for access, err := range backend.Audit.Accesses(ctx, user.GetId()) {
			check(t, err)
			if seen++; access.GetActor() != subject || access.GetOperation() != "ListWorkouts" {
				t.Errorf("an access is %v", access)
			}
		}
		if time.Now().After(end) {
			t.Fatal("no access is listed")
		}
	}
	for requests, end := int64(0), time.Now().Add(20*time.Second); requests == 0; time.Sleep(50 * time.Millisecond) {
		usage, err := world.dev.Usage.Key(ctx, &owv1.GetKeyUsageRequest{Id: key.Key.GetId()})
		check(t, err)
		if requests = int64(usage.GetTotals().GetRequests()); time.Now().After(end) {
			t.Fatal("no use of the key is counted")
		}
	}
	account, err := world.dev.Usage.Account(ctx, nil)
	check(t, err)
	if account.GetTotals().GetRequests() == 0 {
		t.Errorf("the account's usage is %v", account)
	}
	check(t, backend.Audit.ReportCredential(ctx, key.Secret))
	if _, err := backend.Users.Get(ctx, user.GetId()); !openwearables.IsUnauthenticated(err) {
		t.Errorf("after the report: %v", err)
	}
	var actions []string
	limit := int32(1)
	for event, err := range world.dev.Audit.Events(ctx, &owv1.ListAuditEventsRequest{Subject: &subject, Limit: &limit}) {
		check(t, err)
		actions = append(actions, event.GetAction())
	}
	if got := strings.Join(actions, " "); got != "credential.report key.create" {
		t.Errorf("the events of the key are %s", got)
	}
}

func TestIteratorEndsWithTheError(t *testing.T) {
	var got []error
	for u, err := range newClient(t, world.url).Users.List(t.Context(), &owv1.ListUsersRequest{}) {
		if u != nil {
			t.Errorf("a user beside an error: %v", u)
		}
		got = append(got, err)
	}
	if len(got) != 1 || !openwearables.IsUnauthenticated(got[0]) {
		t.Errorf("errors: %v", got)
	}
}
