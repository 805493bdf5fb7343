package openwearables_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// A sign-out without a network ends the session at the server after the next call that
// succeeds, whoever makes it.
func TestSignOutWithoutANetworkIsMadeUpFor(t *testing.T) {
	_, key := newKey(t)
	keyed := func(base string, p person) error {
		_, err := newClient(t, base, openwearables.WithAPIKey(key)).Users.Get(t.Context(), p.id)
		return err
	}
	for name, call := range map[string]func(base string, p person) error{
		"call with a key": keyed,
		"login": func(base string, _ person) error {
			_, err := openwearables.Login(t.Context(), base, world.email, world.password)
			return err
		},
		"refresh": func(base string, _ person) error {
			other := newPerson(t)
			_, _, err := newClient(t, base, openwearables.WithStore(seeded(t, base, other.pair, expired))).Token(t.Context())
			return err
		},
	} {
		for fault, rule := range map[string]faultproxy.Rule{
			"offline": {Method: "RevokeToken", Fault: faultproxy.Reset},
			"gateway": {Method: "RevokeToken", Fault: faultproxy.Answer, Status: 401, Body: "sign in to the Wi-Fi", Headers: map[string]string{"Content-Type": "text/html"}},
			"503":     {Method: "RevokeToken", Fault: faultproxy.Answer, Status: 503, Code: "unavailable", Reason: "unavailable"},
		} {
			t.Run(name+", "+fault, func(t *testing.T) {
				t.Parallel()
				proxy, base := newProxy(t)
				p := newPerson(t)
				proxy.Rules(rule)
				if err := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, fresh))).SignOut(t.Context()); err == nil {
					t.Fatal("the sign-out succeeded")
				}
				lives := func() bool {
					_, err := direct(t, p.pair.Access.Reveal()).Users.Get(t.Context(), p.id)
					return err == nil
				}
				before := proxy.Report().Requests["RevokeToken"]
				check(t, call(base, p))
				eventually(t, "another attempt", func() bool { return proxy.Report().Requests["RevokeToken"] > before })
				if !lives() {
					t.Fatal("the session has ended already")
				}
				began := time.Now()
				for range 20 { // soon after a failure
					check(t, keyed(base, p))
				}
				if n := proxy.Report().Requests["RevokeToken"] - before; n > 2 && time.Since(began) < 2*time.Second {
					t.Errorf("%d attempts at once", n)
				}
				proxy.Rules()
				eventually(t, "the session ended", func() bool { return call(base, p) == nil && !lives() })
			})
		}
	}
}

// What could not be revoked waits as long as the server asks, and a round of attempts ends
// with its first failure.
func TestPostponedRevocationsWaitAsAsked(t *testing.T) {
	t.Parallel()
	proxy, base := newProxy(t)
	_, key := newKey(t)
	keyed := newClient(t, base, openwearables.WithAPIKey(key))
	refuse := func(retryAfter string) {
		rule := faultproxy.Rule{Method: "RevokeToken", Fault: faultproxy.Answer, Status: 503, Code: "unavailable", Reason: "unavailable"}
		if retryAfter != "" {
			rule.Headers = map[string]string{"Retry-After": retryAfter}
		}
		proxy.Rules(rule)
	}
	people := []person{newPerson(t), newPerson(t), newPerson(t)}
	refuse("")
	for _, p := range people {
		if err := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, fresh))).SignOut(t.Context()); err == nil {
			t.Fatal("the sign-out succeeded")
		}
	}
	refuse("7")
	before := proxy.Report().Requests["RevokeToken"]
	requests := func() int { return proxy.Report().Requests["RevokeToken"] - before }
	call := func() {
		_, err := keyed.Users.Get(t.Context(), people[0].id)
		check(t, err)
	}
	call()
	eventually(t, "a round", func() bool { return requests() > 0 })
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(100 * time.Millisecond) {
		call()
	}
	if n := requests(); n != 1 {
		t.Errorf("%d attempts within the 7 s that the server asked to wait", n)
	}
	proxy.Rules()
	for _, p := range people {
		eventually(t, "the session ended", func() bool {
			call()
			_, err := direct(t, p.pair.Access.Reveal()).Users.Get(t.Context(), p.id)
			return err != nil
		})
	}
}

// A sign-out that the server asks to repeat later makes one attempt, and none before then.
func TestSignOutWaitsAsAsked(t *testing.T) {
	t.Parallel()
	proxy, base := newProxy(t)
	p := newPerson(t)
	_, key := newKey(t)
	proxy.Rules(faultproxy.Rule{
		Method: "RevokeToken", Fault: faultproxy.Answer, Status: 503, Code: "unavailable", Reason: "unavailable",
		Headers: map[string]string{"Retry-After": "60"},
	})
	if err := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, fresh))).SignOut(t.Context()); err == nil {
		t.Fatal("the sign-out succeeded")
	}
	for range 10 {
		_, err := newClient(t, base, openwearables.WithAPIKey(key)).Users.Get(t.Context(), p.id)
		check(t, err)
		time.Sleep(50 * time.Millisecond)
	}
	if n := proxy.Report().Requests["RevokeToken"]; n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// The waits between attempts double up to a minute, and are never shorter than asked.
