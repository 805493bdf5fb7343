package openwearables_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// stores returns a store of each kind that holds record.
func stores(t *testing.T, record []byte) map[string]openwearables.Store {
	t.Helper()
	all := map[string]openwearables.Store{
		"memory": openwearables.MemoryStore(),
		"file":   openwearables.FileStore(filepath.Join(t.TempDir(), "session.json")),
	}
	for _, s := range all {
		if ok, err := s.Save(t.Context(), record, nil); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	return all
}

// backend is the app's own: it signs everyone in and records who asked.
type backend struct {
	ids   map[string]string // of the installation, by the app's names
	asked []string
}

func (b *backend) provide(ctx context.Context, r openwearables.TokenRequest) (openwearables.TokenPair, error) {
	b.asked = append(b.asked, r.UserID)
	return world.dev.Tokens.Create(ctx, b.ids[r.UserID])
}

// reads returns whose data the client reads, "" if nobody is signed in.
func reads(t *testing.T, c *openwearables.Client) string {
	t.Helper()
	token, _, err := c.Token(t.Context())
	if openwearables.IsUnauthenticated(err) {
		return ""
	}
	check(t, err)
	id := subject(token.Reveal())
	_, err = c.Users.Get(t.Context(), id)
	check(t, err)
	return id
}

func wantStored(t *testing.T, s openwearables.Store, want []byte) {
	t.Helper()
	if got, err := s.Load(t.Context()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the store holds %d bytes (%v), want the %d of before", len(got), err, len(want))
	}
}

// A second account on the store of the first one is signed in as itself.
func TestAnotherUsersSessionIsNotUsed(t *testing.T) {
	a, b := newPerson(t), newPerson(t)
	record := storedRecord(t, world.url, a.pair, fresh)
	for name, store := range stores(t, record) {
		t.Run(name, func(t *testing.T) {
			app := &backend{ids: map[string]string{a.id: a.id, b.id: b.id}}
			with := func(user string, more ...openwearables.Option) *openwearables.Client {
				return newClient(t, world.url, append(more, openwearables.WithStore(store), openwearables.WithUserID(user))...)
			}
			alone := with(b.id, openwearables.AsProcess())
			if got := reads(t, alone); got != "" {
				t.Fatalf("b is signed in as %q", got)
			}
			check(t, alone.SignOut(t.Context()))
			wantStored(t, store, record)
			if got := reads(t, with(a.id)); got != a.id {
				t.Errorf("a is signed in as %q", got)
			}
			provider := openwearables.WithTokenProvider(app.provide)
			if got := reads(t, with(b.id, provider)); got != b.id || !slices.Equal(app.asked, []string{b.id}) {
				t.Errorf("b is signed in as %q, the provider was asked for %q", got, app.asked)
			}
			if got := reads(t, with(a.id, openwearables.AsProcess())); got != "" {
				t.Errorf("after b's sign-in a is signed in as %q", got)
			}
			if got := reads(t, newClient(t, world.url, openwearables.WithStore(store), openwearables.AsProcess())); got != b.id {
				t.Errorf("whoever is signed in is %q, want b", got)
			}
		})
	}
}

// The app's own name for a user stays with the session, also through a renewal by a
// client that asks for nobody.
func TestAppsNameOfTheUserStaysWithTheSession(t *testing.T) {
	a := newPerson(t)
	app := &backend{ids: map[string]string{"alice": a.id}}
	store, clock := openwearables.WithStore(openwearables.MemoryStore()), new(openwearables.Clock)
	alice := []openwearables.Option{store, openwearables.WithUserID("alice"), openwearables.WithClock(clock), openwearables.WithTokenProvider(app.provide)}
	if got := reads(t, newClient(t, world.url, alice...)); got != a.id {
		t.Fatalf("signed in as %q", got)
	}
	clock.Advance(2 * time.Hour)
	if got := reads(t, newClient(t, world.url, store, openwearables.WithClock(clock), openwearables.AsProcess())); got != a.id {
		t.Fatalf("renewed as %q", got)
	}
	if got := reads(t, newClient(t, world.url, append(alice, openwearables.AsProcess())...)); got != a.id || len(app.asked) != 1 {
		t.Errorf("signed in as %q, the provider was asked %d times", got, len(app.asked))
	}
	if got := reads(t, newClient(t, world.url, store, openwearables.WithUserID(a.id))); got != "" {
		t.Errorf("by another name: signed in as %q", got)
	}
}

// A session of another base URL counts as none. It stays until somebody signs in.
func TestAnotherBaseURLsSessionCountsAsNone(t *testing.T) {
	record := storedRecord(t, "https://elsewhere.example.com", newPerson(t).pair, fresh)
	for name, store := range stores(t, record) {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, world.url, openwearables.WithStore(store))
			if got := reads(t, c); got != "" {
				t.Fatalf("signed in as %q", got)
			}
			check(t, c.SignOut(t.Context()))
			wantStored(t, store, record)
			_, err := openwearables.Login(t.Context(), world.url, world.email, "wrong", openwearables.WithStore(store))
			if !openwearables.IsUnauthenticated(err) {
				t.Errorf("wrong password: %v", err)
			}
			wantStored(t, store, record)
			_, err = openwearables.Login(t.Context(), world.url, world.email, world.password, openwearables.WithStore(store))
			check(t, err)
			s := newClient(t, world.url, openwearables.WithStore(store), openwearables.AsProcess())
			me, err := s.Sessions.Me(t.Context())
			if err != nil || me.GetEmail() != world.email {
				t.Errorf("signed in as %v, %v", me, err)
			}
		})
	}
}

