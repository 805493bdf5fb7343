package openwearables_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

// left returns what an error says of the time to wait.
func left(t *testing.T, err error) time.Duration {
	t.Helper()
	var e *openwearables.Error
	if !errors.As(err, &e) {
		t.Fatalf("err = %v", err)
	}
	return e.RetryAfter
}

func wantLeft(t *testing.T, err error, least, most time.Duration) {
	t.Helper()
	if got := left(t, err); got < least || got > most {
		t.Errorf("%v says to wait %v, want %v to %v", err, got, least, most)
	}
}

// After an outage of a minute a call succeeds two seconds after the server is back.
func TestOutageIsOverTwoSecondsAfterTheServerIsBack(t *testing.T) {
	proxy, base := newProxy(t)
	p, clock := newPerson(t), new(openwearables.Clock)
	c := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)), openwearables.WithClock(clock))
	proxy.Rules(faultproxy.Rule{Method: "*", Fault: faultproxy.Reset})
	for range 60 {
		_, _, err := c.Token(t.Context())
		if !openwearables.IsOffline(err) {
			t.Fatalf("during the outage: %v", err)
		}
		wantLeft(t, err, 1, 2*time.Second)
		clock.Advance(time.Second)
	}
	if n := proxy.Report().Requests["RefreshToken"]; n > 64 {
		t.Errorf("%d refreshes in a minute without an answer", n)
	}
	_, _, _ = c.Token(t.Context()) // the latest failure before the server is back
	proxy.Rules()
	var waited time.Duration
	for ; waited <= 2*time.Second; waited += 100 * time.Millisecond {
		if _, _, err := c.Token(t.Context()); err == nil {
			return
		}
		clock.Advance(100 * time.Millisecond)
	}
	t.Errorf("no success within %v", waited)
}

// A change of the network and a person's call end every cooldown that the server has not
// asked for.
func TestNetworkAndPersonEndACooldown(t *testing.T) {
	offline := faultproxy.Rule{Method: "RefreshToken", Fault: faultproxy.Reset}
	asked := faultproxy.Rule{
		Method: "RefreshToken", Fault: faultproxy.Answer, Status: 503, Code: "unavailable", Reason: "unavailable",
		Headers: map[string]string{"Retry-After": "50"},
	}
	answered := faultproxy.Rule{Method: "RefreshToken", Fault: faultproxy.Answer, Status: 400, Code: "failed_precondition", Reason: "not_now"}
	clicked := openwearables.WithUserInitiated(t.Context())
	network := func(c *openwearables.Client) context.Context {
		c.NetworkChanged()
		return t.Context()
	}
	click := func(*openwearables.Client) context.Context { return clicked }
	for name, c := range map[string]struct {
		rule faultproxy.Rule
		ends bool
		by   func(*openwearables.Client) context.Context
	}{
		"network, offline": {offline, true, network}, "person, offline": {offline, true, click},
		"network, answered": {answered, true, network}, "person, answered": {answered, true, click},
		"network, asked to wait": {asked, false, network}, "person, asked to wait": {asked, false, click},
		"nothing": {offline, false, func(*openwearables.Client) context.Context { return t.Context() }},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, base := newProxy(t)
			p := newPerson(t)
			s := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)), openwearables.WithClock(new(openwearables.Clock)))
			proxy.Rules(c.rule)
			if _, _, err := s.Token(t.Context()); err == nil {
				t.Fatal("no failure")
			}
			proxy.Rules()
			before := proxy.Report().Requests["RefreshToken"]
			_, _, err := s.Token(c.by(s))
			if (err == nil) != c.ends {
				t.Errorf("err = %v", err)
			}
			if sent := proxy.Report().Requests["RefreshToken"] > before; sent != c.ends {
				t.Errorf("a refresh was sent: %v", sent)
			}
			if c.rule.Status == 503 {
				wantLeft(t, err, 40*time.Second, 50*time.Second)
			}
		})
	}
	newClient(t, world.url).NetworkChanged() // without a session
}

