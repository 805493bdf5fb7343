package main

import (
	"fmt"
	"sync"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/record"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// world is a running stack with a developer who is logged in.
type world struct {
	*trial
	root   *client.Client
	admin  string       // the developer's access token
	unlock func() error // releases the locked tables
}

// pair is the tokens of a session.
type pair struct{ access, refresh string }

// enter starts the trial's stack and logs in.
func (t *trial) enter(flags ...string) (*world, error) {
	if err := t.start(flags...); err != nil {
		return nil, err
	}
	w := &world{trial: t, root: client.New(t.log, "root")}
	tokens, err := w.login()
	w.admin = tokens.access
	return w, err
}

// at returns a request to one of the nodes after the first avoid.
func (t *trial) at(n int, op, of, method, path, bearer string, body map[string]any) client.Request {
	node := t.stack.Nodes[t.avoid+n%(len(t.stack.Nodes)-t.avoid)]
	return client.Request{Node: node.Index, Addr: node.Addr, Op: op, Of: of, Method: method, Path: "/api/v1" + path, Bearer: bearer, Body: body}
}

// want makes a call that must succeed, or the trial fails.
func (w *world) want(c *client.Client, r client.Request) (client.Answer, error) {
	a := c.Insist(w.ctx, r)
	if !a.OK() {
		return a, fmt.Errorf("%s: %s %s: %v", r.Op, r.Method, r.Path, a)
	}
	return a, nil
}

func (w *world) login() (pair, error) {
	a, err := w.want(w.root, w.at(0, "login", "", "POST", "/auth/login", "", map[string]any{"email": stack.Email, "password": w.stack.Password}))
	return pair{a.Str("access_token"), a.Str("refresh_token")}, err
}

// user creates a user and returns its id.
func (w *world) user(n int) (string, error) {
	a, err := w.want(w.root, w.at(n, "create-user", "", "POST", "/users", w.admin, map[string]any{}))
	return a.Str("id"), err
}

// mint creates a session of the user.
func (w *world) mint(n int, user, of string) (pair, error) {
	a, err := w.want(w.root, w.at(n, "mint", of, "POST", "/users/"+user+"/token", w.admin, nil))
	return pair{a.Str("access_token"), a.Str("refresh_token")}, err
}

// refresh returns a request that refreshes by the token.
func (t *trial) refresh(n int, op, of, token, key string) client.Request {
	r := t.at(n, op, of, "POST", "/auth/refresh", "", map[string]any{"refresh_token": token})
	r.Key = key
	return r
}

// until calls f with 0, 1, ... until it has returned whole n times, and at most 2n
// times.
func until(n int, f func(i int) (whole bool, err error)) error {
	for i, done := 0, 0; done < n && i < 2*n; i++ {
		whole, err := f(i)
		if err != nil {
			return err
		}
		if whole {
			done++
		}
	}
	return nil
}

// workers makes n concurrent calls of f and waits for them.
func workers(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// current returns the id of the session that the token belongs to.
func (w *world) current(token string) (string, error) {
	return w.root.Current(w.ctx, w.stack.Nodes[w.avoid].Addr, token)
}

// recordLoad records the load of a node.
func (w *world) recordLoad(op, of string, node int, l stack.Load) {
	w.note(op, of, node, map[string]string{
		"rss": fmt.Sprint(l.RSS), "goroutines": fmt.Sprint(l.Goroutines), "files": fmt.Sprint(l.Files),
	})
}

// note records what was seen of the stack.
func (w *world) note(op, of string, node int, args map[string]string) {
	now := w.log.Now()
	w.log.Add(record.Call{Client: "harness", Node: node, Op: op, Of: of, Args: args, Start: now, End: now})
}