// A provider's session that the store refuses at first replaces the other user's record
// when the store works again.
func TestSessionIsSavedOverAnotherUsersLater(t *testing.T) {
	a, b := newPerson(t), newPerson(t)
	app := &backend{ids: map[string]string{b.id: b.id}}
	store, clock := &faultyStore{Store: seeded(t, world.url, a.pair, fresh)}, new(openwearables.Clock)
	store.set("save_fails")
	c := newClient(t, world.url, openwearables.WithStore(store), openwearables.WithUserID(b.id), openwearables.WithClock(clock), openwearables.WithTokenProvider(app.provide))
	if got := reads(t, c); got != b.id {
		t.Fatalf("signed in as %q", got)
	}
	store.set("")
	clock.Advance(6 * time.Second)
	eventually(t, "the session saved", func() bool {
		reads(t, c)
		return reads(t, newClient(t, world.url, openwearables.WithStore(store), openwearables.WithUserID(b.id), openwearables.AsProcess())) == b.id
	})
	if len(app.asked) != 1 {
		t.Errorf("the provider was asked %d times", len(app.asked))
	}
}

// A record of an earlier version, which does not name its user, is the session of whoever
// asks first by a name that is not the server's, and of its subject.
func TestRecordWithoutAUserIsTakenOver(t *testing.T) {
	a, b := newPerson(t), newPerson(t)
	for asked, want := range map[string]string{"alice": a.id, "Alice@example.com": a.id, a.id: a.id, b.id: "", strings.ToUpper(b.id): ""} {
		t.Run(asked, func(t *testing.T) {
			p := newPerson(t)
			if want == a.id {
				want = p.id
			}
			if asked == a.id {
				asked = p.id
			}
			store := openwearables.WithStore(seeded(t, world.url, p.pair, expired))
			as := func(user string) string {
				return reads(t, newClient(t, world.url, store, openwearables.WithUserID(user), openwearables.AsProcess()))
			}
			if got := as(asked); got != want {
				t.Fatalf("signed in as %q, want %q", got, want)
			}
			if got := as("carol"); got != "" && want != "" {
				t.Errorf("after the renewal carol is signed in as %q", got)
			}
			if got := as(asked); got != want {
				t.Errorf("after the renewal: signed in as %q, want %q", got, want)
			}
		})
	}
}

