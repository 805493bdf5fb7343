package scenario_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// mintedWorld is a developer with three sessions, each of which minted a user's session, and user
// sessions that no end of these may touch.
type mintedWorld struct {
	sessionFactory
	sessions  map[string]*clientSession // "a", "b" and "c"
	minted    map[string]*clientSession // by the name of the session that minted it
	untouched map[string]*clientSession
}

func (m sessionFactory) mintedWorld(t *testing.T) *mintedWorld {
	t.Helper()
	w := &mintedWorld{sessionFactory: m, sessions: map[string]*clientSession{}, minted: map[string]*clientSession{}}
	user := m.newUser(t)
	for _, name := range []string{"a", "b", "c"} {
		s := m.openDeveloper(t)
		w.sessions[name] = s
		w.minted[name] = s.mint(t, user, bearer(s.access[0]), nil)
		w.minted[name].rotate(t, "")
	}
	other := *m.n
	other.email, other.password = strings.ToLower(passphrase())+"@example.com", passphrase()
	m.n.addDeveloper(other.email, other.password)
	colleague := sessionFactory{&other, m.d, m.key, m.clock}.openDeveloper(t)
	s := w.sessions["a"]
	appID, secret := m.n.newApp(t, m.d, s.access[0])
	w.untouched = map[string]*clientSession{
		"by a key": m.openFor(t, user), "the colleague's": colleague,
		"by a colleague":    s.mint(t, user, bearer(colleague.access[0]), nil),
		"by an application": s.mint(t, user, func(*http.Request) {}, args{"app_id": appID, "app_secret": secret}),
	}
	return w
}

// wantEnded fails the test unless exactly the named sessions, and the tokens of the named minters,
// have ended.
func (w *mintedWorld) wantEnded(t *testing.T, sessions, minters string) {
	t.Helper()
	check := func(c *clientSession, ended bool) {
		if ended {
			c.wantEnded(t)
			return
		}
		c.wantAccepted(t)
		c.rotate(t, "")
		c.wantAccepted(t)
	}
	for _, name := range slices.Sorted(maps.Keys(w.sessions)) {
		check(w.sessions[name], strings.Contains(sessions, name))
		check(w.minted[name], strings.Contains(minters, name))
	}
	for _, c := range w.untouched {
		check(c, false)
	}
}

// TestMintedTokensEndWithTheirMinter ends sessions of a developer in every way. The user tokens that
// an ended session minted are refused from the answer on, refresh included.
func TestMintedTokensEndWithTheirMinter(t *testing.T) {
	t.Parallel()
	call := func(operation string, in func(w *mintedWorld) args) func(*testing.T, *mintedWorld) {
		return func(t *testing.T, w *mintedWorld) {
			if a := w.d.call(t, operation, in(w), bearer(w.sessions["a"].access[0])); a.Status >= 300 {
				t.Fatalf("%s is %d %s", operation, a.Status, a.Reason)
			}
		}
	}
	nothing := func(*mintedWorld) args { return nil }
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		for name, c := range map[string]struct {
			end               func(*testing.T, *mintedWorld)
			sessions, minters string
		}{
			"Logout":                     {call("Logout", nothing), "a", "a"},
			"RevokeSession":              {call("RevokeSession", func(w *mintedWorld) args { return args{"id": sessionID(t, w.sessions["b"])} }), "b", "b"},
			"RevokeToken":                {call("RevokeToken", func(w *mintedWorld) args { return args{"refresh_token": w.sessions["b"].current()} }), "b", "b"},
			"RevokeToken, access token":  {call("RevokeToken", func(w *mintedWorld) args { return args{"refresh_token": w.sessions["c"].access[0]} }), "c", "c"},
			"RevokeOtherSessions":        {call("RevokeOtherSessions", nothing), "bc", "bc"},
			"ChangePassword":             {changePassword, "bc", "bc"},
			"a refresh token used twice": {reuseToken, "b", "b"},
			"SetPassword":                {setPassword, "abc", "abc"},
			"Disable":                    {disable, "abc", "abc"},
			"Delete":                     {deleteDeveloper, "abc", "abc"},
		} {
			t.Run(name, func(t *testing.T) {
				own := *m.n // a developer of its own
				own.email, own.password = strings.ToLower(passphrase())+"@example.com", passphrase()
				m.n.addDeveloper(own.email, own.password)
				w := sessionFactory{&own, m.d, m.key, m.clock}.mintedWorld(t)
				c.end(t, w)
				w.wantEnded(t, c.sessions, c.minters)
			})
		}
	})
}

