package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// outage is a fault of a dependency.
type outage struct {
	name        string
	begin, heal func(*world) error
	redis       bool // of Redis, not of the database
	telling     bool // one of the few that run in the short tier without Redis
}

var outages = []outage{
	{name: "db-down", begin: func(w *world) error { w.stack.DB.Down(); return nil }, heal: healDB},
	{name: "db-black-hole", begin: func(w *world) error { return w.stack.DB.BlackHole() }, heal: healDB, telling: true},
	{name: "db-slow", begin: func(w *world) error { return w.stack.DB.Slow(3000) }, heal: healDB},
	{name: "lagging", begin: func(w *world) error { return w.stack.DB.Slow(700) }, heal: healDB, telling: true},
	{name: "db-restarted", begin: func(w *world) error { w.stack.Postgres.Kill(); return nil }, heal: func(w *world) error { return w.stack.Postgres.Up() }},
	{name: "tables-locked", begin: lockTables, heal: func(w *world) error { return w.unlock() }},
	{name: "redis-down", redis: true, begin: func(w *world) error { w.stack.Cache.Down(); return nil }, heal: healCache},
	{name: "redis-black-hole", redis: true, begin: func(w *world) error { return w.stack.Cache.BlackHole() }, heal: healCache},
	{name: "redis-slow", redis: true, begin: func(w *world) error { return w.stack.Cache.Slow(3000) }, heal: healCache},
	{name: "redis-restarted", redis: true, begin: func(w *world) error { w.stack.Redis.Kill(); return nil }, heal: func(w *world) error { return w.stack.Redis.Up() }},
}

// lockTables locks every table that the traffic needs, so that all connections of a
// node wait.
func lockTables(w *world) (err error) {
	w.unlock, err = w.stack.Lock("users, sessions, api_keys")
	return err
}

func healDB(w *world) error    { return w.stack.DB.Heal() }
func healCache(w *world) error { return w.stack.Cache.Heal() }

// How long a fault lasts, and the load after it.
const (
	faultTime    = 3 * time.Second
	recoveryTime = 4 * time.Second
)

func outaged(t *trial) (check.Verdict, error) {
	rounds := t.size(1, 3, "rounds of all faults")
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	traffic, err := w.mixed()
	if err != nil {
		return check.Verdict{}, err
	}
	var names []string
	for round := range rounds {
		for _, o := range outages {
			if t.stack.Redis == nil && (o.redis || !t.full && !o.telling) {
				continue
			}
			o.name = fmt.Sprint(o.name, "-", round)
			names = append(names, o.name)
			if err := w.underFault(o, traffic); err != nil {
				return check.Verdict{}, fmt.Errorf("%s: %w", o.name, err)
			}
		}
	}
	calls, err := t.log.Read()
	return check.Outages(calls, names), err
}

// mixed returns ordinary calls of several users and keys: reads and writes that must
// succeed ("right"), and calls that must always be refused ("wrong").
func (w *world) mixed() ([]client.Request, error) {
	var all []client.Request
	for n := range 8 {
		right, wrong, err := w.ordinary(n)
		if err != nil {
			return nil, err
		}
		for i := range right {
			right[i].Op = "right"
		}
		for i := range wrong {
			wrong[i].Op = "wrong"
		}
		all = append(append(all, right...), wrong...)
	}
	return all, nil
}

func (w *world) ordinary(n int) (right, wrong []client.Request, err error) {
	user, err := w.user(n)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := w.mint(n, user, "")
	if err != nil {
		return nil, nil, err
	}
	_, secret, err := w.createKey(n)
	if err != nil {
		return nil, nil, err
	}
	id, ended, err := w.createKey(n)
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.want(w.root, w.at(n, "delete-key", "", "DELETE", "/api-keys/"+id, w.admin, nil)); err != nil {
		return nil, nil, err
	}
	right = []client.Request{
		w.useKey(secret), w.me(w.admin), w.at(0, "", "", "GET", "/users/"+user, tokens.access, nil),
		w.at(0, "", "", "POST", "/users", secret, map[string]any{}),
		w.at(0, "", "", "PATCH", "/users/"+user, secret, map[string]any{"first_name": "x"}),
		w.at(0, "", "", "POST", "/users/"+user+"/token", w.admin, nil),
	}
	wrong = []client.Request{w.useKey(ended), w.refresh(0, "", "", tokens.refresh[:len(tokens.refresh)-1]+"!", "")}
	return right, wrong, nil
}

// underFault causes a fault under traffic that begins before it and ends after it,
// and records the load of the nodes before and after.
func (w *world) underFault(o outage, traffic []client.Request) error {
	if err := w.sample(o.name, "baseline"); err != nil {
		return err
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() { w.closedLoop(o.name, i, traffic, stop) })
	}
	for n := range w.stack.Nodes {
		done.Go(func() { w.probe(o.name, n, stop) })
	}
	time.Sleep(time.Second)
	err := w.log.Event("fault", o.name, 0, func() error { return o.begin(w) })
	if err == nil {
		time.Sleep(faultTime)
		err = w.log.Event("heal", o.name, 0, func() error { return o.heal(w) })
	}
	time.Sleep(recoveryTime)
	close(stop)
	done.Wait()
	time.Sleep(time.Second)
	return errors.Join(err, w.sample(o.name, "after"), w.ctx.Err())
}

// closedLoop makes calls of the traffic, one after the other, until stop is closed.
func (w *world) closedLoop(name string, i int, traffic []client.Request, stop <-chan struct{}) {
	caller := client.New(w.log, fmt.Sprint("client-", i))
	defer caller.Close()
	for n := 7 * i; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
		r := w.to(n, traffic[n%len(traffic)])
		r.Of = name
		caller.Do(w.ctx, r)
	}
}

// probe calls the health endpoints of a node ten times a second, each time on a new
// connection and without waiting for earlier answers.
func (w *world) probe(name string, node int, stop <-chan struct{}) {
	prober := client.New(w.log, fmt.Sprint("prober-", node)).Fresh()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
		for _, path := range []string{"/livez", "/readyz"} {
			r := w.to(node, client.Request{Op: strings.Trim(path, "/"), Of: name, Method: "GET", Path: path})
			all.Go(func() { prober.Do(w.ctx, r) })
		}
	}
}

// sample records the load of each node.
func (w *world) sample(name, when string) error {
	for _, n := range w.stack.Nodes {
		l, err := n.Load()
		if err != nil {
			return err
		}
		w.recordLoad(when, name, n.Index, l)
	}
	return nil
}
