package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// heldKey is a key of a writer.
type heldKey struct{ id, secret string }

// writer is a client that changes resources of its own, one call at a time, until the
// outcome of a call is unknown. After the restart it verifies them.
type writer struct {
	world  *world
	caller *client.Client
	name   string
	user   string
	seq    int
	stop   *atomic.Bool

	keys   []heldKey
	chain  pair
	links  int      // refreshes of the chain
	checks []func() // for after the restart
}

func (w *world) writer(i int, stop *atomic.Bool) (*writer, error) {
	o := &writer{world: w, name: fmt.Sprint("writer-", i), caller: client.New(w.log, fmt.Sprint("writer-", i)), stop: stop}
	var err error
	if o.user, err = w.user(i); err == nil {
		o.chain, err = w.mint(i, o.user, "chain:"+o.name)
	}
	return o, err
}

// at returns a request to the nodes in turn.
func (w *writer) at(op, of, method, path, bearer string, body map[string]any) client.Request {
	return w.world.at(w.seq, op, of, method, path, bearer, body)
}

// do makes a call with a request id of its own. It returns false if the outcome is
// unknown.
func (w *writer) do(r client.Request) (client.Answer, bool) {
	w.seq++
	r.ID = fmt.Sprintf("%s-%d", w.name, w.seq)
	a := w.caller.Do(w.world.ctx, r)
	return a, a.OK()
}

// ask makes a call after the restart.
func (w *writer) ask(r client.Request) client.Answer {
	w.seq++
	r.ID = fmt.Sprintf("%s-%d", w.name, w.seq)
	return w.caller.Insist(w.world.ctx, r)
}

// work makes changes until it is stopped or the outcome of a call is unknown.
func (w *writer) work() {
	steps := []func() bool{w.createKey, w.createKey, w.rotateKey, w.rotateKey, w.deleteKey, w.refresh, w.refresh, w.revoke, w.patch, w.patch}
	for !w.stop.Load() && w.world.ctx.Err() == nil && steps[rand.IntN(len(steps))]() {
	}
}

func (w *writer) createKey() bool {
	a, ok := w.do(w.at("create-key", "", "POST", "/api-keys", w.world.admin, nil))
	if ok {
		k := heldKey{a.Str("id"), a.Str("key")}
		w.keys = append(w.keys, k)
		w.checkLater(func() { w.use(k.id, k.secret) })
	}
	return ok
}

// checkLater adds a check for after the restart. It keeps the latest, and some older
// ones.
func (w *writer) checkLater(f func()) {
	if w.checks = append(w.checks, f); len(w.checks) > 12 {
		i := rand.IntN(8)
		w.checks = append(w.checks[:i], w.checks[i+1:]...)
	}
}

func (w *writer) use(id, secret string) {
	r := w.world.to(w.seq, w.world.useKey(secret))
	r.Op, r.Of = "use", id
	w.ask(r)
}

// take removes a key from the writer's and returns it.
func (w *writer) take() (heldKey, bool) {
	if len(w.keys) == 0 {
		return heldKey{}, false
	}
	i := rand.IntN(len(w.keys))
	k := w.keys[i]
	w.keys = append(w.keys[:i], w.keys[i+1:]...)
	return k, true
}

func (w *writer) rotateKey() bool {
	k, have := w.take()
	if !have {
		return true
	}
	r := w.at("rotate-key", k.id, "POST", "/api-keys/"+k.id+"/rotate", w.world.admin, nil)
	r.Key = fmt.Sprintf("%s-%d", w.name, w.seq)
	a, ok := w.do(r)
	if ok {
		w.rotated(k, a)
		return true
	}
	w.checkLater(func() {
		w.use(k.id, k.secret)
		r.Op = "rotate-again"
		if a := w.ask(r); a.OK() {
			w.use(k.id, k.secret)
			w.use(k.id, a.Str("key"))
			w.keys = append(w.keys, heldKey{k.id, a.Str("key")})
		}
	})
	return false
}

func (w *writer) rotated(k heldKey, a client.Answer) {
	fresh := heldKey{k.id, a.Str("key")}
	w.keys = append(w.keys, fresh)
	w.checkLater(func() { w.use(k.id, k.secret) })
	w.checkLater(func() { w.use(k.id, fresh.secret) })
}

func (w *writer) deleteKey() bool {
	k, have := w.take()
	if !have {
		return true
	}
	_, ok := w.do(w.at("delete-key", k.id, "DELETE", "/api-keys/"+k.id, w.world.admin, nil))
	w.checkLater(func() { w.use(k.id, k.secret) })
	return ok
}

func (w *writer) refresh() bool {
	r := w.world.refresh(w.seq, "refresh", "chain:"+w.name, w.chain.refresh, fmt.Sprintf("%s-%d", w.name, w.links))
	a, ok := w.do(r)
	if ok {
		w.links++
		w.chain = pair{a.Str("access_token"), a.Str("refresh_token")}
		return true
	}
	w.checkLater(func() {
		r.Op = "refresh-again"
		if a := w.ask(r); a.OK() {
			w.links++
			w.chain = pair{a.Str("access_token"), a.Str("refresh_token")}
		}
	})
	return false
}

func (w *writer) revoke() bool {
	of := fmt.Sprintf("token:%s-%d", w.name, w.seq)
	a, ok := w.do(w.at("mint", of, "POST", "/users/"+w.user+"/token", w.world.admin, nil))
	if !ok {
		return false
	}
	p := pair{a.Str("access_token"), a.Str("refresh_token")}
	_, ok = w.do(w.at("revoke", of, "POST", "/auth/revoke", "", map[string]any{"refresh_token": p.refresh}))
	w.checkLater(func() {
		w.ask(w.at("access", of, "GET", "/users/"+w.user, p.access, nil))
		w.ask(w.world.refresh(w.seq, "try", of, p.refresh, "again"))
	})
	return ok
}

func (w *writer) patch() bool {
	value := fmt.Sprintf("%s-%d", w.name, w.seq)
	r := w.at("patch", "user:"+w.name, "PATCH", "/users/"+w.user, w.world.admin, map[string]any{"first_name": value, "last_name": value})
	r.Args = map[string]string{"value": value}
	_, ok := w.do(r)
	return ok
}

// verify makes the checks after the restart.
func (w *writer) verify() {
	checks := w.checks
	w.checks = nil
	w.ask(w.at("read", "user:"+w.name, "GET", "/users/"+w.user, w.world.admin, nil))
	for _, f := range checks {
		f()
	}
	w.ask(w.at("access", "chain:"+w.name, "GET", "/users/"+w.user, w.chain.access, nil))
	if len(w.keys) > 8 {
		w.keys = w.keys[len(w.keys)-8:]
	}
}
