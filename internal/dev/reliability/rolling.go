package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// rate is how many calls begin each second, however many are under way.
const rate = 200

// After SIGTERM a node answers 503 at /readyz for this long before it stops taking
// connections, so that the balancer notices.
const drainTime = "500ms"

func rolling(t *trial) (check.Verdict, error) {
	rounds := t.size(1, 5, "restarts of each node and rotations of the signing key")
	w, err := t.enter(append(stack.Unlimited(), "--drain-delay", drainTime)...)
	if err != nil {
		return check.Verdict{}, err
	}
	b, err := t.stack.Balance()
	if err != nil {
		return check.Verdict{}, err
	}
	defer b.Close()
	traffic, err := w.mixed()
	if err != nil {
		return check.Verdict{}, err
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() { w.openLoop(b, traffic, stop) })
	time.Sleep(time.Second)
	for range rounds {
		for _, n := range w.stack.Nodes {
			if err == nil {
				err = w.replace(b, n)
			}
			if err == nil && n.Index == 1 {
				err = w.log.Event("signing-key", "", 0, func() error { return w.stack.Run("", "signing-key", "rotate") })
			}
		}
	}
	time.Sleep(time.Second)
	close(stop)
	done.Wait()
	calls, failed := t.log.Read()
	return check.Rolling(calls, rounds*len(t.stack.Nodes), rounds), errors.Join(err, failed)
}

// replace restarts a node as a deployment does: it terminates the node, waits for its
// end, starts it, and waits until the balancer uses it.
func (w *world) replace(b *stack.Balancer, n *stack.Node) error {
	err := w.log.Event("terminate", "", n.Index, func() error {
		n.Terminate()
		if err := n.Await(); err != nil {
			return err
		}
		if status := n.Exit(); status != 0 {
			return fmt.Errorf("it ended with status %d", status)
		}
		return nil
	})
	if err == nil {
		err = n.Start("")
	}
	for deadline := time.Now().Add(10 * time.Second); err == nil && !b.Ready(n.Index); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			err = errors.New("it does not become ready")
		}
	}
	return err
}

// openLoop begins calls at the rate, through the balancer. Each minted token is used
// at once, on any node.
func (w *world) openLoop(b *stack.Balancer, traffic []client.Request, stop <-chan struct{}) {
	caller := client.New(w.log, "caller")
	defer caller.Close()
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		r := traffic[n%len(traffic)]
		r.Node, r.Addr = -1, b.Addr
		all.Go(func() {
			a := caller.Do(w.ctx, r)
			if access := a.Str("access_token"); access != "" {
				use := client.Request{Op: "right", Node: -1, Addr: b.Addr, Method: "GET", Path: r.Path[:len(r.Path)-len("/token")], Bearer: access}
				caller.Do(w.ctx, use)
			}
		})
	}
}
