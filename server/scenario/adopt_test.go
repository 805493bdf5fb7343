package scenario_test

import (
	"database/sql"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/dev/upstream"
	"github.com/openwearables/openwearables/server"
)

// adopting makes a node adopt what the upstream knows.
func (l *lossy) adopting(c *server.Config) {
	l.behind(c)
	c.Upstream.Adopt = true
}

// onEachAdopting runs a scenario on every surface, each with a node that adopts from an
// upstream of its own.
func onEachAdopting(t *testing.T, scenario func(t *testing.T, n *node, d driver, up *lossy)) {
	t.Helper()
	t.Parallel()
	for i, name := range []string{"rest", "connect-json", "connect-proto"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := newLossy(t)
			n := start(t, unlimited, up.adopting)
			scenario(t, n, n.drivers()[i], up)
		})
	}
}

// apiKey presents a key in the header of the existing product.
func apiKey(key string) option { return header("X-Open-Wearables-API-Key", key) }

func randomKey() string { return "sk-" + randomDigits(32) }

// credentialAsked returns how many requests with an API key other than the service's have
// reached the upstream since it was last asked.
func (l *lossy) credentialAsked() (count int) {
	for _, r := range l.Requests() {
		if key := r.Header.Get("X-Open-Wearables-API-Key"); key != "" && key != l.Key {
			count++
		}
	}
	return count
}

// A key that only the upstream knows is asked for once, and ours from then on: it works
// without the upstream, and after its deletion nowhere.
func TestKeysAreAdopted(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		first, second := up.AddKey(), up.AddKey()
		up.Requests()
		d.call(t, "ListUsers", args{}, apiKey(first)).want(t, 200, "")
		d.call(t, "ListUsers", args{}, bearer(second)).want(t, 200, "")
		if asked := up.credentialAsked(); asked != 2 {
			t.Errorf("%d questions for two keys", asked)
		}
		admin, _ := n.login(t, d)
		var id string
		for _, item := range d.call(t, "ListKeys", args{}, bearer(admin)).want(t, 200, "").Body.([]any) {
			k := item.(map[string]any)
			if k["name"] != "Adopted" || !strings.HasPrefix(k["key_prefix"].(string), "sk-") {
				t.Errorf("a key is %v", k)
			}
			if strings.HasPrefix(first, k["key_prefix"].(string)) {
				id = k["id"].(string)
			}
		}
		if n.countEffects(t, "key.create") != 2 {
			t.Error("the audit trail has not two new keys")
		}
		d.call(t, "DeleteKey", args{"id": id}, bearer(admin)).want(t, 200, "")
		d.call(t, "ListUsers", args{}, apiKey(first)).want(t, 401, "invalid_api_key")
		up.Stop()
		d.call(t, "ListUsers", args{}, apiKey(first)).want(t, 401, "invalid_api_key")
		d.call(t, "ListUsers", args{}, apiKey(second)).want(t, 200, "")
		if asked := up.credentialAsked(); asked != 0 {
			t.Errorf("%d questions for what was known", asked)
		}
	})
}

// What the upstream does not know is refused, and for a minute without a question. What
// nobody could tell is a 503, and not remembered.
func TestUnknownKeysAreAskedForOnce(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		key, late := randomKey(), up.AddKey()
		up.Requests()
		for range 3 {
			d.call(t, "ListUsers", args{}, apiKey(key)).want(t, 401, "invalid_api_key")
		}
		if asked := up.credentialAsked(); asked != 1 {
			t.Errorf("%d questions, want 1", asked)
		}
		n.clock.advance(61 * time.Second)
		d.call(t, "ListUsers", args{}, apiKey(key)).want(t, 401, "invalid_api_key")
		if asked := up.credentialAsked(); asked != 1 {
			t.Errorf("%d questions a minute later, want 1", asked)
		}
		d.call(t, "ListUsers", args{}, apiKey("ow_live_nothing")).want(t, 401, "invalid_api_key")
		for _, status := range []int{500, 429, 403, 404} {
			up.Break(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(status); return true })
			d.call(t, "ListUsers", args{}, apiKey(late)).want(t, 503, "unavailable")
		}
		up.Break(nil)
		admin, user, other := n.admin(t, d), uuid.NewString(), uuid.NewString()
		up.AddUser(user)
		up.AddUser(other)
		d.call(t, "GetUser", args{"id": user}, bearer(admin)).want(t, 200, "")
		up.Stop()
		d.call(t, "GetUser", args{"id": other}, bearer(admin)).want(t, 503, "unavailable")
		d.call(t, "ListUsers", args{}, apiKey(late)).want(t, 503, "unavailable")
		d.call(t, "RefreshToken", args{"refresh_token": "rt-" + randomDigits(32)}).want(t, 503, "unavailable")
		d.call(t, "Login", args{"email": "nobody@example.com", "password": "what it was there"}).want(t, 503, "unavailable")
		up.Start(t)
		d.call(t, "ListUsers", args{}, apiKey(late)).want(t, 200, "")
	})
}

