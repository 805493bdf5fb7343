package main_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/upstream"
)

// deadly is a proxy before an upstream, which ends a process once: when a request with the
// method comes, or after the upstream has done what it asks.
type deadly struct {
	*upstream.Server
	url string

	mu     sync.Mutex
	method string // "": none
	after  bool
	kill   func()
}

func newDeadly(t *testing.T) *deadly {
	t.Helper()
	d := &deadly{Server: upstream.New(t)}
	to, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error { d.strike(r.Request, true); return nil },
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.strike(r, false)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	d.url = s.URL
	return d
}

// strike ends the process and drops the request, if this is the one.
func (d *deadly) strike(r *http.Request, after bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.method != r.Method || d.after != after || !strings.Contains(r.URL.Path, "/users") {
		return
	}
	d.method = ""
	d.kill()
	panic(http.ErrAbortHandler)
}

// aim sets which request ends the process.
func (d *deadly) aim(p *process, method string, after bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.method, d.after, d.kill = method, after, p.kill
}

// flags writes the files of the flags, and returns these.
func (d *deadly) flags(i *installation) []string {
	for name, content := range map[string]string{"key": d.Key, "developer": d.Email + "\n" + d.Password} {
		if err := os.WriteFile(i.path(name), []byte(content+"\n"), 0o600); err != nil {
			i.t.Fatal(err)
		}
	}
	return []string{"--upstream", d.url, "--upstream-key-file", i.path("key"), "--upstream-developer-file", i.path("developer")}
}

// listed returns the external ids of the users here, by their ids.
func (p *process) listed(token string) map[string]string {
	answer, err := p.send(http.DefaultClient, "GET", "/api/v1/users?limit=100", token, nil)
	if err != nil || answer.status != 200 {
		p.t.Fatalf("%d, %v", answer.status, err)
	}
	all := map[string]string{}
	items, _ := answer.body["items"].([]any)
	for _, item := range items {
		u := item.(map[string]any)
		all[u["id"].(string)], _ = u["external_user_id"].(string)
	}
	return all
}

func (d *deadly) listed() map[string]string {
	all := map[string]string{}
	for _, u := range d.Users() {
		all[u.ID] = ""
		if u.ExternalUserID != nil {
			all[u.ID] = *u.ExternalUserID
		}
	}
	return all
}

// A node is killed before and after the upstream does each thing that it is asked for a
// user. Repeated calls make nobody twice, and soon both sides have the same users with the
// same values: nobody is lost, left behind or half deleted. An erasure by the operator reaches both.
func TestKillBetweenTheTwoSidesOfAUser(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{
		"sqlite": func(testing.TB) string { return "sqlite:openwearables.db" }, "postgres": pgtest.New,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up, i, dsn, password := newDeadly(t), install(t), database(t), passphrase()
			i.env = append(i.env, "OPENWEARABLES_SECRET="+passphrase()+passphrase())
			i.ok(password+"\n", "developer", "create", "--email", email, "--password-stdin", "--database", dsn)
			flags := append(up.flags(i), "--database", dsn)
			p := i.serve(flags...)
			admin := p.login(email, password).access
			create := func(external string) reply {
				answer, _ := p.send(http.DefaultClient, "POST", "/api/v1/users", admin, map[string]string{"external_user_id": external}, "Idempotency-Key", external)
				return answer
			}
			made := map[string]string{}
			for _, external := range []string{"changed-before", "changed-after", "gone-before", "gone-after"} {
				made[external] = create(external).str("id")
			}
			for _, c := range []struct {
				method string
				after  bool
				call   func() // which the kill interrupts
				again  string // the external id of the user that is then created again
			}{
				{"POST", false, func() { create("new-1") }, "new-1"},
				{"POST", true, func() { create("new-2") }, "new-2"},
				{"PATCH", false, func() { create("new-3") }, "new-3"},
				{"PATCH", true, func() { create("new-4") }, "new-4"},
				{"PATCH", false, func() { p.change(admin, "PATCH", made["changed-before"]) }, ""},
				{"PATCH", true, func() { p.change(admin, "PATCH", made["changed-after"]) }, ""},
				{"DELETE", false, func() { p.change(admin, "DELETE", made["gone-before"]) }, ""},
				{"DELETE", true, func() { p.change(admin, "DELETE", made["gone-after"]) }, ""},
			} {
				up.aim(p, c.method, c.after)
				c.call()
				select {
				case <-p.ended:
				case <-time.After(10 * time.Second):
					t.Fatalf("%s, after %t: the process was not killed", c.method, c.after)
				}
				p = i.serve(flags...)
				if c.again != "" {
					if a := create(c.again); a.status != 201 {
						t.Fatalf("%s is not created again: %d %v", c.again, a.status, a.body)
					}
				}
			}
			agree := func() bool {
				here := p.listed(admin)
				return len(here) == 6 && maps.Equal(here, up.listed())
			}
			for deadline := time.Now().Add(2 * time.Minute); !agree(); time.Sleep(200 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("here are %v, and upstream %v\n%s", p.listed(admin), up.listed(), &p.stderr)
				}
			}
			i.ok("", "user", "erase", "--user", made["changed-after"], "--yes", "--database", dsn)
			if _, there := up.User(made["changed-after"]); there || p.listed(admin)[made["changed-after"]] != "" {
				t.Error("who was erased is still there")
			}
			for _, external := range []string{"new-1", "new-2", "new-3", "new-4"} {
				if a := create(external); a.status != 201 {
					t.Errorf("%s again: %d %v", external, a.status, a.body)
				}
			}
			if here := p.listed(admin); len(here) != 5 || !maps.Equal(here, up.listed()) {
				t.Errorf("here are %v, and upstream %v", p.listed(admin), up.listed())
			}
		})
	}
}

// change changes or deletes a user. No answer is expected.
func (p *process) change(token, method, id string) {
	var body any
	if method == "PATCH" {
		body = map[string]string{"external_user_id": "other-" + id}
	}
	_, _ = p.send(http.DefaultClient, method, "/api/v1/users/"+id, token, body)
}
