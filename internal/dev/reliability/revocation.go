package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// callers are clients that use all credentials concurrently until close.
type callers struct {
	w     *world
	nodes []int // the nodes that are used
	mu    sync.RWMutex
	uses  []client.Request
	stop  chan struct{}
	done  sync.WaitGroup
}

// startCallers starts eight clients, which call the given nodes.
func (w *world) startCallers(nodes ...int) *callers {
	c := &callers{w: w, nodes: nodes, stop: make(chan struct{})}
	for i := range 8 {
		caller := client.New(w.log, fmt.Sprint("client-", i))
		c.done.Go(func() {
			defer caller.Close()
			for c.use(caller) {
			}
		})
	}
	return c
}

func (c *callers) use(caller *client.Client) bool {
	select {
	case <-c.stop:
		return false
	default:
	}
	c.mu.RLock()
	var r client.Request
	if len(c.uses) > 0 {
		r = c.uses[rand.IntN(len(c.uses))]
	}
	c.mu.RUnlock()
	if r.Method == "" {
		time.Sleep(time.Millisecond)
		return true
	}
	caller.Do(c.w.ctx, c.w.to(c.nodes[rand.IntN(len(c.nodes))], r))
	return true
}

func (c *callers) add(uses ...client.Request) {
	c.mu.Lock()
	c.uses = append(c.uses, uses...)
	c.mu.Unlock()
}

func (c *callers) clear() {
	c.mu.Lock()
	c.uses = nil
	c.mu.Unlock()
}

func (c *callers) close() {
	close(c.stop)
	c.done.Wait()
}

// disturb causes a fault once the credentials are in use, and returns a function that
// ends it.
type disturb func([]*credential) (undo func() error, err error)

// batch ends one credential in each way while the callers use them. It calls disturb
// once all are in use, and undo once all are ended.
func (c *callers) batch(n int, disturb disturb) error {
	w := c.w
	credentials := make([]*credential, len(endings))
	errs := make([]error, len(endings))
	workers(4, func(i int) {
		for k := i; k < len(endings); k += 4 {
			credentials[k], errs[k] = w.credential(k, n*len(endings)+k)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, cred := range credentials {
		c.add(cred.uses...)
	}
	time.Sleep(120 * time.Millisecond)
	undo := func() error { return nil }
	if disturb != nil {
		var err error
		if undo, err = disturb(credentials); err != nil {
			return err
		}
	}
	workers(4, func(i int) {
		for k := i; k < len(endings); k += 4 {
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			errs[k] = c.end(credentials[k], n+k)
		}
	})
	err := errors.Join(undo(), errors.Join(errs...))
	time.Sleep(120 * time.Millisecond)
	c.clear()
	return errors.Join(err, w.ctx.Err())
}

// end ends a credential and retries until that is acknowledged, or until a retry finds
// that a call which was put off has done it.
func (c *callers) end(cred *credential, n int) error {
	for deadline, putOff := time.Now().Add(30*time.Second), false; ; time.Sleep(100 * time.Millisecond) {
		a := c.w.root.Do(c.w.ctx, c.w.to(c.nodes[n%len(c.nodes)], cred.end))
		if putOff && (a.Status == http.StatusNotFound || a.Status == http.StatusUnauthorized) {
			return c.w.log.Event("end", cred.name, 0, func() error { return nil })
		}
		if a.OK() {
			if cred.next == nil {
				return nil
			}
			fresh := cred.next(a)
			for i := range fresh {
				fresh[i].Op, fresh[i].Of = "use-new", cred.name
				c.w.root.Do(c.w.ctx, c.w.to(c.nodes[(n+1)%len(c.nodes)], fresh[i]))
			}
			c.add(fresh...)
			return nil
		}
		if a.Status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return fmt.Errorf("%s could not be ended: %v", cred.name, a)
		}
		putOff = true
	}
}

// everywhere returns the indexes of all nodes.
func (w *world) everywhere() []int {
	all := make([]int, len(w.stack.Nodes))
	for i := range all {
		all[i] = i
	}
	return all
}

func revocation(t *trial) (check.Verdict, error) {
	batches := t.size(5, 92, fmt.Sprintf("times %d ways to end", len(endings)))
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	c := w.startCallers(w.everywhere()...)
	for n := range batches {
		if err == nil {
			err = c.batch(n, nil)
		}
	}
	if err == nil {
		err = w.disable(c)
	}
	c.close()
	calls, failed := t.log.Read()
	return check.Ended(calls, batches*len(endings)+1, false), errors.Join(err, failed)
}

// disable disables another developer, who is logged in, by the command.
func (w *world) disable(c *callers) error {
	const email = "disabled@example.com"
	if err := w.stack.Run(w.stack.Password+"\n", "developer", "create", "--email", email, "--password-stdin"); err != nil {
		return err
	}
	a, err := w.want(w.root, w.at(0, "login", "", "POST", "/auth/login", "", map[string]any{"email": email, "password": w.stack.Password}))
	if err != nil {
		return err
	}
	use := w.me(a.Str("access_token"))
	use.Op, use.Of = "use", "developer-disable"
	c.add(use)
	time.Sleep(120 * time.Millisecond)
	err = w.log.Event("end", "developer-disable", 0, func() error {
		return w.stack.Run("", "developer", "disable", "--email", email)
	})
	time.Sleep(120 * time.Millisecond)
	return err
}