// Without --adopt nobody is asked.
func TestNothingIsAdoptedUnasked(t *testing.T) {
	t.Parallel()
	up := newLossy(t)
	n := start(t, unlimited, up.behind)
	d := n.drivers()[0]
	up.AddUser(uuid.NewString())
	user := up.Users()[0].ID
	up.AddDeveloper("old@example.com", "what it was there")
	app, secret := up.AddApplication("phone")
	up.Requests()
	d.call(t, "ListUsers", args{}, apiKey(up.AddKey())).want(t, 401, "invalid_api_key")
	d.call(t, "RefreshToken", args{"refresh_token": up.AddToken(user, app)}).want(t, 401, "invalid_refresh_token")
	d.call(t, "Login", args{"email": "old@example.com", "password": "what it was there"}).want(t, 401, "invalid_credentials")
	d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}).want(t, 401, "invalid_app_credentials")
	if asked := up.Requests(); len(asked) > 0 {
		t.Errorf("the upstream was asked %d times", len(asked))
	}
}

// Many who present one unknown key at once ask once, also on two nodes: there is one row.
func TestManyAdoptOneKey(t *testing.T) {
	t.Parallel()
	up := newLossy(t)
	nodes := startCluster(t, 2, unlimited, up.adopting)
	key, user := up.AddKey(), uuid.NewString()
	up.AddUser(user)
	app, secret := up.AddApplication("phone")
	up.Requests()
	both := make(chan struct{})
	var asking atomic.Int64
	up.Break(func(_ http.ResponseWriter, r *http.Request) bool { // the questions of both nodes meet
		if r.Header.Get("X-Open-Wearables-API-Key") == key {
			if asking.Add(1) == 2 {
				close(both)
			}
			select {
			case <-both:
			case <-time.After(10 * time.Second):
			}
		}
		return false
	})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if a := nodes[i%2].drivers()[0].call(t, "ListUsers", args{}, apiKey(key)); a.Status != 200 {
				t.Errorf("%d %s", a.Status, a.Reason)
			}
		})
	}
	all.Wait()
	if asked := up.credentialAsked(); asked != 2 {
		t.Errorf("%d questions by two nodes", asked)
	}
	if created := nodes[0].countEffects(t, "key.create"); created != 1 {
		t.Errorf("%d keys were made", created)
	}
	for i := range 8 {
		all.Go(func() {
			in := args{"user_id": user, "app_id": app, "app_secret": secret}
			if a := nodes[i%2].drivers()[0].call(t, "CreateUserToken", in); a.Status != 200 {
				t.Errorf("%d %s", a.Status, a.Reason)
			}
		})
	}
	all.Wait()
	if apps, users := nodes[0].countEffects(t, "application.create"), nodes[0].countEffects(t, "user.create"); apps != 1 || users != 1 {
		t.Errorf("%d applications and %d users were made", apps, users)
	}
}

// A stranger with keys at random loads neither side: the address is charged first, then
// what it may ask, and then what all may. Others go on.
func TestQuestionsAreLimited(t *testing.T) {
	t.Parallel()
	up := newLossy(t)
	n := start(t, unlimited, up.adopting, behindProxy, func(c *server.Config) {
		l := &c.Auth.Limits
		l.Address.Limit, l.Adoption.Limit, l.Adoptions.Limit = 5, 3, 5
	})
	d, key := n.drivers()[0], up.AddKey()
	up.Requests()
	guess := func(address string) answer {
		return d.call(t, "ListUsers", args{}, apiKey(randomKey()), forwardedFor(address))
	}
	for range 3 {
		guess("192.0.2.1").want(t, 401, "invalid_api_key")
	}
	for range 3 {
		guess("192.0.2.1").want(t, 429, "rate_limited")
	}
	if asked := up.credentialAsked(); asked != 3 {
		t.Errorf("%d questions of one address, want 3", asked)
	}
	d.call(t, "ListUsers", args{}, apiKey(key), forwardedFor("192.0.2.2")).want(t, 200, "")
	guess("192.0.2.2").want(t, 401, "invalid_api_key")
	guess("192.0.2.3").want(t, 503, "unavailable")
	if asked := up.credentialAsked(); asked != 2 {
		t.Errorf("%d questions of the others, want 2", asked)
	}
	d.call(t, "ListUsers", args{}, apiKey(key), forwardedFor("192.0.2.1")).want(t, 200, "")
}

