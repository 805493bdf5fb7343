package main

import (
	"fmt"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// victim is a credential that is used while it is ended. What it makes is asked
// of the nodes from first on, so that others can be left alone.
type victim struct {
	name string
	uses []client.Request
	end  client.Request
	next func(client.Answer) []client.Request // the uses of what replaced it
}

// kinds are the ways in which a credential ends.
var kinds = []struct {
	name string
	make func(w *world, n int, v *victim) error
}{
	{"key-delete", func(w *world, n int, v *victim) error { return w.key(n, v, "DELETE", "", nil) }},
	{"key-rotate", func(w *world, n int, v *victim) error { return w.key(n, v, "POST", "/rotate", nil) }},
	{"key-disable", func(w *world, n int, v *victim) error {
		return w.key(n, v, "PATCH", "", map[string]any{"enabled": false})
	}},
	{"key-delete-tokens", (*world).mintedByKey},
	{"logout", (*world).logout},
	{"session-revoke", (*world).session},
	{"user-delete", func(w *world, n int, v *victim) error { return w.token(n, v, "") }},
	{"tokens-revoke", func(w *world, n int, v *victim) error { return w.token(n, v, "/tokens") }},
	{"token-revoke", (*world).revoke},
	{"app-delete", func(w *world, n int, v *victim) error { return w.application(n, v, "DELETE", "") }},
	{"app-rotate", func(w *world, n int, v *victim) error { return w.application(n, v, "POST", "/rotate-secret") }},
}

func (w *world) victim(kind, n int) (*victim, error) {
	k := kinds[kind%len(kinds)]
	v := &victim{name: fmt.Sprintf("%s-%d", k.name, n)}
	err := k.make(w, n, v)
	v.end.Op, v.end.Of = "end", v.name
	for i := range v.uses {
		v.uses[i].Op, v.uses[i].Of = "use", v.name
	}
	return v, err
}

// to sends a request to another node.
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

func (w *world) key(n int, v *victim, method, path string, body map[string]any) error {
	id, secret, err := w.createKey(n)
	v.uses = []client.Request{w.useKey(secret)}
	v.end = w.at(0, "", "", method, "/api-keys/"+id+path, w.admin, body)
	v.next = func(a client.Answer) []client.Request {
		if fresh := a.Str("key"); fresh != "" {
			return []client.Request{w.useKey(fresh)}
		}
		return nil
	}
	return err
}

func (w *world) mintedByKey(n int, v *victim) error {
	id, secret, err := w.createKey(n)
	if err != nil {
		return err
	}
	user, err := w.user(n)
	if err != nil {
		return err
	}
	a, err := w.want(w.root, w.at(n, "mint", "", "POST", "/users/"+user+"/token", secret, nil))
	v.uses = []client.Request{w.at(0, "", "", "GET", "/users/"+user, a.Str("access_token"), nil), w.useKey(secret)}
	v.end = w.at(0, "", "", "DELETE", "/api-keys/"+id, w.admin, nil)
	return err
}

func (w *world) me(token string) client.Request {
	return w.at(0, "", "", "GET", "/auth/me", token, nil)
}

func (w *world) logout(n int, v *victim) error {
	p, err := w.login()
	v.uses = []client.Request{w.me(p.access)}
	v.end = w.at(0, "", "", "POST", "/auth/logout", p.access, nil)
	return err
}

func (w *world) session(n int, v *victim) error {
	p, err := w.login()
	if err != nil {
		return err
	}
	list, err := w.current(p.access)
	v.uses = []client.Request{w.me(p.access)}
	v.end = w.at(0, "", "", "DELETE", "/auth/sessions/"+list, w.admin, nil)
	return err
}

func (w *world) token(n int, v *victim, path string) error {
	user, err := w.user(n)
	if err != nil {
		return err
	}
	p, err := w.mint(n, user, "")
	v.uses = []client.Request{w.at(0, "", "", "GET", "/users/"+user, p.access, nil)}
	v.end = w.at(0, "", "", "DELETE", "/users/"+user+path, w.admin, nil)
	return err
}

func (w *world) revoke(n int, v *victim) error {
	err := w.token(n, v, "")
	if err != nil {
		return err
	}
	user := v.end.Path[len("/api/v1/users/"):]
	p, err := w.mint(n, user, "")
	v.uses[0].Bearer = p.access
	v.end = w.at(0, "", "", "POST", "/auth/revoke", "", map[string]any{"refresh_token": p.refresh})
	return err
}

func (w *world) application(n int, v *victim, method, path string) error {
	a, err := w.want(w.root, w.at(n, "create-app", "", "POST", "/applications", w.admin, map[string]any{"name": "victim"}))
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
	v.uses = []client.Request{exchange(a.Str("app_secret"))}
	if method == "DELETE" {
		minted, err := w.want(w.root, v.uses[0])
		if err != nil {
			return err
		}
		v.uses = append(v.uses, w.at(0, "", "", "GET", "/users/"+user, minted.Str("access_token"), nil))
	}
	v.end = w.at(0, "", "", method, "/applications/"+app+path, w.admin, nil)
	v.next = func(a client.Answer) []client.Request {
		if fresh := a.Str("app_secret"); fresh != "" {
			return []client.Request{exchange(fresh)}
		}
		return nil
	}
	return err
}
