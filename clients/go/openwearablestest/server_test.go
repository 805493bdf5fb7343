package openwearablestest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/openwearablestest"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func newServer(t *testing.T) *openwearablestest.Server {
	t.Helper()
	s := openwearablestest.NewServer()
	t.Cleanup(s.Close)
	return s
}

func newClient(t *testing.T, s *openwearablestest.Server, opts ...openwearables.Option) *openwearables.Client {
	t.Helper()
	c, err := openwearables.New(s.URL, opts...)
	check(t, err)
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func workout(id string) *owv1.WorkoutInput {
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	return &owv1.WorkoutInput{
		ExternalId: id, Type: "running", StartTime: timestamppb.New(at), EndTime: timestamppb.New(at.Add(time.Hour)),
		Source: &owv1.WorkoutSource{Provider: "test"},
	}
}

// methods returns the names of the requests that came.
func methods(s *openwearablestest.Server) (names []string) {
	for _, r := range s.Requests() {
		names = append(names, r.Method)
	}
	return names
}

// What the fake is told to refuse or to lose, the client repeats, and it is done once.
func TestFaultsAreSurvived(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, openwearables.WithAPIKey(s.NewAPIKey()))
	s.Fail(1, openwearablestest.Fault{Drop: true}, "CreateUser")
	s.Fail(1, openwearablestest.Fault{Status: 503}, "CreateUser")
	ctx, info := openwearables.WithResponseInfo(t.Context())
	_, err := c.Users.Create(ctx, &owv1.CreateUserRequest{})
	check(t, err)
	page, err := c.Users.Page(t.Context(), nil)
	check(t, err)
	if page.GetTotal() != 1 || !info.Replayed || info.RateLimit.Limit == 0 {
		t.Errorf("%d users, %+v", page.GetTotal(), info)
	}
	requests := s.Requests()
	if len(requests) != 4 || !requests[0].Faulty || !requests[1].Faulty || requests[2].Faulty || requests[0].IdempotencyKey == "" || requests[0].IdempotencyKey != requests[2].IdempotencyKey {
		t.Errorf("requests %+v", requests)
	}
	s.Fail(1, openwearablestest.Fault{Status: 429, RetryAfter: 2 * time.Minute})
	if _, err := c.Users.Page(t.Context(), nil); !openwearables.IsRateLimited(err) {
		t.Errorf("429: %v", err)
	}
	for status, is := range map[int]func(error) bool{
		401: openwearables.IsUnauthenticated, 403: openwearables.IsForbidden, 404: openwearables.IsNotFound, 500: openwearables.IsInternal, 418: openwearables.IsInternal,
	} {
		s.Fail(9, openwearablestest.Fault{Status: status})
		if _, err := c.Users.Page(t.Context(), nil); !is(err) {
			t.Errorf("%d: %v", status, err)
		}
		s.Heal()
	}
	s.Fail(1, openwearablestest.Fault{Delay: time.Minute})
	slow := newClient(t, s, openwearables.WithAPIKey(s.NewAPIKey()), openwearables.WithTimeout(100*time.Millisecond))
	if _, err := slow.Users.Page(t.Context(), nil); !openwearables.IsTimeout(err) {
		t.Errorf("slow: %v", err)
	}
}

func TestSessionsExpireAndEnd(t *testing.T) {
	s := newServer(t)
	user := s.NewUser("u1")
	phone := newClient(t, s, openwearables.WithStore(openwearables.MemoryStore()))
	check(t, phone.SignIn(t.Context(), s.NewTokens(user)))
	upload := func() error {
		_, err := phone.Workouts.Upsert(t.Context(), user, workout("w"))
		return err
	}
	check(t, upload())
	s.ExpireTokens()
	s.Fail(1, openwearablestest.Fault{Drop: true}, "RefreshToken")
	check(t, upload())
	if n := strings.Count(strings.Join(methods(s), " "), "RefreshToken"); n != 2 {
		t.Errorf("%d refreshes: %q", n, methods(s))
	}
	tablet := newClient(t, s, openwearables.WithStore(openwearables.MemoryStore()))
	check(t, tablet.SignIn(t.Context(), s.NewTokens(user)))
	s.Advance(2 * time.Hour)
	_, err := tablet.Users.Get(t.Context(), user)
	check(t, err)
	laptop := newClient(t, s, openwearables.WithStore(openwearables.MemoryStore()))
	check(t, laptop.SignIn(t.Context(), s.NewTokens(user)))
	s.EndSessions()
	if _, err := laptop.Users.Get(t.Context(), user); !openwearables.IsSessionExpired(err) {
		t.Errorf("after the end: %v", err)
	}
	s.Advance(24 * time.Hour)
	if pair := s.NewTokens(user); pair.Refresh.IsZero() {
		t.Error("no tokens")
	}
}

// An application exchanges its secret, a key has its scopes, and many workouts stay.
func TestCredentialsOfTheFake(t *testing.T) {
	s := newServer(t)
	user := s.NewUser("")
	c := newClient(t, s)
	if _, err := c.Tokens.Exchange(t.Context(), user, s.NewApp()); err != nil {
		t.Error(err)
	}
	reader := newClient(t, s, openwearables.WithAPIKey(s.NewAPIKey("workouts:read")))
	if _, err := reader.Workouts.Upsert(t.Context(), user, workout("w")); !openwearables.IsForbidden(err) {
		t.Errorf("without the scope: %v", err)
	}
	dev, err := openwearables.Login(t.Context(), s.URL, s.Email, s.Password)
	check(t, err)
	list := make([]*owv1.WorkoutInput, 2500)
	for i := range list {
		list[i] = workout(strings.Repeat("w", 1+i%200) + time.Duration(i).String())
	}
	report, err := dev.Workouts.UpsertAll(t.Context(), user, slices.Values(list))
	if err != nil || report.Created != 2500 {
		t.Errorf("%+v, %v", report, err)
	}
	n := 0
	for _, err := range reader.Workouts.List(t.Context(), &owv1.ListWorkoutsRequest{UserId: user, StartDate: "2026-03-01", EndDate: "2026-03-01"}) {
		check(t, err)
		n++
	}
	if n != 2500 {
		t.Errorf("%d workouts", n)
	}
}

// What the fake does not have says so.
func TestFakeSaysWhatItLacks(t *testing.T) {
	s := newServer(t)
	dev, err := openwearables.Login(t.Context(), s.URL, s.Email, s.Password)
	check(t, err)
	_, usage := dev.Usage.Account(t.Context(), nil)
	_, me := dev.Sessions.UpdateMe(t.Context(), &owv1.UpdateMeRequest{})
	_, alerts := dev.Alerts.Rules(t.Context())
	_, webhooks := dev.Webhooks.Get(t.Context(), "we_1")
	for _, err := range []error{usage, me, alerts, webhooks} {
		if err == nil || !strings.Contains(err.Error(), "openwearablestest has no") {
			t.Errorf("%v", err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("tokens of nobody")
		}
	}()
	s.NewTokens("nobody")
}