// A developer of the upstream logs in with the password of there, which is ours then. One
// who was deleted here, or has another email now, is not let in again by the upstream.
func TestDevelopersAreAdopted(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		const password = "short it was"
		theirs := up.AddDeveloper("Grace@example.com", password)
		login := func(email, password string) answer {
			return d.call(t, "Login", args{"email": email, "password": password})
		}
		login("Grace@example.com", "wrong").want(t, 401, "invalid_credentials")
		access := login("Grace@example.com", password).want(t, 200, "").str("access_token")
		me := d.call(t, "GetMe", args{}, bearer(access)).want(t, 200, "")
		if me.str("id") != theirs.ID || me.str("email") != "Grace@example.com" || me.str("first_name") != "Ada" {
			t.Errorf("the developer is %v", me.Body)
		}
		up.Stop()
		login("grace@example.com", password).want(t, 200, "")
		login("grace@example.com", "wrong").want(t, 401, "invalid_credentials")
		var hash string
		n.query(t, func(db *sql.DB) error {
			return db.QueryRowContext(t.Context(), "SELECT password_hash FROM developers WHERE id = $1", theirs.ID).Scan(&hash)
		})
		if !strings.HasPrefix(hash, "$argon2id$") {
			t.Error("the password is not hashed our way")
		}
		up.Start(t)
		d.call(t, "UpdateMe", args{"email": "hopper@example.com", "current_password": password}, bearer(access)).want(t, 200, "")
		login("Grace@example.com", password).want(t, 401, "invalid_credentials")
		admin, _ := n.login(t, d)
		d.call(t, "DeleteDeveloper", args{"id": theirs.ID}, bearer(admin)).want(t, 200, "")
		for _, email := range []string{"Grace@example.com", "hopper@example.com"} {
			login(email, password).want(t, 401, "invalid_credentials")
		}
		// One who was never adopted, but has had an account here under the email.
		up.AddDeveloper("made@example.com", password)
		made := n.addDeveloper("made@example.com", passphrase())
		login("made@example.com", password).want(t, 401, "invalid_credentials")
		d.call(t, "DeleteDeveloper", args{"id": made.ID}, bearer(admin)).want(t, 200, "")
		login("made@example.com", password).want(t, 401, "invalid_credentials")
		if n.countEffects(t, "developer.create") != 3 {
			t.Error("not the first, the adopted and the made developer were created")
		}
	})
}

// Wrong passwords of accounts that nobody has are asked for only while the account's limit
// admits them.
func TestAccountLimitComesBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	up := newLossy(t)
	n := start(t, unlimited, up.adopting, func(c *server.Config) { c.Auth.Limits.LoginAccount.Limit = 2 })
	d := n.drivers()[0]
	up.AddDeveloper("grace@example.com", "the right one")
	var logins atomic.Int64
	up.Break(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/auth/login") {
			logins.Add(1)
		}
		return false
	})
	for _, password := range []string{"a", "b"} {
		d.call(t, "Login", args{"email": "grace@example.com", "password": password}).want(t, 401, "invalid_credentials")
	}
	d.call(t, "Login", args{"email": "grace@example.com", "password": "the right one"}).want(t, 429, "rate_limited")
	if logins.Load() != 2 {
		t.Errorf("%d logins upstream, want 2", logins.Load())
	}
}

// An application proves itself upstream once, for a user who comes with it. Its deletion
// here is for good.
func TestApplicationsAreAdopted(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		user := uuid.NewString()
		up.AddUser(user)
		app, secret := up.AddApplication("phone")
		exchange := func(user, app, secret string) answer {
			return d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret})
		}
		exchange(user, app, "secret_"+randomDigits(64)).want(t, 401, "invalid_app_credentials")
		exchange(user, "app_"+randomDigits(32), secret).want(t, 401, "invalid_app_credentials")
		exchange(uuid.NewString(), app, secret).want(t, 404, "not_found") // which is said to who has proved itself
		access := exchange(user, app, secret).want(t, 200, "").str("access_token")
		d.call(t, "GetUser", args{"id": user}, bearer(access)).want(t, 200, "")
		if live := up.LiveTokens(); live > 1 { // that of the service
			t.Errorf("%d tokens were left behind upstream", live)
		}
		admin, _ := n.login(t, d)
		if a := d.call(t, "GetApplication", args{"app_id": app}, bearer(admin)).want(t, 200, ""); a.str("name") != "phone" {
			t.Errorf("the application is %v", a.Body)
		}
		d.call(t, "DeleteApplication", args{"app_id": app}, bearer(admin)).want(t, 204, "")
		exchange(user, app, secret).want(t, 401, "invalid_app_credentials")
		d.call(t, "DeleteUser", args{"id": user}, bearer(admin)).want(t, 200, "")
		up.AddUser(user)
		d.call(t, "GetUser", args{"id": user}, bearer(admin)).want(t, 404, "not_found")
	})
}

// failing is a fault that fails every request for the path.
func failing(path string) upstream.Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/api/v1"+path) {
			w.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	}
}
