package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// act is a call that changed something, with the secrets in its answer.
type act struct {
	request client.Request
	answer  client.Answer
}

// by says whether the act was acknowledged at the time of the record.
func (a *act) by(at int64) bool { return a.answer.OK() && a.answer.End <= at }

// payer is a client with things of its own, which it changes one call at a time
// and keeps the books of, so that it knows what it was told at any time before.
type payer struct {
	w      *world
	caller *client.Client
	name   string
	user   string
	first  pair
	acts   []act
	stop   *atomic.Bool
}

func (w *world) payer(i int, stop *atomic.Bool) (*payer, error) {
	name := fmt.Sprint("payer-", i)
	p := &payer{w: w, name: name, caller: client.New(w.log, name), stop: stop}
	var err error
	if p.user, err = w.user(i); err == nil {
		p.first, err = w.mint(i, p.user, "")
	}
	return p, err
}

// do makes a call and keeps it; false means that nobody knows what came of it.
func (p *payer) do(r client.Request) (client.Answer, bool) {
	r.ID = fmt.Sprintf("%s-%d", p.name, len(p.acts))
	a := p.caller.Do(p.w.ctx, r)
	p.acts = append(p.acts, act{r, a})
	return a, a.OK()
}

// pay changes things until it is stopped or a call is not answered.
func (p *payer) pay() {
	for ok := true; ok && !p.stop.Load() && p.w.ctx.Err() == nil; {
		b := p.books(p.w.log.Now())
		id := fmt.Sprintf("%s-%d", p.name, len(p.acts))
		switch n := rand.IntN(10); {
		case n < 3 && len(b.keys) > 0:
			ok = p.changeKey(b.keys[rand.IntN(len(b.keys))], n, id)
		case n < 5:
			r := p.w.refresh(0, "refresh", "chain:"+p.name, b.chain.refresh, id)
			_, ok = p.do(r)
		case n < 6:
			ok = p.revoke("token:" + id)
		case n < 8:
			r := p.w.at(0, "patch", "user:"+p.name, "PATCH", "/users/"+p.user, p.w.admin, map[string]any{"first_name": id, "last_name": id})
			r.Args = map[string]string{"value": id}
			_, ok = p.do(r)
		default:
			ok = p.create()
		}
	}
}

func (p *payer) create() bool {
	_, ok := p.do(p.w.at(0, "create-key", "", "POST", "/api-keys", p.w.admin, nil))
	return ok
}

func (p *payer) changeKey(k *dated, n int, id string) bool {
	if k.dead {
		return true
	}
	r := p.w.at(0, "delete-key", k.id, "DELETE", "/api-keys/"+k.id, p.w.admin, nil)
	if n < 2 {
		r = p.w.at(0, "rotate-key", k.id, "POST", "/api-keys/"+k.id+"/rotate", p.w.admin, nil)
		r.Key = id
	}
	_, ok := p.do(r)
	return ok
}

func (p *payer) revoke(of string) bool {
	a, ok := p.do(p.w.at(0, "mint", of, "POST", "/users/"+p.user+"/token", p.w.admin, nil))
	if !ok {
		return false
	}
	_, ok = p.do(p.w.at(0, "revoke", of, "POST", "/auth/revoke", "", map[string]any{"refresh_token": a.Str("refresh_token")}))
	return ok
}

// dated is a key with all secrets that it had, the last of which is the valid one
// while it lives.
type dated struct {
	id      string
	secrets []string
	dead    bool
}

// books are what a payer had been told at a time.
type books struct {
	keys    []*dated
	chain   pair
	tokens  map[string]pair
	last    string // the token that was minted last
	pending *act   // which it had not been told of
}

func (p *payer) books(at int64) *books {
	b := &books{chain: p.first, tokens: make(map[string]pair)}
	keys := make(map[string]*dated)
	for i := range p.acts {
		a := &p.acts[i]
		if a.answer.Start > at {
			break
		}
		if !a.by(at) {
			b.pending = a
			break
		}
		tokens := pair{a.answer.Str("access_token"), a.answer.Str("refresh_token")}
		switch a.request.Op {
		case "create-key":
			k := &dated{id: a.answer.Str("id"), secrets: []string{a.answer.Str("key")}}
			b.keys, keys[k.id] = append(b.keys, k), k
		case "rotate-key":
			k := keys[a.request.Of]
			k.secrets = append(k.secrets, a.answer.Str("key"))
		case "delete-key":
			keys[a.request.Of].dead = true
		case "refresh":
			b.chain = tokens
		case "mint":
			b.last, b.tokens[a.request.Of] = a.request.Of, tokens
		}
	}
	return b
}

// look looks at what must be so after a loss at the time: at the keys that were
// changed last, and what is not told of first.
func (p *payer) look(at int64) {
	b := p.books(at)
	p.see(p.w.at(0, "read", "user:"+p.name, "GET", "/users/"+p.user, p.w.admin, nil))
	of := ""
	if b.pending != nil {
		of = b.pending.request.Of
	}
	for i, k := range b.keys {
		if k.id != of && i < len(b.keys)-6 {
			continue
		}
		for _, secret := range k.secrets {
			p.use(k.id, secret)
		}
		if k.id == of && b.pending.request.Op == "rotate-key" {
			p.again(b.pending.request, k)
		}
	}
	if of == "chain:"+p.name {
		r := p.w.to(0, b.pending.request)
		r.Op, r.ID = "refresh-again", ""
		if a := p.see(r); a.OK() {
			b.chain = pair{a.Str("access_token"), a.Str("refresh_token")}
		}
	}
	p.see(p.w.at(0, "access", "chain:"+p.name, "GET", "/users/"+p.user, b.chain.access, nil))
	p.see(p.w.refresh(0, "go-on", "", b.chain.refresh, ""))
	if t, ok := b.tokens[b.last]; ok {
		p.see(p.w.at(0, "access", b.last, "GET", "/users/"+p.user, t.access, nil))
		p.see(p.w.refresh(0, "try", b.last, t.refresh, "again"))
	}
}

func (p *payer) see(r client.Request) client.Answer { return p.caller.Insist(p.w.ctx, r) }

func (p *payer) use(id, secret string) {
	r := p.w.useKey(secret)
	r.Op, r.Of = "use", id
	p.see(r)
}

// again rotates again as the pending call would have: its retry.
func (p *payer) again(r client.Request, k *dated) {
	r = p.w.to(0, r)
	r.Op, r.ID = "rotate-again", ""
	if a := p.see(r); a.OK() {
		p.use(k.id, k.secrets[len(k.secrets)-1])
		p.use(k.id, a.Str("key"))
	}
}
