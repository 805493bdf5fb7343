package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// crowd uses all victims from all sides until it is dispersed.
type crowd struct {
	w    *world
	spot []int // the nodes that are used
	mu   sync.RWMutex
	uses []client.Request
	stop chan struct{}
	done sync.WaitGroup
}

// gather starts eight clients.
func (w *world) gather(nodes ...int) *crowd {
	c := &crowd{w: w, spot: nodes, stop: make(chan struct{})}
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

func (c *crowd) use(caller *client.Client) bool {
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
	caller.Do(c.w.ctx, c.w.to(c.spot[rand.IntN(len(c.spot))], r))
	return true
}

func (c *crowd) show(uses ...client.Request) {
	c.mu.Lock()
	c.uses = append(c.uses, uses...)
	c.mu.Unlock()
}

func (c *crowd) clear() {
	c.mu.Lock()
	c.uses = nil
	c.mu.Unlock()
}

func (c *crowd) disperse() {
	close(c.stop)
	c.done.Wait()
}

// disturb disturbs a stack once the victims are in use, and returns how to undo
// it.
type disturb func([]*victim) (undo func() error, err error)

// batch ends one victim of each kind while the crowd uses them. disturb is called
// when all are in use, and what it returns when all are ended.
func (c *crowd) batch(n int, disturb disturb) error {
	w := c.w
	victims := make([]*victim, len(kinds))
	errs := make([]error, len(kinds))
	workers(4, func(i int) {
		for k := i; k < len(kinds); k += 4 {
			victims[k], errs[k] = w.victim(k, n*len(kinds)+k)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, v := range victims {
		c.show(v.uses...)
	}
	time.Sleep(120 * time.Millisecond)
	undo := func() error { return nil }
	if disturb != nil {
		var err error
		if undo, err = disturb(victims); err != nil {
			return err
		}
	}
	workers(4, func(i int) {
		for k := i; k < len(kinds); k += 4 {
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			errs[k] = c.finish(victims[k], n+k)
		}
	})
	err := errors.Join(undo(), errors.Join(errs...))
	time.Sleep(120 * time.Millisecond)
	c.clear()
	return errors.Join(err, w.ctx.Err())
}

// finish ends a victim, trying until that is acknowledged.
func (c *crowd) finish(v *victim, n int) error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		a := c.w.root.Do(c.w.ctx, c.w.to(c.spot[n%len(c.spot)], v.end))
		if a.OK() {
			if v.next == nil {
				return nil
			}
			fresh := v.next(a)
			for i := range fresh {
				fresh[i].Op, fresh[i].Of = "use-new", v.name
				c.w.root.Do(c.w.ctx, c.w.to(c.spot[(n+1)%len(c.spot)], fresh[i]))
			}
			c.show(fresh...)
			return nil
		}
		if a.Status != 503 || time.Now().After(deadline) {
			return fmt.Errorf("%s could not be ended: %v", v.name, a)
		}
	}
}

// everywhere are the places of all nodes.
func (w *world) everywhere() []int {
	all := make([]int, len(w.stack.Nodes))
	for i := range all {
		all[i] = i
	}
	return all
}

func revocation(t *trial) (check.Verdict, error) {
	batches := t.size(5, 92, fmt.Sprintf("times %d ways to end", len(kinds)))
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	c := w.gather(w.everywhere()...)
	for n := range batches {
		if err == nil {
			err = c.batch(n, nil)
		}
	}
	if err == nil {
		err = w.disable(c)
	}
	c.disperse()
	calls, failed := t.log.Read()
	return check.Ended(calls, batches*len(kinds)+1, false), errors.Join(err, failed)
}

// disable ends another developer's session from the command line.
func (w *world) disable(c *crowd) error {
	const email = "victim@example.com"
	if err := w.stack.Run(w.stack.Password+"\n", "developer", "create", "--email", email, "--password-stdin"); err != nil {
		return err
	}
	a, err := w.want(w.root, w.at(0, "login", "", "POST", "/auth/login", "", map[string]any{"email": email, "password": w.stack.Password}))
	if err != nil {
		return err
	}
	use := w.me(a.Str("access_token"))
	use.Op, use.Of = "use", "developer-disable"
	c.show(use)
	time.Sleep(120 * time.Millisecond)
	err = w.log.Event("end", "developer-disable", 0, func() error {
		return w.stack.Run("", "developer", "disable", "--email", email)
	})
	time.Sleep(120 * time.Millisecond)
	return err
}