func TestRevocationWaitsGrow(t *testing.T) {
	for n, want := range []time.Duration{3, 6, 12, 24, 48, 60, 60} {
		if got := openwearables.RevocationWait(n+1, 0); got != want*time.Second {
			t.Errorf("after %d failures: %v", n+1, got)
		}
	}
	if got := openwearables.RevocationWait(1000, 90*time.Second); got != 90*time.Second {
		t.Errorf("asked for 90 s: %v", got)
	}
}

// An app learns of a sign-out as soon as the store is cleared, also without a network.
func TestSignedOutIsEmittedBeforeTheServerAnswers(t *testing.T) {
	proxy, base := newProxy(t)
	p, seen := newPerson(t), new(events)
	store := seeded(t, base, p.pair, fresh)
	proxy.Rules(faultproxy.Rule{Method: "RevokeToken", Fault: faultproxy.Hold})
	c := newClient(t, base, openwearables.WithStore(store), seen.option())
	done := make(chan error, 1)
	go func() { done <- c.SignOut(t.Context()) }()
	eventually(t, "the request held", func() bool { return proxy.Report().Held > 0 })
	eventually(t, "the event", func() bool { return seen.of(openwearables.EventSignedOut) == 1 })
	if len(done) > 0 {
		t.Fatal("only after the sign-out has ended")
	}
	wantStored(t, store, nil)
	proxy.Release()
	select {
	case err := <-done:
		check(t, err)
	case <-time.After(20 * time.Second):
		t.Fatal("the sign-out does not return")
	}
	if n := seen.of(openwearables.EventSignedOut); n != 1 {
		t.Errorf("%d events", n)
	}
}

// What the server refuses is not tried again.
func TestRefusedRevocationIsForgotten(t *testing.T) {
	proxy, base := newProxy(t)
	p := newPerson(t)
	proxy.Rules(faultproxy.Rule{Method: "RevokeToken", Fault: faultproxy.Answer, Status: 400, Code: "invalid_argument", Reason: "invalid_request", Times: 1})
	if err := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, fresh))).SignOut(t.Context()); !openwearables.IsInvalid(err) {
		t.Fatal(err)
	}
	_, key := newKey(t)
	for range 3 {
		_, err := newClient(t, base, openwearables.WithAPIKey(key)).Users.Get(t.Context(), p.id)
		check(t, err)
	}
	time.Sleep(200 * time.Millisecond)
	if n := proxy.Report().Requests["RevokeToken"]; n != 1 {
		t.Errorf("%d revocations", n)
	}
}

// A list from a workout's own start, or from the one that was sent, contains it.
func TestListFromAWorkoutsOwnStartContainsIt(t *testing.T) {
	ctx, p := t.Context(), newPerson(t)
	sent := time.Date(2026, 3, 1, 10, 0, 0, 123456789, time.UTC)
	_, err := world.dev.Workouts.Upsert(ctx, p.id, &owv1.WorkoutInput{
		ExternalId: "w", Type: "running", Source: &owv1.WorkoutSource{Provider: "p"},
		StartTime: timestamppb.New(sent), EndTime: timestamppb.New(sent.Add(time.Hour)),
	})
	check(t, err)
	list := func(from time.Time) (found []*owv1.Workout) {
		req := &owv1.ListWorkoutsRequest{UserId: p.id, StartDate: from.Format(time.RFC3339Nano), EndDate: from.Add(time.Hour).Format(time.RFC3339Nano)}
		for w, err := range world.dev.Workouts.List(ctx, req) {
			check(t, err)
			found = append(found, w)
		}
		return found
	}
	found := list(sent)
	if len(found) != 1 || len(list(found[0].GetStartTime().AsTime())) != 1 {
		t.Errorf("from the start that was sent: %v", found)
	}
}

// Every list ends with the error type of this package.
func TestListsEndWithAnError(t *testing.T) {
	_, base := newProxy(t)
	c := newClient(t, base, openwearables.WithAPIKey("ow_live_x"))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{t.Context(), canceled} {
		var errs []error
		for _, err := range c.Sessions.List(ctx) {
			errs = append(errs, err)
		}
		for _, err := range c.Keys.List(ctx, nil) {
			errs = append(errs, err)
		}
		for _, err := range c.Applications.List(ctx) {
			errs = append(errs, err)
		}
		for _, err := range c.Users.List(ctx, nil) {
			errs = append(errs, err)
		}
		for _, err := range c.Workouts.List(ctx, nil) {
			errs = append(errs, err)
		}
		if len(errs) != 5 {
			t.Errorf("%d errors of 5 lists", len(errs))
		}
		for _, err := range errs {
			if e := (*openwearables.Error)(nil); !errors.As(err, &e) || ctx == canceled && !errors.Is(err, context.Canceled) {
				t.Errorf("%T: %v", err, err)
			}
		}
	}
}
