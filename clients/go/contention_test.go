package openwearables_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

// countUp replaces a number in a file by the next one, n times for each of four stores.
func countUp(ctx context.Context, path string, n int) error {
	failed := make(chan error, 4)
	for range cap(failed) {
		go func() {
			store, err := openwearables.FileStore(path), error(nil)
			for done := 0; done < n && err == nil; {
				var raw []byte
				if raw, err = store.Load(ctx); err == nil {
					var saved bool
					i, _ := strconv.Atoi(string(raw))
					if saved, err = store.Save(ctx, []byte(strconv.Itoa(i+1)), raw); saved {
						done++
					}
				}
			}
			failed <- err
		}()
	}
	var err error
	for range cap(failed) {
		if e := <-failed; e != nil {
			err = e
		}
	}
	return err
}

// Of the stores on one file, in three processes, each replaces the record that it expects
// and no other one.
func TestFileStoreReplacesWhatItExpects(t *testing.T) {
	t.Parallel()
	const each = 20
	path := filepath.Join(t.TempDir(), "session.json")
	var all []*child
	for range 2 {
		all = append(all, spawn(t, job{Path: path, Count: each}))
	}
	for _, c := range all {
		c.begin()
	}
	check(t, countUp(t.Context(), path, each))
	for _, c := range all {
		if line := c.line(); line != "ok" {
			t.Errorf("a process says %q", line)
		}
		_ = c.cmd.Wait()
	}
	raw, err := openwearables.FileStore(path).Load(t.Context())
	if want := strconv.Itoa(3 * 4 * each); err != nil || string(raw) != want {
		t.Errorf("%s records were saved, and %s count, %v", want, raw, err)
	}
}

// userOf returns the id of the user whose session a store holds, "" if it holds none.
func userOf(t *testing.T, s openwearables.Store) string {
	t.Helper()
	raw, err := s.Load(t.Context())
	check(t, err)
	var r struct {
		Access string `json:"access_token"`
	}
	if raw != nil {
		check(t, json.Unmarshal(raw, &r))
	}
	return openwearables.SubjectOf(r.Access)
}

// A renewal that began before a sign-in or a sign-out brings nothing back, in this process
// or in another one, and what it fetched is revoked.
func TestRenewalLosesToSignInAndSignOut(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"here", "in another process"} {
		for _, out := range []bool{false, true} {
			t.Run(fmt.Sprint(where, ", sign-out ", out), func(t *testing.T) {
				t.Parallel()
				proxy, base := newProxy(t)
				old, p := newPerson(t), newPerson(t)
				path := filepath.Join(t.TempDir(), "session.json")
				store := openwearables.FileStore(path)
				_, err := store.Save(t.Context(), storedRecord(t, base, old.pair, expired), nil)
				check(t, err)
				proxy.Rules(faultproxy.Rule{Method: "RefreshToken", Fault: faultproxy.HoldAnswer, Times: 1})
				c := newClient(t, base, openwearables.WithStore(store))
				renewed := make(chan string, 1)
				if where == "here" {
					go func() {
						_, err := c.Users.Get(t.Context(), p.id)
						renewed <- fmt.Sprint(err)
					}()
				} else {
					other := spawn(t, job{Base: base, Path: path, User: p.id})
					other.begin()
					go func() { renewed <- other.line() }()
				}
				eventually(t, "the refresh is held", func() bool { return proxy.Report().Held == 1 })
				want := p.id
				if out {
					want = ""
					check(t, c.SignOut(t.Context()))
				} else {
					check(t, c.SignIn(t.Context(), p.pair))
				}
				proxy.Release()
				said := <-renewed
				if ok := said == "ok" || said == "<nil>"; ok == out {
					t.Errorf("the call of the renewal ends with %s", said)
				}
				if got := userOf(t, store); got != want {
					t.Errorf("the store holds the session of %q, want %q", got, want)
				}
				if _, err := c.Users.Get(t.Context(), p.id); (err == nil) == out {
					t.Errorf("afterwards: %v", err)
				}
				eventually(t, "the old session is revoked", func() bool {
					_, err := direct(t, old.pair.Access.Reveal()).Users.Get(t.Context(), old.id)
					return openwearables.IsUnauthenticated(err)
				})
			})
		}
	}
}

