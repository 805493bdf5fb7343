package openwearables_test

import (
	"context"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// A session that was renewed but could not be saved ends like any other one when the server
// has revoked it.
func TestUnsavedSessionEnds(t *testing.T) {
	for _, fault := range []string{"save_fails", "save_throws"} {
		t.Run(fault, func(t *testing.T) {
			proxy, base := newProxy(t)
			p, seen := newPerson(t), new(events)
			store := &faultyStore{Store: seeded(t, base, p.pair, expired)}
			store.set(fault)
			c := newClient(t, base, openwearables.WithStore(store), openwearables.WithTimeout(5*time.Second), seen.option())
			_, err := c.Users.Get(t.Context(), p.id)
			check(t, err)
			check(t, world.dev.Tokens.RevokeAll(t.Context(), p.id))
			for range 2 {
				if _, err := c.Users.Get(t.Context(), p.id); !openwearables.IsSessionExpired(err) {
					t.Errorf("err = %v", err)
				}
			}
			if n := proxy.Report().Requests["RefreshToken"]; n > 2 {
				t.Errorf("%d refreshes", n)
			}
			eventually(t, "the event", func() bool { return seen.of(openwearables.EventSessionExpired) == 1 })
		})
	}
}

// An unsaved session whose token is due is renewed before it expires.
func TestUnsavedSessionIsRenewedWhenDue(t *testing.T) {
	proxy, base := newProxy(t)
	p, clock := newPerson(t), new(openwearables.Clock)
	store := &faultyStore{Store: seeded(t, base, p.pair, expired)}
	store.set("save_fails")
	c := newClient(t, base, openwearables.WithStore(store), openwearables.WithClock(clock))
	_, _, err := c.Token(t.Context())
	check(t, err)
	clock.Advance(p.pair.ExpiresIn - 20*time.Second)
	_, _, err = c.Token(t.Context())
	check(t, err)
	eventually(t, "a refresh", func() bool { return proxy.Report().Requests["RefreshToken"] == 2 })
}

// The end of a session that was never saved leaves the record of another user, or of
// another base URL, in the store.
func TestEndOfAnUnsavedSessionLeavesAnothersRecord(t *testing.T) {
	for name, of := range map[string]string{"user": world.url, "base URL": "https://elsewhere.example.com"} {
		t.Run(name, func(t *testing.T) {
			a, b := newPerson(t), newPerson(t)
			record := storedRecord(t, of, b.pair, fresh)
			inner := openwearables.MemoryStore()
			if ok, err := inner.Save(t.Context(), record, nil); !ok || err != nil {
				t.Fatal(ok, err)
			}
			store := &faultyStore{Store: inner}
			store.set("save_fails")
			asked := 0
			c := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithUserID(a.id), openwearables.WithTokenProvider(
				func(context.Context, openwearables.TokenRequest) (openwearables.TokenPair, error) {
					if asked++; asked > 1 {
						return openwearables.TokenPair{}, openwearables.ErrSignInRequired
					}
					return a.pair, nil
				}))
			_, err := c.Users.Get(t.Context(), a.id)
			check(t, err)
			check(t, world.dev.Tokens.RevokeAll(t.Context(), a.id))
			if _, err := c.Users.Get(t.Context(), a.id); !openwearables.IsSessionExpired(err) {
				t.Errorf("err = %v", err)
			}
			wantStored(t, inner, record)
		})
	}
}
