package scenario_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDeveloperSessionsEnd checks every way to end a developer's sessions. Their tokens are refused
// from the answer on, and no other session is affected.
func TestDeveloperSessionsEnd(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		n, d, developers := m.n, m.d, m.n.server.Auth().Developers
		other := *n
		other.email, other.password = "other@example.com", passphrase()
		n.addDeveloper(other.email, other.password)
		bystander := sessionFactory{&other, d, m.key, m.clock}.openDeveloper(t)
		one, two, three := m.openDeveloper(t), m.openDeveloper(t), m.openDeveloper(t)
		living := func(all ...*clientSession) {
			t.Helper()
			for _, c := range append(all, bystander) {
				c.wantAccepted(t)
			}
		}
		do := func(operation string, in args, status int) {
			t.Helper()
			living(one)
			d.call(t, operation, in, bearer(one.access[0])).want(t, status, "")
		}

		living(one, two, three)
		do("RevokeSession", args{"id": sessionID(t, two)}, 204)
		two.wantEnded(t)
		living(one, three)
		do("RevokeOtherSessions", nil, 204)
		three.wantEnded(t)
		living(one)

		two = m.openDeveloper(t)
		two.rotate(t, "")
		living(one, two)
		next := passphrase()
		do("ChangePassword", args{"current_password": n.password, "new_password": next, "confirm_password": next}, 200)
		n.password = next
		two.wantEnded(t)
		living(one)

		two = m.openDeveloper(t)
		living(one, two)
		n.password = passphrase()
		if err := developers.SetPassword(t.Context(), n.email, n.password); err != nil {
			t.Fatal(err)
		}
		one.wantEnded(t)
		two.wantEnded(t)

		one, two = m.openDeveloper(t), m.openDeveloper(t)
		living(one, two)
		if a := d.call(t, "Logout", nil, bearer(one.access[0])).want(t, 200, ""); a.str("message") != "Successfully logged out" {
			t.Errorf("Logout answers %v", a.Body)
		}
		one.wantEnded(t)
		living(two)

		minted := two.mint(t, m.newUser(t), bearer(two.access[0]), nil)
		minted.wantAccepted(t)
		if err := developers.Disable(t.Context(), n.email); err != nil {
			t.Fatal(err)
		}
		two.wantEnded(t)
		minted.wantEnded(t)
		d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 401, "invalid_credentials")
		if err := developers.Enable(t.Context(), n.email); err != nil {
			t.Fatal(err)
		}
		two.wantEnded(t)
		minted.wantEnded(t)
		three = m.openDeveloper(t)
		minted = three.mint(t, m.newUser(t), bearer(three.access[0]), nil)
		living(three, minted)
		if err := developers.Delete(t.Context(), n.email); err != nil {
			t.Fatal(err)
		}
		three.wantEnded(t)
		minted.wantEnded(t)
		d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 401, "invalid_credentials")
		living()
	})
}

// mint opens a session of the user with a credential or as an application.
func (c *clientSession) mint(t *testing.T, user string, o option, app args) *clientSession {
	t.Helper()
	in := args{"user_id": user}
	for name, v := range app {
		in[name] = v
	}
	a := c.d.call(t, "CreateUserToken", in, o).want(t, 200, "")
	return &clientSession{d: c.d, user: user, refresh: []string{a.str("refresh_token")}, access: []string{a.str("access_token")}}
}

// TestUserSessionsEnd mints tokens of one user by each kind of minter, then changes the user,
// minters and tokens. Each change revokes exactly the tokens that it must, at once.
func TestUserSessionsEnd(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		admin := m.openDeveloper(t)
		as := bearer(admin.access[0])
		for _, c := range []struct {
			operation string
			in        func(s *minters) args
			status    int
			ends      string
		}{
			{"RotateKey", func(s *minters) args { return args{"id": s.keyID} }, 201, ""},
			{"RotateKey", func(s *minters) args { return args{"id": s.keyID, "overlap_seconds": 60} }, 201, ""},
			{"UpdateKey", func(s *minters) args { return args{"id": s.keyID, "enabled": false} }, 200, ""},
			{"UpdateKey", func(s *minters) args { return args{"id": s.keyID, "scopes": []string{"users:read"}} }, 200, ""},
			{"DeleteKey", func(s *minters) args { return args{"id": s.keyID} }, 200, "key"},
			{"RotateApplicationSecret", func(s *minters) args { return args{"app_id": s.appID} }, 200, ""},
			{"UpdateApplication", func(s *minters) args { return args{"app_id": s.appID, "name": "Renamed"} }, 200, ""},
			{"DeleteApplication", func(s *minters) args { return args{"app_id": s.appID} }, 204, "app"},
			{"RevokeToken", func(s *minters) args { return args{"refresh_token": s.of["admin"].refresh[0]} }, 204, "admin"},
			{"RevokeUserTokens", func(s *minters) args { return args{"user_id": s.user} }, 204, "key app admin"},
			{"RevokeUserSession", func(s *minters) args {
				return args{"user_id": s.user, "session_id": s.sessions(t, m.d, as)["application"]}
			}, 204, "app"},
			{"DeleteUser", func(s *minters) args { return args{"id": s.user} }, 200, "key app admin"},
		} {
			t.Run(c.operation, func(t *testing.T) {
				s := m.minters(t, admin)
				for _, chain := range s.of {
					chain.wantAccepted(t)
				}
				m.d.call(t, c.operation, c.in(s), as).want(t, c.status, "")
				for name, chain := range s.of {
					if slices.Contains(strings.Fields(c.ends), name) {
						chain.wantEnded(t)
					} else {
						chain.wantAccepted(t)
						chain.rotate(t, "")
						chain.wantAccepted(t)
					}
				}
			})
		}
	})
}