// A renewal that begins while a sign-in or a sign-out writes to the store waits for it: it
// does not take the record of before for that of another process.
func TestRenewalWaitsForSignInAndSignOut(t *testing.T) {
	t.Parallel()
	for method, out := range map[string]bool{"save": false, "clear": true} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			old, p, clock, seen := newPerson(t), newPerson(t), new(openwearables.Clock), new(events)
			inner := seeded(t, world.url, old.pair, fresh)
			store := newStuckStore(t, inner)
			store.stuck.Store(method)
			c := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithClock(clock), seen.option())
			second := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithClock(clock)) // of the same session
			entered := make(chan error, 1)
			go func() {
				if out {
					entered <- c.SignOut(t.Context())
				} else {
					entered <- c.SignIn(t.Context(), p.pair)
				}
			}()
			eventually(t, "it writes", func() bool { return store.calls.Load() == 1 })
			clock.Advance(2 * p.pair.ExpiresIn) // so that the next call renews
			called := make(chan error, 1)
			go func() {
				_, err := second.Users.Get(t.Context(), p.id)
				called <- err
			}()
			time.Sleep(100 * time.Millisecond) // for a renewal that does not wait
			store.release()
			check(t, <-entered)
			if err := <-called; out != openwearables.IsUnauthenticated(err) || !out && err != nil {
				t.Errorf("err = %v", err)
			}
			want := p.id
			if out {
				want = ""
			}
			if got := userOf(t, inner); got != want {
				t.Errorf("the store holds the session of %q, want %q", got, want)
			}
			for _, e := range seen.all() {
				if e.Other {
					t.Errorf("the record of before counts as of another process: %v", e.Type)
				}
			}
		})
	}
}

// Clients sign different people in at the same time, here and as other processes, while all
// renew what they find. Each round ends with a session of that round, and all have it.
func TestSignInsAndRenewalsContend(t *testing.T) {
	t.Parallel()
	const processes, rounds = 6, 5
	clock := new(openwearables.Clock)
	path := filepath.Join(t.TempDir(), "session.json")
	var clients []*openwearables.Client
	for range processes {
		// Each has a store of its own, and two clients share a session.
		opts := []openwearables.Option{openwearables.WithStore(openwearables.FileStore(path)), openwearables.WithClock(clock)}
		clients = append(clients, newClient(t, world.url, opts...), newClient(t, world.url, append(opts, openwearables.AsProcess())...))
	}
	check(t, clients[0].SignIn(t.Context(), newPerson(t).pair))
	for round := range rounds {
		clock.Advance(time.Hour * 24)
		people := map[string]bool{}
		var group sync.WaitGroup
		for i, c := range clients {
			if i%3 == 0 {
				p := newPerson(t)
				people[p.id] = true
				group.Go(func() { check(t, c.SignIn(t.Context(), p.pair)) })
			}
			group.Go(func() {
				if _, _, err := c.Token(t.Context()); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		group.Wait()
		got := userOf(t, openwearables.FileStore(path))
		if !people[got] {
			t.Errorf("round %d: the store holds the session of an earlier one", round)
		}
		clock.Advance(time.Hour * 24)
		for i, c := range clients {
			access, _, err := c.Token(t.Context())
			check(t, err)
			if user := openwearables.SubjectOf(access.Reveal()); user != got {
				t.Errorf("round %d: client %d has the session of another user", round, i)
			}
		}
	}
}

// A sign-in that could not be saved is not lost to another process that renews the session
// of before.
func TestUnsavedSignInIsNotLostToARenewal(t *testing.T) {
	t.Parallel()
	old, p, clock := newPerson(t), newPerson(t), new(openwearables.Clock)
	inner := seeded(t, world.url, old.pair, expired)
	store := &faultyStore{Store: inner}
	c := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithClock(clock))
	other := newClient(t, world.url, openwearables.WithStore(inner), openwearables.WithClock(clock), openwearables.AsProcess())
	store.set("save_fails")
	check(t, c.SignIn(t.Context(), p.pair))
	before, err := inner.Load(t.Context())
	check(t, err)
	_, err = other.Users.Get(t.Context(), old.id)
	check(t, err)
	if after, err := inner.Load(t.Context()); err != nil || bytes.Equal(after, before) {
		t.Fatalf("the other process has not renewed: %v", err)
	}
	store.set("")
	for range 2 {
		clock.Advance(6 * time.Second)
		_, err = c.Users.Get(t.Context(), p.id)
		check(t, err)
	}
	eventually(t, "the sign-in is saved", func() bool { return userOf(t, inner) == p.id })
	clock.Advance(2 * p.pair.ExpiresIn)
	_, err = other.Users.Get(t.Context(), p.id)
	check(t, err)
}

// runCounter is the job of a process that counts.
func runCounter(j job, in *bufio.Reader) int {
	if _, err := in.ReadString('\n'); err != nil {
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := countUp(ctx, j.Path, j.Count); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ok")
	return 0
}