func TestUserIDNeedsASession(t *testing.T) {
	user := openwearables.WithUserID("u")
	for name, opts := range map[string][]openwearables.Option{
		"empty": {openwearables.WithUserID("")}, "long": {openwearables.WithUserID(string(make([]byte, 256)))},
		"no session": {user}, "API key": {user, openwearables.WithAPIKey("ow_live_x")},
	} {
		if _, err := openwearables.New(world.url, opts...); !openwearables.IsInvalid(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A developer who signs in on the store of another one, or in the same process, does not
// take over the clients of the other one.
func TestSecondLoginLeavesTheFirstDevelopersClientAlone(t *testing.T) {
	const second = "Second.Developer@example.com"
	check(t, world.createDeveloper(second))
	for name, store := range map[string]openwearables.Store{
		"memory": openwearables.MemoryStore(),
		"file":   openwearables.FileStore(filepath.Join(t.TempDir(), "session.json")),
	} {
		for process, opts := range map[string][]openwearables.Option{"same process": nil, "another process": {openwearables.AsProcess()}} {
			t.Run(name+", "+process, func(t *testing.T) {
				login := func(email string, opts ...openwearables.Option) *openwearables.Client {
					c, err := openwearables.Login(t.Context(), world.url, email, world.password, append(opts, openwearables.WithStore(store))...)
					check(t, err)
					return c
				}
				me := func(c *openwearables.Client) string {
					developer, err := c.Sessions.Me(t.Context())
					if err != nil && !openwearables.IsUnauthenticated(err) {
						t.Error(err)
					}
					return developer.GetEmail()
				}
				clock := new(openwearables.Clock)
				alice := login(world.email, openwearables.WithClock(clock))
				bob := login(" "+second+" ", opts...)
				email := strings.ToLower(second)
				if got := me(alice); got != world.email {
					t.Errorf("the first developer's client calls as %q", got)
				}
				clock.Advance(2 * time.Hour)
				if got := me(alice); got != "" {
					t.Errorf("after its token has expired, the first developer's client calls as %q", got)
				}
				for what, c := range map[string]*openwearables.Client{
					"the second": bob, "its address as typed": newClient(t, world.url, openwearables.WithStore(store), openwearables.WithUserID(second)),
				} {
					if got := me(c); !strings.EqualFold(got, email) {
						t.Errorf("%s: calls as %q", what, got)
					}
				}
				raw, err := store.Load(t.Context())
				if err != nil || !bytes.Contains(raw, []byte(`"user_id":"`+email+`"`)) {
					t.Errorf("the record is not %s's: %v", email, err)
				}
			})
		}
	}
}

// A tool that is run for another developer does not find the session of the first one.
func TestAnotherDevelopersSessionIsNotUsed(t *testing.T) {
	store := openwearables.WithStore(openwearables.FileStore(filepath.Join(t.TempDir(), "session.json")))
	me := func(opts ...openwearables.Option) string {
		c := newClient(t, world.url, append(opts, store, openwearables.AsProcess())...)
		developer, err := c.Sessions.Me(t.Context())
		if err != nil && !openwearables.IsUnauthenticated(err) {
			t.Error(err)
		}
		return developer.GetEmail()
	}
	for _, opts := range [][]openwearables.Option{{store}, {store, openwearables.WithUserID(world.email)}} {
		_, err := openwearables.Login(t.Context(), world.url, world.email, world.password, opts...)
		check(t, err)
		if got := me(openwearables.WithUserID(world.email)); got != world.email {
			t.Errorf("signed in as %q", got)
		}
		if got := me(openwearables.WithUserID("other@example.com")); got != "" {
			t.Errorf("another developer is signed in as %q", got)
		}
		if got := me(); got != world.email {
			t.Errorf("whoever is signed in is %q", got)
		}
	}
}
