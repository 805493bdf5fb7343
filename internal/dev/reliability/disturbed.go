package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
	"github.com/openwearables/openwearables/internal/dev/service"
)

// disturbances are the faults of a stack under which credentials end.
var disturbances = []struct {
	name        string
	short, full int // batches
	make        func(w *world) disturb
}{
	{"redis-killed", 2, 12, func(w *world) disturb {
		return func([]*credential) (func() error, error) {
			killed := time.AfterFunc(time.Duration(rand.IntN(40))*time.Millisecond, w.stack.Redis.Kill)
			return func() error {
				killed.Stop()
				w.stack.Redis.Kill()
				return w.log.Event("redis-up", "", 0, w.stack.Redis.Up)
			}, nil
		}
	}},
	{"redis-paused", 1, 5, func(w *world) disturb {
		return func([]*credential) (func() error, error) {
			w.stack.Redis.Pause()
			over := time.After(5 * time.Second)
			return func() error {
				<-over
				w.stack.Redis.Continue()
				return nil
			}, nil
		}
	}},
	{"redis-flushed", 2, 12, func(w *world) disturb {
		return func([]*credential) (func() error, error) {
			stop, done := make(chan struct{}), make(chan error)
			go func() {
				var err error
				for tick := time.Tick(5 * time.Millisecond); err == nil; <-tick {
					select {
					case <-stop:
						done <- nil
						return
					default:
						err = w.stack.Flush()
					}
				}
				done <- err
			}()
			return func() error { close(stop); return <-done }, nil
		}
	}},
	{"node-stopped", 2, 12, stopNode},
	{"failed-over", 2, 12, failOver},
}

// failOver kills the master of the cluster that the nodes use, while others end
// credentials, and ends when its replica is in its place and it has come back as one.
func failOver(w *world) disturb {
	return func([]*credential) (func() error, error) {
		type failed struct {
			master *service.Redis
			err    error
		}
		done := make(chan failed, 1)
		time.AfterFunc(time.Duration(rand.IntN(40))*time.Millisecond, func() {
			master, err := w.stack.Cluster.Fail()
			done <- failed{master, err}
		})
		return func() error {
			f := <-done
			if f.err != nil {
				return f.err
			}
			return w.log.Event("redis-rejoins", "", 0, func() error { return w.stack.Cluster.Rejoin(f.master) })
		}, nil
	}
}

// stopNode pauses the last node while others end credentials, sends it a use of
// each, and continues it.
func stopNode(w *world) disturb {
	stopped := len(w.stack.Nodes) - 1
	return func(credentials []*credential) (func() error, error) {
		w.stack.Nodes[stopped].Pause()
		return func() error {
			var all sync.WaitGroup
			for _, cred := range credentials {
				for _, use := range cred.uses {
					all.Go(func() {
						late := client.New(w.log, "late")
						defer late.Close()
						late.Do(w.ctx, w.to(stopped, use))
					})
				}
			}
			time.Sleep(100 * time.Millisecond)
			w.stack.Nodes[stopped].Continue()
			all.Wait()
			return nil
		}, nil
	}
}

func disturbed(t *trial) (check.Verdict, error) {
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	n := 0
	for _, d := range disturbances {
		if strings.HasPrefix(d.name, "redis") && t.stack.Redis == nil || (d.name == "failed-over") != (t.stack.Cluster != nil) {
			continue
		}
		nodes := w.everywhere()
		if d.name == "node-stopped" {
			nodes = nodes[:len(nodes)-1]
		}
		c := w.startCallers(nodes...)
		for range t.size(d.short, d.full, "batches with "+d.name) {
			if err == nil {
				err = c.batch(n, d.make(w))
			}
			n++
		}
		c.close()
	}
	calls, failed := t.log.Read()
	return check.Ended(calls, n*len(endings), true), errors.Join(err, failed)
}

// revokerKilled ends credentials on a node that dies at a place between the
// effect and the answer.
func revokerKilled(t *trial) (check.Verdict, error) {
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	t.avoid = 1
	n := 0
	for _, place := range []string{"after_commit", "after_forget"} {
		for range t.size(2, 16, "ends with a death at "+place) {
			if err == nil {
				err = w.die(n, 0, place)
			}
			n++
		}
	}
	calls, failed := t.log.Read()
	return check.Ended(calls, n, true), errors.Join(err, failed)
}

// die ends one credential on the first node, which dies at the place. The credential
// is used on the other nodes for as long as these may take to notice.
func (w *world) die(n, try int, place string) error {
	doomed := w.stack.Nodes[0]
	doomed.Kill()
	if err := startAlive(doomed, place); err != nil {
		return err
	}
	kind := n
	for place == "after_forget" && slices.Contains(uncached, endings[kind%len(endings)].name) {
		kind++
	}
	cred, err := w.credential(kind, n+1000*try) // by the other nodes
	if err != nil {
		return err
	}
	c := w.startCallers(1, 2)
	defer c.close()
	c.add(cred.uses...)
	time.Sleep(100 * time.Millisecond)
	cred.end.Op = "end-killed"
	a := w.root.Do(w.ctx, w.to(0, cred.end))
	if a.Err == nil && try < 5 { // it was to pass the place again
		return w.die(n, try+1, place)
	} else if a.Err == nil {
		return fmt.Errorf("%s: the node answered %v and did not die at %s", cred.name, a, place)
	}
	if err := doomed.Await(); err != nil {
		return err
	}
	time.Sleep(check.Lease + check.Margin + 300*time.Millisecond)
	c.clear()
	return w.ctx.Err()
}

// startAlive starts a node that dies when it passes the place once more often than
// during its start.
func startAlive(n *stack.Node, place string) (err error) {
	for try := range 9 { // what was committed at one start need not be at the next
		if err = n.Start(fmt.Sprintf("%s:kill:%d", place, 1+try/3)); err == nil {
			return nil
		}
	}
	return err
}
