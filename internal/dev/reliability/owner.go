package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// held is a key of an owner.
type held struct{ id, secret string }

// owner is a client with things of its own, which it changes one call at a time
// until a call is not answered, and looks at after the restart.
type owner struct {
	w      *world
	caller *client.Client
	name   string
	user   string
	seq    int
	stop   *atomic.Bool

	keys   []held
	chain  pair
	links  int      // refreshes of the chain
	lately []func() // what to look at after the restart
}

func (w *world) owner(i int, stop *atomic.Bool) (*owner, error) {
	o := &owner{w: w, name: fmt.Sprint("owner-", i), caller: client.New(w.log, fmt.Sprint("owner-", i)), stop: stop}
	var err error
	if o.user, err = w.user(i); err == nil {
		o.chain, err = w.mint(i, o.user, "chain:"+o.name)
	}
	return o, err
}

// do makes a call with a request id of its own; false means that nobody knows what
// came of it.
func (o *owner) do(r client.Request) (client.Answer, bool) {
	o.seq++
	r.ID = fmt.Sprintf("%s-%d", o.name, o.seq)
	a := o.caller.Do(o.w.ctx, r)
	return a, a.OK()
}

// look is a call that is made after the restart.
func (o *owner) look(r client.Request) client.Answer {
	o.seq++
	r.ID = fmt.Sprintf("%s-%d", o.name, o.seq)
	return o.caller.Insist(o.w.ctx, r)
}

// work changes things until it is stopped or a call is not answered.
func (o *owner) work() {
	steps := []func() bool{o.createKey, o.createKey, o.rotateKey, o.rotateKey, o.deleteKey, o.refresh, o.refresh, o.revoke, o.patch, o.patch}
	for !o.stop.Load() && o.w.ctx.Err() == nil && steps[rand.IntN(len(steps))]() {
	}
}

func (o *owner) createKey() bool {
	a, ok := o.do(o.w.at(0, "create-key", "", "POST", "/api-keys", o.w.admin, nil))
	if ok {
		k := held{a.Str("id"), a.Str("key")}
		o.keys = append(o.keys, k)
		o.later(func() { o.use(k.id, k.secret) })
	}
	return ok
}

// later keeps what to look at, and of what was acknowledged long ago some.
func (o *owner) later(f func()) {
	if o.lately = append(o.lately, f); len(o.lately) > 12 {
		i := rand.IntN(8)
		o.lately = append(o.lately[:i], o.lately[i+1:]...)
	}
}

func (o *owner) use(id, secret string) {
	r := o.w.useKey(secret)
	r.Op, r.Of = "use", id
	o.look(r)
}

// take removes a key from those that the owner has.
func (o *owner) take() (held, bool) {
	if len(o.keys) == 0 {
		return held{}, false
	}
	i := rand.IntN(len(o.keys))
	k := o.keys[i]
	o.keys = append(o.keys[:i], o.keys[i+1:]...)
	return k, true
}

func (o *owner) rotateKey() bool {
	k, have := o.take()
	if !have {
		return true
	}
	r := o.w.at(0, "rotate-key", k.id, "POST", "/api-keys/"+k.id+"/rotate", o.w.admin, nil)
	r.Key = fmt.Sprintf("%s-%d", o.name, o.seq)
	a, ok := o.do(r)
	if ok {
		o.rotated(k, a)
		return true
	}
	o.later(func() {
		o.use(k.id, k.secret)
		r.Op = "rotate-again"
		if a := o.look(r); a.OK() {
			o.use(k.id, k.secret)
			o.use(k.id, a.Str("key"))
			o.keys = append(o.keys, held{k.id, a.Str("key")})
		}
	})
	return false
}

func (o *owner) rotated(k held, a client.Answer) {
	fresh := held{k.id, a.Str("key")}
	o.keys = append(o.keys, fresh)
	o.later(func() { o.use(k.id, k.secret) })
	o.later(func() { o.use(k.id, fresh.secret) })
}

func (o *owner) deleteKey() bool {
	k, have := o.take()
	if !have {
		return true
	}
	_, ok := o.do(o.w.at(0, "delete-key", k.id, "DELETE", "/api-keys/"+k.id, o.w.admin, nil))
	o.later(func() { o.use(k.id, k.secret) })
	return ok
}

func (o *owner) refresh() bool {
	r := o.w.refresh(0, "refresh", "chain:"+o.name, o.chain.refresh, fmt.Sprintf("%s-%d", o.name, o.links))
	a, ok := o.do(r)
	if ok {
		o.links++
		o.chain = pair{a.Str("access_token"), a.Str("refresh_token")}
		return true
	}
	o.later(func() {
		r.Op = "refresh-again"
		if a := o.look(r); a.OK() {
			o.links++
			o.chain = pair{a.Str("access_token"), a.Str("refresh_token")}
		}
	})
	return false
}

func (o *owner) revoke() bool {
	of := fmt.Sprintf("token:%s-%d", o.name, o.seq)
	a, ok := o.do(o.w.at(0, "mint", of, "POST", "/users/"+o.user+"/token", o.w.admin, nil))
	if !ok {
		return false
	}
	p := pair{a.Str("access_token"), a.Str("refresh_token")}
	_, ok = o.do(o.w.at(0, "revoke", of, "POST", "/auth/revoke", "", map[string]any{"refresh_token": p.refresh}))
	o.later(func() {
		o.look(o.w.at(0, "access", of, "GET", "/users/"+o.user, p.access, nil))
		o.look(o.w.refresh(0, "try", of, p.refresh, "again"))
	})
	return ok
}

func (o *owner) patch() bool {
	value := fmt.Sprintf("%s-%d", o.name, o.seq)
	r := o.w.at(0, "patch", "user:"+o.name, "PATCH", "/users/"+o.user, o.w.admin, map[string]any{"first_name": value, "last_name": value})
	r.Args = map[string]string{"value": value}
	_, ok := o.do(r)
	return ok
}

// inspect looks at what must be so after the restart.
func (o *owner) inspect() {
	lately := o.lately
	o.lately = nil
	o.look(o.w.at(0, "read", "user:"+o.name, "GET", "/users/"+o.user, o.w.admin, nil))
	for _, f := range lately {
		f()
	}
	o.look(o.w.at(0, "access", "chain:"+o.name, "GET", "/users/"+o.user, o.chain.access, nil))
	if len(o.keys) > 8 {
		o.keys = o.keys[len(o.keys)-8:]
	}
}
