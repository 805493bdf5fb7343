package main

import (
	"fmt"
	"strings"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// credential is used while it is ended.
type credential struct {
	name string
	uses []client.Request
	end  client.Request
	next func(client.Answer) []client.Request // the uses of its replacement
}

// endings are the ways in which a credential ends.
var endings = []struct {
	name string
	make func(w *world, n int, c *credential) error
}{
	{"key-delete", func(w *world, n int, c *credential) error { return w.key(n, c, "DELETE", "", nil) }},
	{"key-rotate", func(w *world, n int, c *credential) error { return w.key(n, c, "POST", "/rotate", nil) }},
	{"key-finish", (*world).finishKey},
	{"key-disable", func(w *world, n int, c *credential) error {
		return w.key(n, c, "PATCH", "", map[string]any{"enabled": false})
	}},
	{"key-delete-tokens", (*world).mintedByKey},
	{"logout", (*world).logout},
	{"session-revoke", (*world).session},
	{"user-delete", func(w *world, n int, c *credential) error { return w.token(n, c, "") }},
	{"tokens-revoke", func(w *world, n int, c *credential) error { return w.token(n, c, "/tokens") }},
	{"token-revoke", (*world).revoke},
	{"app-delete", func(w *world, n int, c *credential) error { return w.application(n, c, "DELETE", "") }},
	{"app-rotate", func(w *world, n int, c *credential) error { return w.application(n, c, "POST", "/rotate-secret") }},
	{"app-finish", (*world).finishApplication},
}

// uncached are the endings of what nodes do not cache: the secret of an application.
var uncached = []string{"app-rotate", "app-finish"}

func (w *world) credential(kind, n int) (*credential, error) {
	k := endings[kind%len(endings)]
	c := &credential{name: fmt.Sprintf("%s-%d", k.name, n)}
	err := k.make(w, n, c)
	c.end.Op, c.end.Of = "end", c.name
	for i := range c.uses {
		c.uses[i].Op, c.uses[i].Of = "use", c.name
	}
	return c, err
}

// to returns the request for another node.
func (t *trial) to(n int, r client.Request) client.Request {
	node := t.stack.Nodes[n%len(t.stack.Nodes)]
	r.Node, r.Addr = node.Index, node.Addr
	return r
}

func (w *world) createKey(n int) (id, secret string, err error) {
	a, err := w.want(w.root, w.at(n, "create-key", "", "POST", "/api-keys", w.admin, nil))
	return a.Str("id"), a.Str("key"), err
}

func (w *world) useKey(secret string) client.Request {
	return w.at(0, "", "", "GET", "/users?limit=1", secret, nil)
}

func (w *world) key(n int, c *credential, method, path string, body map[string]any) error {
	id, secret, err := w.createKey(n)
	c.uses = []client.Request{w.useKey(secret)}
	c.end = w.at(0, "", "", method, "/api-keys/"+id+path, w.admin, body)
	c.next = func(a client.Answer) []client.Request {
		if fresh := a.Str("key"); fresh != "" {
			return []client.Request{w.useKey(fresh)}
		}
		return nil
	}
	return err
}

// overlapping is the body of a rotation whose older secret lives on.
var overlapping = map[string]any{"overlap_seconds": 600}

// finishKey ends the older secret of a key, whose newest is in use too.
func (w *world) finishKey(n int, c *credential) error {
	id, older, err := w.createKey(n)
	if err != nil {
		return err
	}
	rotate := w.at(n, "rotate-key", "", "POST", "/api-keys/"+id+"/rotate", w.admin, overlapping)
	rotate.Key = c.name
	a, err := w.want(w.root, rotate)
	newest := w.useKey(a.Str("key"))
	c.uses = []client.Request{w.useKey(older)}
	c.end = w.at(0, "", "", "POST", "/api-keys/"+id+"/finish-rotation", w.admin, nil)
	c.next = func(client.Answer) []client.Request { return []client.Request{newest} }
	return err
}

func (w *world) mintedByKey(n int, c *credential) error {
	id, secret, err := w.createKey(n)
	if err != nil {
		return err
	}
	user, err := w.user(n)
	if err != nil {
		return err
	}
	a, err := w.want(w.root, w.at(n, "mint", "", "POST", "/users/"+user+"/token", secret, nil))
	c.uses = []client.Request{w.at(0, "", "", "GET", "/users/"+user, a.Str("access_token"), nil), w.useKey(secret)}
	c.end = w.at(0, "", "", "DELETE", "/api-keys/"+id, w.admin, nil)
	return err
}

func (w *world) me(token string) client.Request {
	return w.at(0, "", "", "GET", "/auth/me", token, nil)
}

func (w *world) logout(n int, c *credential) error {
	p, err := w.login()
	c.uses = []client.Request{w.me(p.access)}
	c.end = w.at(0, "", "", "POST", "/auth/logout", p.access, nil)
	return err
}

func (w *world) session(n int, c *credential) error {
	p, err := w.login()
	if err != nil {
		return err
	}
	list, err := w.current(p.access)
	c.uses = []client.Request{w.me(p.access)}
	c.end = w.at(0, "", "", "DELETE", "/auth/sessions/"+list, w.admin, nil)
	return err
}

func (w *world) token(n int, c *credential, path string) error {
	user, err := w.user(n)
	if err != nil {
		return err
	}
	p, err := w.mint(n, user, "")
	c.uses = []client.Request{w.at(0, "", "", "GET", "/users/"+user, p.access, nil)}
	c.end = w.at(0, "", "", "DELETE", "/users/"+user+path, w.admin, nil)
	return err
}

func (w *world) revoke(n int, c *credential) error {
	err := w.token(n, c, "")
	if err != nil {
		return err
	}
	user := c.end.Path[len("/api/v1/users/"):]
	p, err := w.mint(n, user, "")
	c.uses[0].Bearer = p.access
	c.end = w.at(0, "", "", "POST", "/auth/revoke", "", map[string]any{"refresh_token": p.refresh})
	return err
}

// finishApplication ends the older secret of an application.
func (w *world) finishApplication(n int, c *credential) error {
	err := w.application(n, c, "POST", "/finish-rotation")
	if err != nil {
		return err
	}
	rotate := c.end
	rotate.Op, rotate.Body, rotate.Key = "rotate-app", overlapping, c.name
	rotate.Path = strings.TrimSuffix(c.end.Path, "/finish-rotation") + "/rotate-secret"
	a, err := w.want(w.root, rotate)
	newest := c.next(a)
	c.next = func(client.Answer) []client.Request { return newest }
	return err
}

func (w *world) application(n int, c *credential, method, path string) error {
	a, err := w.want(w.root, w.at(n, "create-app", "", "POST", "/applications", w.admin, map[string]any{"name": "trial"}))
	if err != nil {
		return err
	}
	user, err := w.user(n)
	if err != nil {
		return err
	}
	app := a.Str("app_id")
	exchange := func(secret string) client.Request {
		return w.at(0, "", "", "POST", "/users/"+user+"/token", "", map[string]any{"app_id": app, "app_secret": secret})
	}
	c.uses = []client.Request{exchange(a.Str("app_secret"))}
	if method == "DELETE" {
		minted, err := w.want(w.root, c.uses[0])
		if err != nil {
			return err
		}
		c.uses = append(c.uses, w.at(0, "", "", "GET", "/users/"+user, minted.Str("access_token"), nil))
	}
	c.end = w.at(0, "", "", method, "/applications/"+app+path, w.admin, nil)
	c.next = func(a client.Answer) []client.Request {
		if fresh := a.Str("app_secret"); fresh != "" {
			return []client.Request{exchange(fresh)}
		}
		return nil
	}
	return err
}
