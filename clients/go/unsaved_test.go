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

// A sign-in while the store cannot be read counts once it can be read: the record of before
// does not come back, not even that of another user, and a restart finds the new session.
func TestSignInWhileTheStoreCannotBeRead(t *testing.T) {
	for _, fault := range []string{"load_fails", "load_throws"} {
		t.Run(fault, func(t *testing.T) {
			old, p, clock, seen := newPerson(t), newPerson(t), new(openwearables.Clock), new(events)
			inner := seeded(t, world.url, old.pair, fresh)
			store := &faultyStore{Store: inner}
			c := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithClock(clock), seen.option())
			store.set(fault)
			check(t, c.SignIn(t.Context(), p.pair))
			eventually(t, "the event of the store", func() bool { return seen.of(openwearables.EventStorageError) == 1 })
			_, err := c.Users.Get(t.Context(), p.id)
			check(t, err)
			store.set("save_fails") // it can be read, and not yet be written
			clock.Advance(6 * time.Second)
			_, err = c.Users.Get(t.Context(), p.id)
			check(t, err)
			store.set("")
			for range 2 {
				clock.Advance(6 * time.Second)
				_, err = c.Users.Get(t.Context(), p.id)
				check(t, err)
				time.Sleep(50 * time.Millisecond) // for the renewal that nobody waits for
			}
			restarted := newClient(t, world.url, openwearables.WithStore(inner))
			_, err = restarted.Users.Get(t.Context(), p.id)
			check(t, err)
			if n := seen.of(openwearables.EventSignedIn); n != 1 {
				t.Errorf("%d sign-ins", n)
			}
		})
	}
}

// A sign-out while the store cannot be read counts once it can be read: the session that
// the process did not even know does not come back, and is revoked. One that somebody
// starts later is left alone.
func TestSignOutWhileTheStoreCannotBeRead(t *testing.T) {
	p := newPerson(t)
	inner := seeded(t, world.url, p.pair, fresh)
	store := &faultyStore{Store: inner}
	c := newClient(t, world.url, openwearables.WithStore(store))
	store.set("load_fails")
	if err := c.SignOut(t.Context()); !openwearables.IsStorageUnavailable(err) {
		t.Errorf("signing out: %v", err)
	}
	store.set("")
	if _, err := c.Users.Get(t.Context(), p.id); !openwearables.IsUnauthenticated(err) {
		t.Errorf("after signing out: %v", err)
	}
	wantStored(t, inner, nil)
	eventually(t, "the session is revoked", func() bool {
		_, err := direct(t, p.pair.Access.Reveal()).Users.Get(t.Context(), p.id)
		return openwearables.IsUnauthenticated(err)
	})
	next := newPerson(t)
	time.Sleep(5 * time.Millisecond) // records tell the millisecond
	if ok, err := inner.Save(t.Context(), storedRecord(t, world.url, next.pair, fresh), nil); !ok || err != nil {
		t.Fatal(ok, err)
	}
	_, err := c.Users.Get(t.Context(), next.id)
	check(t, err)
}
