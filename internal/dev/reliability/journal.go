package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// entry is a call that changed something, with the secrets in its answer.
type entry struct {
	request client.Request
	answer  client.Answer
}

// acknowledgedBy reports whether the call was acknowledged at the time of the record.
func (a *entry) acknowledgedBy(at int64) bool { return a.answer.OK() && a.answer.End <= at }

// journalWriter is a client that changes resources of its own, one call at a time,
// and keeps a journal of the calls. From that follows what it knew at any time.
type journalWriter struct {
	world   *world
	caller  *client.Client
	name    string
	user    string
	first   pair
	journal []entry
	stop    *atomic.Bool
}

func (w *world) journalWriter(i int, stop *atomic.Bool) (*journalWriter, error) {
	name := fmt.Sprint("writer-", i)
	p := &journalWriter{world: w, name: name, caller: client.New(w.log, name), stop: stop}
	var err error
	if p.user, err = w.user(i); err == nil {
		p.first, err = w.mint(i, p.user, "")
	}
	return p, err
}

// do makes a call and adds it to the journal. It returns false if the outcome is
// unknown.
func (w *journalWriter) do(r client.Request) (client.Answer, bool) {
	r.ID = fmt.Sprintf("%s-%d", w.name, len(w.journal))
	a := w.caller.Do(w.world.ctx, r)
	w.journal = append(w.journal, entry{r, a})
	return a, a.OK()
}

// work makes changes until it is stopped or the outcome of a call is unknown.
func (w *journalWriter) work() {
	for ok := true; ok && !w.stop.Load() && w.world.ctx.Err() == nil; {
		b := w.stateAt(w.world.log.Now())
		id := fmt.Sprintf("%s-%d", w.name, len(w.journal))
		switch n := rand.IntN(10); {
		case n < 3 && len(b.keys) > 0:
			ok = w.changeKey(b.keys[rand.IntN(len(b.keys))], n, id)
		case n < 5:
			r := w.world.refresh(0, "refresh", "chain:"+w.name, b.chain.refresh, id)
			_, ok = w.do(r)
		case n < 6:
			ok = w.revoke("token:" + id)
		case n < 8:
			r := w.world.at(0, "patch", "user:"+w.name, "PATCH", "/users/"+w.user, w.world.admin, map[string]any{"first_name": id, "last_name": id})
			r.Args = map[string]string{"value": id}
			_, ok = w.do(r)
		default:
			ok = w.create()
		}
	}
}

func (w *journalWriter) create() bool {
	_, ok := w.do(w.world.at(0, "create-key", "", "POST", "/api-keys", w.world.admin, nil))
	return ok
}

func (w *journalWriter) changeKey(k *keyHistory, n int, id string) bool {
	if k.dead {
		return true
	}
	r := w.world.at(0, "delete-key", k.id, "DELETE", "/api-keys/"+k.id, w.world.admin, nil)
	if n < 2 {
		r = w.world.at(0, "rotate-key", k.id, "POST", "/api-keys/"+k.id+"/rotate", w.world.admin, nil)
		r.Key = id
	}
	_, ok := w.do(r)
	return ok
}

func (w *journalWriter) revoke(of string) bool {
	a, ok := w.do(w.world.at(0, "mint", of, "POST", "/users/"+w.user+"/token", w.world.admin, nil))
	if !ok {
		return false
	}
	_, ok = w.do(w.world.at(0, "revoke", of, "POST", "/auth/revoke", "", map[string]any{"refresh_token": a.Str("refresh_token")}))
	return ok
}

// keyHistory is a key with all secrets that it had, the last of which is the valid one
// while it lives.
type keyHistory struct {
	id      string
	secrets []string
	dead    bool
}

// state is what a journalWriter knew at a time.
type state struct {
	keys    []*keyHistory
	chain   pair
	tokens  map[string]pair
	last    string // the token that was minted last
	pending *entry // the call under way, if any
}

func (w *journalWriter) stateAt(at int64) *state {
	b := &state{chain: w.first, tokens: make(map[string]pair)}
	keys := make(map[string]*keyHistory)
	for i := range w.journal {
		a := &w.journal[i]
		if a.answer.Start > at {
			break
		}
		if !a.acknowledgedBy(at) {
			b.pending = a
			break
		}
		tokens := pair{a.answer.Str("access_token"), a.answer.Str("refresh_token")}
		switch a.request.Op {
		case "create-key":
			k := &keyHistory{id: a.answer.Str("id"), secrets: []string{a.answer.Str("key")}}
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

// verify reads what must be there after a loss at the time: the keys that were
// changed last, and the subject of the call under way.
func (w *journalWriter) verify(at int64) {
	b := w.stateAt(at)
	w.ask(w.world.at(0, "read", "user:"+w.name, "GET", "/users/"+w.user, w.world.admin, nil))
	of := ""
	if b.pending != nil {
		of = b.pending.request.Of
	}
	for i, k := range b.keys {
		if k.id != of && i < len(b.keys)-6 {
			continue
		}
		for _, secret := range k.secrets {
			w.use(k.id, secret)
		}
		if k.id == of && b.pending.request.Op == "rotate-key" {
			w.rotateAgain(b.pending.request, k)
		}
	}
	if of == "chain:"+w.name {
		r := w.world.to(0, b.pending.request)
		r.Op, r.ID = "refresh-again", ""
		if a := w.ask(r); a.OK() {
			b.chain = pair{a.Str("access_token"), a.Str("refresh_token")}
		}
	}
	w.ask(w.world.at(0, "access", "chain:"+w.name, "GET", "/users/"+w.user, b.chain.access, nil))
	w.ask(w.world.refresh(0, "go-on", "", b.chain.refresh, ""))
	if t, ok := b.tokens[b.last]; ok {
		w.ask(w.world.at(0, "access", b.last, "GET", "/users/"+w.user, t.access, nil))
		w.ask(w.world.refresh(0, "try", b.last, t.refresh, "again"))
	}
}

func (w *journalWriter) ask(r client.Request) client.Answer { return w.caller.Insist(w.world.ctx, r) }

func (w *journalWriter) use(id, secret string) {
	r := w.world.useKey(secret)
	r.Op, r.Of = "use", id
	w.ask(r)
}

// rotateAgain retries the rotation that was under way.
func (w *journalWriter) rotateAgain(r client.Request, k *keyHistory) {
	r = w.world.to(0, r)
	r.Op, r.ID = "rotate-again", ""
	if a := w.ask(r); a.OK() {
		w.use(k.id, k.secrets[len(k.secrets)-1])
		w.use(k.id, a.Str("key"))
	}
}
