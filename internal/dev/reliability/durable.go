package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// places are the failpoints at which a node dies, in turn. At "" it is killed at a
// random time.
var places = []string{"", "after_begin", "", "after_write", "", "before_commit", "", "after_commit", "", "after_forget", "", "after_reply"}

// death ends a node, or PostgreSQL, during work, and starts it again.
type death func(w *world, cycle int, work func()) error

func durable(short, full int, of string, how death) func(*trial) (check.Verdict, error) {
	return func(t *trial) (check.Verdict, error) {
		cycles := t.size(short, full, of)
		w, err := t.enter(stack.Unlimited()...)
		if err != nil {
			return check.Verdict{}, err
		}
		stop := new(atomic.Bool)
		writers := make([]*writer, 16)
		for i := range writers {
			if writers[i], err = w.writer(i, stop); err != nil {
				return check.Verdict{}, err
			}
			defer writers[i].caller.Close()
		}
		for cycle := range cycles {
			if err == nil {
				err = w.cycle(writers, cycle, how, cycle%25 == 24 || cycle == cycles-1)
			}
		}
		calls, failed := t.log.Read()
		return check.Durable(calls, cycles), errors.Join(err, failed)
	}
}

// cycle makes the writers work until a death, and verifies what is left.
func (w *world) cycle(writers []*writer, cycle int, how death, whole bool) error {
	since := time.Now()
	stop := writers[0].stop
	stop.Store(false)
	err := how(w, cycle, func() {
		workers(len(writers), func(i int) { writers[i].work() })
	})
	if err != nil {
		return fmt.Errorf("cycle %d: %w", cycle, err)
	}
	if err := w.dump(since); err != nil { // before the writers change anything
		return err
	}
	if whole {
		if err := w.log.Event("integrity", "", 0, w.integrity); err != nil {
			return err
		}
	}
	workers(len(writers), func(i int) { writers[i].verify() })
	return w.ctx.Err()
}

// killNode kills the node and starts it again on the same database.
func killNode(w *world, cycle int, work func()) error {
	n := w.stack.Nodes[0]
	place := places[cycle%len(places)]
	if place != "" {
		n.Kill()
		if err := n.Start(fmt.Sprintf("%s:kill:%d", place, 20+rand.IntN(200))); err != nil {
			return err
		}
	}
	killed := time.AfterFunc(time.Duration(50+rand.IntN(750))*time.Millisecond+time.Duration(len(place))*100*time.Millisecond, func() {
		_ = w.log.Event("timed-death", place, 0, func() error { n.Kill(); return nil })
	})
	work()
	if killed.Stop() { // it died at the failpoint, or put all writers off
		select {
		case <-n.Ended():
			_ = w.log.Event("death", place, 0, func() error { return nil })
		case <-time.After(5 * time.Second):
			_ = w.log.Event("timed-death", place, 0, func() error { n.Kill(); return nil })
		}
	}
	n.Kill()
	return w.restart(func() error { return n.Start("") })
}

// restart calls f and records how long the start took.
func (w *world) restart(f func() error) error { return w.log.Event("start", "", 0, f) }

// killPostgres crashes PostgreSQL under a running node; PostgreSQL recovers from its
// log.
func killPostgres(w *world, cycle int, work func()) error {
	stop := make(chan struct{})
	go func() {
		time.Sleep(time.Duration(200+rand.IntN(700)) * time.Millisecond)
		_ = w.log.Event("death", "PostgreSQL", 0, func() error { w.stack.Postgres.Kill(); return nil })
		close(stop)
	}()
	work()
	<-stop
	if err := w.restart(w.stack.Postgres.Up); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		a := w.root.Do(w.ctx, w.at(0, "probe", "", "GET", "/auth/me", w.admin, nil))
		if a.OK() {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the node does not recover: %v", a)
		}
	}
}

// killBoth kills the node and PostgreSQL together.
func killBoth(w *world, cycle int, work func()) error {
	n := w.stack.Nodes[0]
	stop := make(chan struct{})
	go func() {
		time.Sleep(time.Duration(200+rand.IntN(700)) * time.Millisecond)
		_ = w.log.Event("death", "both", 0, func() error { n.Kill(); w.stack.Postgres.Kill(); return nil })
		close(stop)
	}()
	work()
	<-stop
	return w.restart(func() error { return errors.Join(w.stack.Postgres.Up(), n.Start("")) })
}
