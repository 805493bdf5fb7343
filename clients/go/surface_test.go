package openwearables_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
	"github.com/openwearables/openwearables/clients/go/openwearablestest"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// A sequence of which nothing is sent ends with its context too.
func TestUpsertAllEndsWithItsContextWhileItSendsNothing(t *testing.T) {
	t.Parallel()
	c := newClient(t, world.url, openwearables.WithAPIKey("k"))
	ctx, cancel := context.WithCancel(t.Context())
	taken := 0
	report, err := c.Workouts.UpsertAll(ctx, nowhere, func(yield func(*owv1.WorkoutInput) bool) {
		for yield(nil) {
			if taken++; taken == 1500 {
				cancel()
			}
		}
	})
	if !openwearables.IsCanceled(err) || taken != 1500 || report.Done != 1000 || report.Rejections != 1000 {
		t.Errorf("after %d workouts: %v, done %d, rejected %d", taken, err, report.Done, report.Rejections)
	}
}

// WithRetries holds for the calls that mint tokens, too.
func TestRetriesOfCallsThatMintTokens(t *testing.T) {
	t.Parallel()
	s := openwearablestest.NewServer()
	t.Cleanup(s.Close)
	user, app := s.NewUser(""), s.NewApp()
	for _, retries := range []int{0, 1} {
		for method, call := range map[string]func(openwearables.Option) error{
			"CreateUserToken": func(o openwearables.Option) error {
				return second(newClient(t, s.URL, o).Tokens.Exchange(t.Context(), user, app))
			},
			"Login": func(o openwearables.Option) error {
				return second(openwearables.Login(t.Context(), s.URL, s.Email, s.Password, o))
			},
		} {
			before := len(s.Requests())
			s.Fail(9, openwearablestest.Fault{Status: 503}, method)
			if err := call(openwearables.WithRetries(retries)); !openwearables.IsUnavailable(err) {
				t.Errorf("%s: %v", method, err)
			}
			if n := len(s.Requests()) - before; n != 1+retries {
				t.Errorf("%s with %d retries: %d requests", method, retries, n)
			}
			s.Heal()
		}
	}
	s.Fail(0, openwearablestest.Fault{Status: 503})
	check(t, second(newClient(t, s.URL).Tokens.Exchange(t.Context(), user, app)))
}

// A transport that breaks the rules of http.RoundTripper is an error, and no panic in the
// renewal, which runs for nobody.
func TestTransportWithoutAResponse(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]*http.Response{
		"nothing": nil, "no body": {StatusCode: http.StatusOK}, "no header": {StatusCode: http.StatusServiceUnavailable, Body: http.NoBody},
	} {
		rt := openwearables.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
			if made == nil {
				return nil, nil
			}
			res := *made
			return &res, nil
		}))
		keyed := newClient(t, world.url, openwearables.WithAPIKey("k"), rt, openwearables.WithRetries(0))
		if _, err := keyed.Sessions.Me(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
		session := newClient(t, world.url, rt, openwearables.WithStore(seeded(t, world.url, newPerson(t).pair, expired)))
		if _, _, err := session.Token(t.Context()); err == nil || openwearables.IsSessionExpired(err) {
			t.Errorf("%s, renewing: %v", name, err)
		}
	}
}

// What a gateway asks for is on every request if a transport sets it, and WithHeader is on
// those of the call alone. The log numbers the attempts of a renewal.
func TestHeadersOfRenewals(t *testing.T) {
	t.Parallel()
	proxy, base := newProxy(t)
	p, log := newPerson(t), new(buffer)
	var mu sync.Mutex
	seen := map[string]string{}
	c := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)),
		openwearables.WithLogger(slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		openwearables.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			r.Header.Set("X-Gateway", "every request")
			mu.Lock()
			seen[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]] = r.Header.Get("X-Gateway") + ", " + r.Header.Get("X-Call")
			mu.Unlock()
			return http.DefaultTransport.RoundTrip(r)
		})))
	proxy.Rules(faultproxy.Rule{Method: "RefreshToken", Fault: faultproxy.Answer, Status: 503, Times: 1})
	_, err := c.Users.Get(openwearables.WithHeader(t.Context(), "X-Call", "the call"), p.id)
	check(t, err)
	mu.Lock()
	defer mu.Unlock()
	if seen["RefreshToken"] != "every request, " || seen["GetUser"] != "every request, the call" {
		t.Errorf("seen %q", seen)
	}
	lines := log.lines(t)
	if len(lines) != 3 || lines[0].Attempt != 1 || lines[1].Attempt != 2 || !strings.HasSuffix(lines[1].Method, "/RefreshToken") || lines[2].Attempt != 1 {
		t.Errorf("logged %+v", lines)
	}
}

// A session that is due, and whose store cannot be read, asks the store now and then, not
// with every call.
func TestUnreadableStoreIsAskedNowAndThen(t *testing.T) {
	t.Parallel()
	p, clock, seen := newPerson(t), new(openwearables.Clock), new(events)
	store := &faultyStore{Store: seeded(t, world.url, p.pair, fresh)}
	c := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithClock(clock), seen.option())
	_, _, err := c.Token(t.Context())
	check(t, err)
	clock.Advance(p.pair.ExpiresIn - 40*time.Second)
	store.set("load_fails")
	for step := 1; step <= 3; step++ {
		for range 200 {
			_, _, err := c.Token(t.Context())
			check(t, err)
			time.Sleep(100 * time.Microsecond)
		}
		eventually(t, "the event", func() bool { return seen.of(openwearables.EventStorageError) >= step })
		time.Sleep(20 * time.Millisecond)
		if n := seen.of(openwearables.EventStorageError); n != step {
			t.Fatalf("%d events after %d times 200 calls", n, step)
		}
		clock.Advance(6 * time.Second)
	}
	store.set("")
	_, _, err = c.Token(t.Context())
	check(t, err)
	eventually(t, "the renewal", func() bool { return seen.of(openwearables.EventTokenRefreshed) == 1 })
}
