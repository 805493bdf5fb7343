package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// chain holds the refresh tokens of one session that its clients received, oldest
// first.
// Safe for concurrent use.
type chain struct {
	name, user, app string
	mu              sync.Mutex
	tokens          []pair
}

func (c *chain) learn(p pair) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.tokens {
		if known.refresh == p.refresh {
			return
		}
	}
	c.tokens = append(c.tokens, p)
}

// back returns the token that is n older than the newest, or the oldest.
func (c *chain) back(n int) (token, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := max(0, len(c.tokens)-1-n)
	return c.tokens[i].refresh, fmt.Sprintf("%s-%d", c.name, i)
}

func (c *chain) all() []pair {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]pair(nil), c.tokens...)
}

func histories(t *trial) (check.Verdict, error) {
	families, operations := t.size(80, 1000, "families"), 10
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	user, err := w.user(0)
	if err != nil {
		return check.Verdict{}, err
	}
	err = until(families, func(i int) (whole bool, err error) {
		c := &chain{name: fmt.Sprint("family-", i), user: user}
		first, err := w.mint(i, user, c.name)
		if err != nil {
			return false, err
		}
		c.learn(first)
		var putOff atomic.Bool
		workers(4, func(n int) {
			caller := client.New(t.log, fmt.Sprint("client-", n))
			defer caller.Close()
			for step := range operations {
				if a := w.step(caller, c, n, i%3 > 0, step > operations/2); a.Status == http.StatusServiceUnavailable {
					putOff.Store(true)
				}
			}
		})
		return !putOff.Load(), w.ctx.Err()
	})
	if err != nil {
		return check.Verdict{}, err
	}
	calls, err := t.log.Read()
	return check.Histories(calls, families), err
}

// step makes one call on a family: most often one of an honest client; in a hostile
// family, and near the end of any, also one that ends the session.
func (w *world) step(caller *client.Client, c *chain, n int, hostile, late bool) client.Answer {
	pick := rand.IntN(100)
	token, key := c.back(0)
	switch {
	case pick < 60:
	case pick < 80:
		token, key = c.back(1) // a retry
	case late && pick < 83:
		r := w.at(n, "revoke", c.name, "POST", "/auth/revoke", "", map[string]any{"refresh_token": token})
		return caller.Do(w.ctx, r)
	case !hostile:
	case pick < 88:
		key = "" // without a key
	case pick < 92:
		token, _ = c.back(1)
		key = ""
	case pick < 96:
		token, _ = c.back(1)
		key = fmt.Sprint("stranger-", n)
	default:
		token, key = c.back(2 + rand.IntN(3))
	}
	a := caller.Do(w.ctx, w.refresh(n, "refresh", c.name, token, key))
	if a.OK() {
		c.learn(pair{a.Str("access_token"), a.Str("refresh_token")})
	}
	return a
}

func survivors(t *trial) (check.Verdict, error) {
	families := t.size(60, 2000, "families")
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	callers := make([]*client.Client, 5)
	for i := range callers {
		callers[i] = client.New(t.log, fmt.Sprint("client-", i))
		defer callers[i].Close()
	}
	for i := range families {
		if err := w.race(callers, i); err != nil {
			return check.Verdict{}, err
		}
	}
	calls, err := t.log.Read()
	return check.Survivors(calls, families), err
}

// race refreshes a session concurrently while it is ended, and then tries every token
// that was issued.
func (w *world) race(callers []*client.Client, i int) error {
	c, end, err := w.sessionToEnd(i)
	if err != nil {
		return err
	}
	workers(len(callers), func(n int) {
		if n == 0 {
			time.Sleep(time.Duration(rand.IntN(15)) * time.Millisecond)
			end.Op, end.Of = "end", c.name
			callers[0].Insist(w.ctx, end)
			return
		}
		for range 20 {
			token, key := c.back(0)
			a := callers[n].Do(w.ctx, w.refresh(n, "refresh", c.name, token, key))
			if !a.OK() {
				return
			}
			c.learn(pair{a.Str("access_token"), a.Str("refresh_token")})
		}
	})
	for n, p := range c.all() {
		w.root.Insist(w.ctx, w.refresh(n, "survivor", c.name, p.refresh, fmt.Sprintf("%s-%d", c.name, n)))
		w.root.Insist(w.ctx, w.at(n, "access", c.name, "GET", "/users/"+c.user, p.access, nil))
	}
	return w.ctx.Err()
}

// sessionToEnd returns a session and one of the ways to end it.
func (w *world) sessionToEnd(i int) (c *chain, end client.Request, err error) {
	c = &chain{name: fmt.Sprint("family-", i)}
	if c.user, err = w.user(i); err != nil {
		return nil, end, err
	}
	var tokens pair
	if i%4 != 3 {
		tokens, err = w.mint(i, c.user, c.name)
	} else {
		tokens, c.app, err = w.exchange(i, c.user)
	}
	c.learn(tokens)
	switch i % 4 {
	case 0:
		end = w.at(i/4, "", "", "POST", "/auth/revoke", "", map[string]any{"refresh_token": tokens.refresh})
	case 1:
		end = w.at(i/4, "", "", "DELETE", "/users/"+c.user+"/tokens", w.admin, nil)
	case 2:
		end = w.at(i/4, "", "", "DELETE", "/users/"+c.user, w.admin, nil)
	case 3:
		end = w.at(i/4, "", "", "DELETE", "/applications/"+c.app, w.admin, nil)
	}
	return c, end, err
}

// exchange creates an application and mints a session for the user by its secret.
func (w *world) exchange(n int, user string) (pair, string, error) {
	a, err := w.want(w.root, w.at(n, "create-app", "", "POST", "/applications", w.admin, map[string]any{"name": "trial"}))
	if err != nil {
		return pair{}, "", err
	}
	app := a.Str("app_id")
	a, err = w.want(w.root, w.at(n, "exchange", "", "POST", "/users/"+user+"/token", "", map[string]any{"app_id": app, "app_secret": a.Str("app_secret")}))
	return pair{a.Str("access_token"), a.Str("refresh_token")}, app, err
}
