package scenario_test

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/dev/upstream"
	"github.com/openwearables/openwearables/server"
)

// lossy is a proxy before an upstream. While it loses, it forwards requests and drops the
// answers to those that change something.
type lossy struct {
	*upstream.Server
	url    string
	losing atomic.Bool
}

func newLossy(t *testing.T) *lossy {
	t.Helper()
	l := &lossy{Server: upstream.New(t)}
	to, err := url.Parse(l.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error {
			if l.losing.Load() && r.Request.Method != http.MethodGet && r.Request.URL.Path != "/api/v1/auth/login" {
				panic(http.ErrAbortHandler)
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	s := httptest.NewServer(proxy)
	t.Cleanup(s.Close)
	l.url = s.URL
	return l
}

// behind makes a node forward to the upstream.
func (l *lossy) behind(c *server.Config) {
	c.Upstream = server.Upstream{URL: l.url, Key: l.Key, Email: l.Email, Password: l.Password, Streams: 30}
}

// onEachUpstream runs a scenario on every surface, each with an upstream of its own.
func onEachUpstream(t *testing.T, scenario func(t *testing.T, n *node, d driver, up *lossy)) {
	t.Helper()
	for i, name := range []string{"rest", "connect-json", "connect-proto"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := newLossy(t)
			n := start(t, unlimited, up.behind)
			scenario(t, n, n.drivers()[i], up)
		})
	}
}

// eventually waits until ok reports true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 seconds", what)
		}
	}
}

// wantUpstream fails the test unless the upstream has the user, with the external id.
func wantUpstream(t *testing.T, up *lossy, id, external string) {
	t.Helper()
	u, ok := up.User(id)
	if !ok || u.ExternalUserID == nil || *u.ExternalUserID != external {
		t.Fatalf("the upstream has %+v, %t; want the external id %q", u, ok, external)
	}
}

// A user is made upstream first, and is there under the same id and with the same values
// ever after, until it is deleted on both sides.
func TestUsersAreTheSameUpstream(t *testing.T) {
	t.Parallel()
	onEachUpstream(t, func(t *testing.T, n *node, d driver, up *lossy) {
		admin, _ := n.login(t, d)
		in := args{"first_name": "Grace", "email": "grace@example.com", "external_user_id": "42"}
		id := d.call(t, "CreateUser", in, bearer(admin), header("Idempotency-Key", "a")).want(t, 201, "").str("id")
		wantUpstream(t, up, id, "42")
		if u, _ := up.User(id); *u.FirstName != "Grace" || *u.Email != "grace@example.com" {
			t.Errorf("the upstream has %+v", u)
		}
		if again := d.call(t, "CreateUser", in, bearer(admin), header("Idempotency-Key", "a")).want(t, 201, "").str("id"); again != id {
			t.Errorf("a retry made %s beside %s", again, id)
		}
		d.call(t, "CreateUser", args{"email": "GRACE@example.com"}, bearer(admin)).want(t, 409, "email_taken")
		d.call(t, "CreateUser", args{"external_user_id": "42"}, bearer(admin)).want(t, 409, "external_user_id_taken")
		if all := up.Users(); len(all) != 1 {
			t.Errorf("the upstream has %+v", all)
		}
		d.call(t, "UpdateUser", args{"id": id, "first_name": nil, "external_user_id": "43"}, bearer(admin)).want(t, 200, "")
		wantUpstream(t, up, id, "43")
		if u, _ := up.User(id); u.FirstName != nil || *u.Email != "grace@example.com" {
			t.Errorf("the upstream has %+v", u)
		}
		if first := d.call(t, "DeleteUser", args{"id": id}, bearer(admin)).want(t, 200, "").str("email"); first != "grace@example.com" {
			t.Errorf("what was deleted had the email %q", first)
		}
		if _, ok := up.User(id); ok {
			t.Error("the upstream still has the user when its deletion answers")
		}
		d.call(t, "DeleteUser", args{"id": id}, bearer(admin)).want(t, 404, "not_found")
	})
}

