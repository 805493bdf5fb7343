package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// others are callers that have nothing to do with an attack. Their calls begin at
// steady rates, whether or not earlier ones were answered.
type others struct {
	w        *world
	caller   *client.Client
	phase    atomic.Pointer[string] // that calls belong to which become due
	keys     []string
	users    []string
	sessions chan *session // that no call uses
	stop     chan struct{}
	running  sync.WaitGroup
}

// session is a session of another caller.
type session struct {
	name   string
	tokens pair
	links  int // refreshes
}

// owner is another developer, who logs in again and again from addresses that it has
// logged in from before.
const owner = "owner@example.com"

// The sizes of what the others have: enough that none of them meets a limit.
const (
	otherUsers     = 8
	otherKeys      = 8
	otherSessions  = 64
	ownerAddresses = 8
)

// newOthers prepares the others.
func (w *world) newOthers(fresh bool) (*others, error) {
	none := ""
	o := &others{
		w: w, caller: client.New(w.log, "others").From(throughProxy),
		sessions: make(chan *session, otherSessions), stop: make(chan struct{}),
	}
	o.phase.Store(&none)
	if fresh {
		o.caller.Fresh()
	}
	for i := range otherUsers {
		user, err := w.user(i)
		if err != nil {
			return nil, err
		}
		_, key, err := w.createKey(i)
		if err != nil {
			return nil, err
		}
		o.users, o.keys = append(o.users, user), append(o.keys, key)
	}
	for i := range otherSessions {
		tokens, err := w.mint(i, o.users[i%otherUsers], "")
		if err != nil {
			return nil, err
		}
		o.sessions <- &session{name: fmt.Sprint("session-", i), tokens: tokens}
	}
	if err := w.stack.Run(w.stack.Password+"\n", "developer", "create", "--email", owner, "--password-stdin"); err != nil {
		return nil, err
	}
	for i := range ownerAddresses {
		if a := o.caller.Insist(w.ctx, o.login(i)); !a.OK() {
			return nil, fmt.Errorf("%s cannot log in: %v", owner, a)
		}
	}
	return o, nil
}

func (o *others) login(n int) client.Request {
	r := o.w.at(n, "login", "", "POST", "/auth/login", "", map[string]any{"email": owner, "password": o.w.stack.Password})
	r.For = fmt.Sprint("198.51.100.", 1+n%ownerAddresses)
	return r
}

// start begins calls until close.
func (o *others) start() {
	o.every(25*time.Millisecond, func(n int, due map[string]string) {
		r := o.w.at(n, "read", "", "GET", "/users/"+o.users[n%otherUsers], o.keys[n%otherKeys], nil)
		o.call(r, due)
	})
	o.every(150*time.Millisecond, func(n int, due map[string]string) {
		name := map[string]any{"first_name": fmt.Sprint("x", n)}
		o.call(o.w.at(n, "write", "", "PATCH", "/users/"+o.users[n%otherUsers], o.keys[n%otherKeys], name), due)
	})
	o.every(25*time.Millisecond, o.refresh)
	o.every(time.Second, func(n int, due map[string]string) { o.call(o.login(n), due) })
}

// every calls f with 0, 1, ... and the time at which that was due, at a steady rate.
func (o *others) every(period time.Duration, f func(n int, due map[string]string)) {
	begun := o.w.log.Now()
	o.running.Go(func() {
		for n := 0; ; n++ {
			at := begun + int64(n)*int64(period)
			select {
			case <-o.stop:
				return
			case <-time.After(time.Duration(at - o.w.log.Now())):
			}
			due := map[string]string{"due": fmt.Sprint(at), "phase": *o.phase.Load()}
			o.running.Go(func() { f(n, due) })
		}
	})
}

// call makes the call, which was due at the time.
func (o *others) call(r client.Request, due map[string]string) client.Answer {
	if r.For == "" {
		r.For = fmt.Sprintf("10.%d.%d.%d", rand.IntN(256), rand.IntN(256), 1+rand.IntN(254))
	}
	r.Of, r.Args = due["phase"], due
	return o.caller.Do(o.w.ctx, r)
}

// refresh refreshes a session, or again with the same Idempotency-Key if the last try
// was not answered.
func (o *others) refresh(n int, due map[string]string) {
	var s *session
	select {
	case s = <-o.sessions:
	case <-time.After(10 * time.Second):
		now := o.w.log.Now()
		o.w.log.Add(record.Call{
			Client: "others", Op: "refresh", Of: due["phase"], Args: due, Start: now, End: now, Error: "all sessions wait for an answer",
		})
		return
	}
	r := o.w.refresh(n, "refresh", "", s.tokens.refresh, fmt.Sprintf("%s-%d", s.name, s.links))
	if a := o.call(r, due); a.OK() {
		s.tokens = pair{a.Str("access_token"), a.Str("refresh_token")}
		s.links++
	}
	o.sessions <- s
}

// close ends the calls and waits for the answers.
func (o *others) close() {
	close(o.stop)
	o.running.Wait()
	o.caller.Close()
}