// That nobody is signed in is an answer: after the login the next call asks again.
func TestSignInRequiredStartsNoCooldown(t *testing.T) {
	p := newPerson(t)
	signedIn := false
	c := newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()), openwearables.WithTokenProvider(
		func(context.Context, openwearables.TokenRequest) (openwearables.TokenPair, error) {
			if !signedIn {
				return openwearables.TokenPair{}, fmt.Errorf("app: %w", openwearables.ErrSignInRequired)
			}
			return p.pair, nil
		}))
	_, err := c.Users.Get(t.Context(), p.id)
	if !openwearables.IsUnauthenticated(err) || !errors.Is(err, openwearables.ErrSignInRequired) {
		t.Fatalf("before the login: %v", err)
	}
	wantLeft(t, err, 0, 0)
	signedIn = true
	if _, err := c.Users.Get(t.Context(), p.id); err != nil {
		t.Errorf("after the login: %v", err)
	}
}

// The error of a provider says why it failed and what is left of the cooldown, and hides
// a credential. A person's call skips the cooldown, unless a server asked to wait.
func TestProvidersFailureSaysWhyAndHowLong(t *testing.T) {
	token := "eyJ" + strings.Repeat("a", 40)
	limited := &openwearables.Error{Kind: openwearables.KindRateLimited, RetryAfter: 30 * time.Second, Message: "slow down"}
	for name, c := range map[string]struct {
		cause       error
		says        string
		least, most time.Duration
	}{
		"any":       {errors.New("the \x1b[31mbackend is away " + token), "the \ufffd[31mbackend is away eyJ…", 5 * time.Second, 10 * time.Second},
		"offline":   {&url.Error{Op: "Get", URL: "https://app.example", Err: syscall.ECONNREFUSED}, "connection refused", 1, 2 * time.Second},
		"timeout":   {fmt.Errorf("x: %w", context.DeadlineExceeded), "deadline", 1, 2 * time.Second},
		"of an SDK": {limited, "slow down", 29 * time.Second, 30 * time.Second},
		"SDK alone": {&openwearables.Error{Kind: openwearables.KindOffline, Message: "gone"}, "gone", 1, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			asked, clock := 0, new(openwearables.Clock)
			s := newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()), openwearables.WithClock(clock), openwearables.WithTokenProvider(
				func(context.Context, openwearables.TokenRequest) (openwearables.TokenPair, error) {
					asked++
					return openwearables.TokenPair{}, c.cause
				}))
			var e *openwearables.Error
			_, _, err := s.Token(t.Context())
			if !errors.As(err, &e) || !errors.Is(err, c.cause) || e.Reason != openwearables.ReasonProviderFailed ||
				!strings.Contains(e.Message, c.says) || strings.Contains(e.Error(), token) {
				t.Errorf("err = %v", err)
			}
			wantLeft(t, err, c.least, c.most)
			clock.Advance(500 * time.Millisecond)
			_, _, again := s.Token(t.Context())
			if was, is := left(t, err), left(t, again); asked != 1 || is > was-500*time.Millisecond || is < was-time.Second {
				t.Errorf("half a second later: asked %d times, %v left of %v", asked, is, was)
			}
			want := 2
			if c.cause == limited {
				want = 1
			}
			if _, _, _ = s.Token(openwearables.WithUserInitiated(t.Context())); asked != want {
				t.Errorf("a person's call: asked %d times, want %d", asked, want)
			}
			s.NetworkChanged()
			if _, _, err = s.Token(t.Context()); asked != 2*want-1 {
				t.Errorf("on another network: asked %d times, want %d", asked, 2*want-1)
			}
			if c.cause == limited {
				wantLeft(t, err, 28*time.Second, 30*time.Second)
			}
		})
	}
}

// A store's error is told as far as it can be logged.
func TestStoresFailureIsCleaned(t *testing.T) {
	failing := openwearables.WithStore(&panicky{err: errors.New("row\n\x1b]0;x " + "rt_" + strings.Repeat("a", 32) + strings.Repeat(" z", 2000))})
	_, _, err := newClient(t, world.url, failing).Token(t.Context())
	var e *openwearables.Error
	if !errors.As(err, &e) || !openwearables.IsStorageUnavailable(err) || len(e.Message) > 1<<10 ||
		strings.Contains(e.Message, "rt_a") || strings.ContainsAny(e.Message, "\n\x1b") {
		t.Errorf("err = %v", err)
	}
}

// panicky is a store that fails with err.
type panicky struct {
	openwearables.Store
	err error
}

func (p *panicky) Load(context.Context) ([]byte, error) { return nil, p.err }