// An external id that a stranger has upstream is refused, and nobody is made for it.
func TestExternalIDOfAStrangerUpstream(t *testing.T) {
	t.Parallel()
	onEachUpstream(t, func(t *testing.T, n *node, d driver, up *lossy) {
		admin, _ := n.login(t, d)
		id := d.call(t, "CreateUser", args{"external_user_id": "7"}, bearer(admin)).want(t, 201, "").str("id")
		n.exec(t, "DELETE FROM users")
		d.call(t, "CreateUser", args{"external_user_id": "7"}, bearer(admin)).want(t, 409, "external_user_id_taken")
		if all := up.Users(); len(all) != 1 || all[0].ID != id {
			t.Errorf("the upstream has %+v", all)
		}
	})
}

// While the upstream is down, nothing is made or changed, and a deletion that was asked for
// is carried out when it is back.
func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	onEachUpstream(t, func(t *testing.T, n *node, d driver, up *lossy) {
		admin, _ := n.login(t, d)
		kept := d.call(t, "CreateUser", args{"external_user_id": "kept"}, bearer(admin)).want(t, 201, "").str("id")
		gone := d.call(t, "CreateUser", args{"external_user_id": "gone"}, bearer(admin)).want(t, 201, "").str("id")
		up.Stop()
		d.call(t, "CreateUser", args{"external_user_id": "new"}, bearer(admin)).want(t, 503, "unavailable")
		d.call(t, "UpdateUser", args{"id": kept, "external_user_id": "changed"}, bearer(admin)).want(t, 503, "unavailable")
		d.call(t, "DeleteUser", args{"id": gone}, bearer(admin)).want(t, 503, "unavailable")
		d.call(t, "UpdateUser", args{"id": gone, "external_user_id": "changed"}, bearer(admin)).want(t, 503, "unavailable")
		if u := d.call(t, "GetUser", args{"id": kept}, bearer(admin)).want(t, 200, ""); u.str("external_user_id") != "kept" {
			t.Errorf("%v is changed", u.Body)
		}
		d.call(t, "GetUser", args{"id": gone}, bearer(admin)).want(t, 200, "")
		d.call(t, "ListUsers", args{}, bearer(admin)).want(t, 200, "")
		d.call(t, "ListUsers", args{"sort_by": "last_synced_at"}, bearer(admin)).want(t, 503, "unavailable")
		up.Start(t)
		eventually(t, "the deletion", func() bool {
			_, ok := up.User(gone)
			return !ok && d.call(t, "GetUser", args{"id": gone}, bearer(admin)).Status == 404
		})
		if n.countEffects(t, "user.delete") != 1 {
			t.Error("the audit trail has not one deletion")
		}
		d.call(t, "UpdateUser", args{"id": kept, "external_user_id": "changed"}, bearer(admin)).want(t, 200, "")
		wantUpstream(t, up, kept, "changed")
		if all := up.Users(); len(all) != 1 {
			t.Errorf("the upstream has %+v", all)
		}
	})
}

// A deletion that waited, and was made here while the upstream was not used, ends there too.
func TestUserDeletedWithoutUpstream(t *testing.T) {
	t.Parallel()
	up := newLossy(t)
	n := start(t, unlimited, up.behind)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	up.Stop()
	d.call(t, "DeleteUser", args{"id": user}, bearer(admin)).want(t, 503, "unavailable")
	n.stop()
	n.boot(t, unlimited)
	d = n.drivers()[0]
	d.call(t, "DeleteUser", args{"id": user}, bearer(admin)).want(t, 200, "")
	n.stop()
	up.Start(t)
	n.boot(t, unlimited, up.behind)
	eventually(t, "the end of the deletion", func() bool {
		tasks := 0
		n.query(t, func(db *sql.DB) error { return db.QueryRow("SELECT count(*) FROM mirror_tasks").Scan(&tasks) })
		return tasks == 0
	})
	if _, there := up.User(user); there {
		t.Error("the user is still upstream")
	}
}

