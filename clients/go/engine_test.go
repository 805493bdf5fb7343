package openwearables_test

import (
	"context"
	"sync"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

// A thousand calls with an expired token refresh once and all succeed.
func TestThousandCallersShareOneRefresh(t *testing.T) {
	proxy, base := newProxy(t)
	p := newPerson(t)
	c := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	begin := make(chan struct{})
	tokens := make([]string, 1000)
	for i := range tokens {
		wg.Go(func() {
			<-begin
			s, _, err := c.Token(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			tokens[i] = s.Reveal()
			if i%10 == 0 {
				if _, err := c.Users.Get(ctx, p.id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	close(begin)
	wg.Wait()
	for _, token := range tokens {
		if token != tokens[0] {
			t.Fatal("callers got different tokens")
		}
	}
	if r := proxy.Report(); r.Requests["RefreshToken"] != 1 || r.Rotated != 1 {
		t.Fatalf("%d refreshes, %d rotations, want 1", r.Requests["RefreshToken"], r.Rotated)
	}
}

// While the refresh endpoint is down, a hundred callers make at most twelve refresh
// requests a minute together, and nobody is signed out.
func TestRefreshDownForTenMinutesSignsNobodyOut(t *testing.T) {
	proxy, base := newProxy(t)
	p := newPerson(t)
	clock, seen := new(openwearables.Clock), new(events)
	c := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)),
		openwearables.WithClock(clock), seen.option())
	proxy.Rules(faultproxy.Rule{Method: "RefreshToken", Fault: faultproxy.Answer, Status: 503, Code: "unavailable", Reason: "unavailable"})
	var perMinute []int
	for range 10 {
		before := proxy.Report().Requests["RefreshToken"]
		for range 60 {
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if _, _, err := c.Token(t.Context()); !openwearables.IsUnavailable(err) {
						t.Errorf("err = %v", err)
					}
				})
			}
			wg.Wait()
			clock.Advance(time.Second)
		}
		perMinute = append(perMinute, proxy.Report().Requests["RefreshToken"]-before)
	}
	for _, n := range perMinute {
		if n > 12 || n == 0 {
			t.Fatalf("refresh requests by minute: %v, want 1 to 12", perMinute)
		}
	}
	t.Log("refresh requests by minute:", perMinute)
	proxy.Rules()
	clock.Advance(2 * time.Minute)
	if _, _, err := c.Token(t.Context()); err != nil {
		t.Fatalf("after the server came back: %v", err)
	}
	if n := seen.of(openwearables.EventSessionExpired) + seen.of(openwearables.EventSignedOut); n != 0 {
		t.Fatalf("signed out %d times", n)
	}
}

// Whenever a sign-out happens during a refresh, nobody is signed in afterwards and
// the server accepts neither pair.
func TestNobodyIsSignedInAfterASignOut(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	proxy, base := newProxy(t)
	var resurrected, refreshes int
	for i := range rounds {
		p := newPerson(t)
		store := seeded(t, base, p.pair, expired)
		c := newClient(t, base, openwearables.WithStore(store))
		before := proxy.Report().Rotated
		var wg sync.WaitGroup
		got := make(chan string, 1)
		wg.Go(func() {
			token, _, err := c.Token(t.Context())
			if err == nil {
				got <- token.Reveal()
			}
			close(got)
		})
		wg.Go(func() {
			time.Sleep(time.Duration(i%40) * 50 * time.Microsecond)
			if err := c.SignOut(t.Context()); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if _, _, err := c.Token(t.Context()); !openwearables.IsUnauthenticated(err) {
			t.Fatalf("round %d: signed in after the sign-out: %v", i, err)
		}
		if raw, err := store.Load(t.Context()); err != nil || raw != nil {
			resurrected++
		}
		for _, token := range []string{p.pair.Access.Reveal(), <-got} {
			if token == "" {
				continue
			}
			eventually(t, "the token dead", func() bool {
				_, err := direct(t, token).Users.Get(t.Context(), p.id)
				return openwearables.IsUnauthenticated(err)
			})
		}
		refreshes += proxy.Report().Rotated - before
		if i%50 == 0 {
			proxy.Reset()
		}
	}
	t.Logf("%d rounds, %d of them with a rotation", rounds, refreshes)
	if resurrected > 0 {
		t.Fatalf("%d sessions came back", resurrected)
	}
	if refreshes == 0 || refreshes == rounds {
		t.Logf("the interleavings were one-sided")
	}
}