// minters is a user with a session by each kind of minter, and a session of another user.
type minters struct {
	user, keyID, appID string
	of                 map[string]*clientSession
}

func (m sessionFactory) minters(t *testing.T, admin *clientSession) *minters {
	t.Helper()
	s := &minters{user: m.newUser(t)}
	as := bearer(admin.access[0])
	var key, secret string
	s.keyID, key = m.n.newKey(t, m.d, admin.access[0], args{})
	s.appID, secret = m.n.newApp(t, m.d, admin.access[0])
	app := args{"app_id": s.appID, "app_secret": secret}
	none := func(*http.Request) {}
	s.of = map[string]*clientSession{
		"key": admin.mint(t, s.user, bearer(key), nil), "app": admin.mint(t, s.user, none, app),
		"admin": admin.mint(t, s.user, as, nil), "stranger": m.open(t),
	}
	return s
}

// sessions returns the ids of the user's sessions by what minted them.
func (s *minters) sessions(t *testing.T, d driver, as option) map[string]string {
	t.Helper()
	ids := make(map[string]string)
	for _, item := range d.call(t, "ListUserSessions", args{"user_id": s.user}, as).want(t, 200, "").Body.([]any) {
		u := item.(map[string]any)
		ids[u["minted_by"].(string)] = u["id"].(string)
	}
	return ids
}

// TestRevokeTokenFollowsRFC7009 checks that the answer to a revocation does not depend on the token
// (RFC 7009), and that no other session is affected.
func TestRevokeTokenFollowsRFC7009(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		revoke := func(token any, o ...option) answer {
			t.Helper()
			return m.d.call(t, "RevokeToken", args{"refresh_token": token}, o...)
		}
		user := m.newUser(t)
		sibling := m.openFor(t, user)
		for name, token := range map[string]func(c *clientSession) string{
			"the current token": (*clientSession).current, "its parent": (*clientSession).parent,
			"the oldest":      func(c *clientSession) string { return c.refresh[0] },
			"an access token": func(c *clientSession) string { return c.access[0] },
		} {
			c := m.openFor(t, user)
			c.rotate(t, "k")
			c.rotate(t, "")
			c.wantAccepted(t)
			revoke(token(c), bearer("nothing that is looked at")).want(t, 204, "")
			c.wantEnded(t)
			revoke(token(c)).want(t, 204, "")
			if t.Failed() {
				t.Fatalf("revoking by %s", name)
			}
		}
		for _, unknown := range []string{"", "garbage", "rt_", withChecksum(strings.Repeat("0", 56)), sibling.access[0] + "x"} {
			revoke(unknown).want(t, 204, "")
		}
		sibling.wantAccepted(t)
		m.d.call(t, "RevokeToken", args{}).want(t, 422, "invalid_request")

		c := m.open(t)
		m.clock.advance(2 * time.Hour)
		revoke(c.access[0]).want(t, 204, "") // an expired access token revokes nothing
		c.rotate(t, "")
		m.clock.advance(30 * day)
		revoke(c.current()).want(t, 204, "")

		c = m.open(t)
		unlock := m.n.lockDatabase(t)
		if a := revoke(c.current()).want(t, 503, "unavailable"); a.Header.Get("Retry-After") == "" {
			t.Error("a 503 has no Retry-After")
		}
		// An outage neither refuses a refresh for good nor spends the token.
		c.present(t, c.current(), "").want(t, 503, "unavailable")
		c.present(t, "garbage", "").want(t, 401, "invalid_refresh_token") // which takes no database
		unlock()
		m.clock.advance(time.Second) // a reading of the signing keys that failed stands for a moment
		c.rotate(t, "")
		c.wantAccepted(t)
		revoke(c.current()).want(t, 204, "")
		c.wantEnded(t)
	})
}