// If the upstream did what it was asked and its answer is lost, both sides agree again soon:
// nobody is doubled, nothing is half changed, and a deletion ends.
func TestLostAnswersOfTheUpstream(t *testing.T) {
	t.Parallel()
	onEachUpstream(t, func(t *testing.T, n *node, d driver, up *lossy) {
		admin, _ := n.login(t, d)
		kept := d.call(t, "CreateUser", args{"external_user_id": "kept"}, bearer(admin)).want(t, 201, "").str("id")
		gone := d.call(t, "CreateUser", args{"external_user_id": "gone"}, bearer(admin)).want(t, 201, "").str("id")
		up.losing.Store(true)
		in := args{"external_user_id": "new", "email": "new@example.com"}
		d.call(t, "CreateUser", in, bearer(admin), header("Idempotency-Key", "a")).want(t, 503, "unavailable")
		d.call(t, "UpdateUser", args{"id": kept, "external_user_id": "changed"}, bearer(admin)).want(t, 503, "unavailable")
		wantUpstream(t, up, kept, "changed")
		d.call(t, "DeleteUser", args{"id": gone}, bearer(admin)).want(t, 503, "unavailable")
		if len(up.Users()) != 2 {
			t.Fatalf("the upstream has %+v", up.Users())
		}
		up.losing.Store(false)
		made := d.call(t, "CreateUser", in, bearer(admin), header("Idempotency-Key", "a")).want(t, 201, "").str("id")
		wantUpstream(t, up, made, "new")
		n.clock.advance(time.Minute)
		eventually(t, "agreement", func() bool {
			u, _ := up.User(kept)
			return len(up.Users()) == 2 && u.ExternalUserID != nil && *u.ExternalUserID == "kept"
		})
		wantUpstream(t, up, made, "new")
		eventually(t, "the deletion", func() bool { return d.call(t, "GetUser", args{"id": gone}, bearer(admin)).Status == 404 })
	})
}

// What a list and a user say of syncs is what the upstream knows of them.
func TestSyncsAreReadThrough(t *testing.T) {
	t.Parallel()
	onEachUpstream(t, func(t *testing.T, n *node, d driver, up *lossy) {
		admin, _ := n.login(t, d)
		ids := []string{n.newUser(t, d, admin), n.newUser(t, d, admin), n.newUser(t, d, admin)}
		at := time.Date(2026, 3, 7, 10, 30, 0, 0, time.UTC)
		up.SetSynced(ids[1], "garmin", at)
		up.SetSynced(ids[0], "oura", at.Add(time.Hour))
		up.AddUser(uuid.NewString()) // who is not here
		u := d.call(t, "GetUser", args{"id": ids[1]}, bearer(admin)).want(t, 200, "")
		if u.str("last_synced_provider") != "garmin" || u.Body.(map[string]any)["has_active_connection"] != true || !u.timeOf(t, "last_synced_at").Equal(at) {
			t.Errorf("the user is %v", u.Body)
		}
		providers := func(in args) (all []string) {
			for _, item := range d.call(t, "ListUsers", in, bearer(admin)).want(t, 200, "").list("items") {
				provider, _ := item.(map[string]any)["last_synced_provider"].(string)
				all = append(all, provider)
			}
			return all
		}
		if got := providers(args{"sort_order": "asc"}); len(got) != 3 || got[0] != "oura" || got[1] != "garmin" || got[2] != "" {
			t.Errorf("the list says %q", got)
		}
		if got := providers(args{"sort_by": "last_synced_at"}); len(got) != 3 || got[0] != "oura" || got[1] != "garmin" || got[2] != "" {
			t.Errorf("the list by syncs says %q", got)
		}
		first := d.call(t, "ListUsers", args{"sort_by": "last_synced_at", "limit": 1}, bearer(admin)).want(t, 200, "")
		second := providers(args{"sort_by": "last_synced_at", "limit": 1, "cursor": first.str("next_cursor")})
		if len(second) != 1 || second[0] != "garmin" {
			t.Errorf("the second page by syncs says %q", second)
		}
	})
}

// Workouts that a product keeps are neither read nor written here. What REST forwards of
// them, the product answers.
func TestWorkoutsStandAside(t *testing.T) {
	t.Parallel()
	onEachUpstream(t, func(t *testing.T, n *node, d driver, _ *lossy) {
		admin, _ := n.login(t, d)
		user := n.newUser(t, d, admin)
		calls := map[string]args{"UpsertWorkouts": {"workouts": []any{}}, "DeleteWorkouts": {"workouts": []any{}}}
		if _, rest := d.(restDriver); !rest {
			calls["DeleteWorkout"], calls["ListWorkouts"] = args{"workout_id": user}, args{}
		}
		for operation, in := range calls {
			in["user_id"] = user
			d.call(t, operation, in, bearer(admin)).want(t, 409, "workouts_upstream")
		}
	})
}