func changePassword(t *testing.T, w *mintedWorld) {
	next := passphrase()
	in := args{"current_password": w.n.password, "new_password": next, "confirm_password": next}
	w.d.call(t, "ChangePassword", in, bearer(w.sessions["a"].access[0])).want(t, 200, "")
}

func reuseToken(t *testing.T, w *mintedWorld) {
	s := w.sessions["b"]
	s.rotate(t, "")
	s.rotate(t, "")
	s.present(t, s.refresh[0], "").want(t, 401, "refresh_token_reused")
}

func setPassword(t *testing.T, w *mintedWorld) {
	if err := w.n.server.Auth().Developers.SetPassword(t.Context(), w.n.email, passphrase()); err != nil {
		t.Fatal(err)
	}
}

func disable(t *testing.T, w *mintedWorld) {
	if err := w.n.server.Auth().Developers.Disable(t.Context(), w.n.email); err != nil {
		t.Fatal(err)
	}
}

func deleteDeveloper(t *testing.T, w *mintedWorld) {
	if err := w.n.server.Auth().Developers.Delete(t.Context(), w.n.email); err != nil {
		t.Fatal(err)
	}
}

// TestMintedTokensWithoutAMinterEnd checks the user sessions of a release that does not store which
// session minted them: whatever ends all other sessions of the developer ends them too.
func TestMintedTokensWithoutAMinterEnd(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		user := m.newUser(t)
		for name, end := range map[string]func(*testing.T, *mintedWorld){
			"RevokeOtherSessions": func(t *testing.T, w *mintedWorld) {
				w.d.call(t, "RevokeOtherSessions", nil, bearer(w.sessions["a"].access[0])).want(t, 204, "")
			},
			"ChangePassword": changePassword,
			"Disable":        disable,
		} {
			t.Run(name, func(t *testing.T) {
				own := *m.n
				own.email, own.password = strings.ToLower(passphrase())+"@example.com", passphrase()
				m.n.addDeveloper(own.email, own.password)
				f := sessionFactory{&own, m.d, m.key, m.clock}
				a := f.openDeveloper(t)
				minted := a.mint(t, user, bearer(a.access[0]), nil)
				m.n.exec(t, "UPDATE sessions SET minted_by = NULL WHERE minted_by = $1", sessionID(t, a))
				minted.wantAccepted(t)
				end(t, &mintedWorld{sessionFactory: f, sessions: map[string]*clientSession{"a": a}})
				minted.wantEnded(t)
			})
		}
	})
}

// TestEndOfMintedTokensIsAudited checks that the end of what a session minted is recorded once.
func TestEndOfMintedTokensIsAudited(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.roundRobin()
	m := newSessionFactory(t, n, d, nil)
	user := m.newUser(t)
	a, b, c := m.openDeveloper(t), m.openDeveloper(t), m.openDeveloper(t)
	for _, s := range []*clientSession{b, b, c, c} {
		s.mint(t, user, bearer(s.access[0]), nil)
	}
	me, as := "developer:"+d.call(t, "GetMe", nil, bearer(a.access[0])).str("id"), bearer(a.access[0])
	d.call(t, "RevokeSession", args{"id": sessionID(t, b)}, as).want(t, 204, "")
	d.call(t, "RevokeOtherSessions", nil, as).want(t, 204, "")
	count := map[string]int{}
	for _, r := range n.auditRows(t) {
		if r.action == "token.revoke" {
			count[r.outcome+" "+r.actor+" "+r.subject]++
		}
	}
	want := map[string]int{"ok " + me + " session:" + sessionID(t, b): 1, "ok " + me + " " + me: 1}
	if !maps.Equal(count, want) {
		t.Errorf("the ends of minted tokens are recorded as %v, want %v", count, want)
	}
}

// openByDeveloper opens a session of a new user, minted by a session of the developer whose access
// token is the minter.
func (m sessionFactory) openByDeveloper(t *testing.T) mintedSession {
	t.Helper()
	access, c := m.openDeveloper(t).access[0], &clientSession{d: m.d, user: m.newUser(t)}
	mint := func(t *testing.T) answer {
		return m.d.call(t, "CreateUserToken", args{"user_id": c.user}, bearer(access))
	}
	c.record(mint(t).want(t, 200, ""))
	return mintedSession{c, access, mint}
}
