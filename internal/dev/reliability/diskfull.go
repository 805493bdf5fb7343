package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/record"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// room is the size of the file system in MiB.
const room = 64

func diskFull(t *trial) (_ check.Verdict, err error) {
	fills := t.size(2, 10, "fills")
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	t.stack.Nodes[0].Terminate()
	if err := t.stack.Nodes[0].Await(); err != nil {
		return check.Verdict{}, err
	}
	small, err := t.lab.NewDisk("small", room)
	if err != nil {
		return check.Verdict{}, err
	}
	defer func() {
		t.stack.Close()
		err = errors.Join(err, small.Close())
	}()
	moved, err := small.Adopt(t.stack)
	if err != nil {
		return check.Verdict{}, err
	}
	t.stack = moved
	right, wrong, err := w.reads()
	if err != nil {
		return check.Verdict{}, err
	}
	stop := new(atomic.Bool)
	writers := make([]*writer, 8)
	for i := range writers {
		if writers[i], err = w.writer(i, stop); err != nil {
			return check.Verdict{}, err
		}
		defer writers[i].caller.Close()
	}
	how := func(w *world, cycle int, work func()) error {
		return w.fill(small, fmt.Sprint("full-", cycle), int64(cycle%2)*300<<10, append(right, wrong...), stop, work)
	}
	for cycle := range fills {
		if err == nil {
			err = w.cycle(writers, cycle, how, true)
		}
	}
	calls, failed := t.log.Read()
	return check.DiskFull(calls, fills), errors.Join(err, failed)
}

// reads returns calls that need no space: those that must succeed, and those that
// must be refused.
func (w *world) reads() (right, wrong []client.Request, err error) {
	for n := range 4 {
		r, no, err := w.ordinary(n)
		if err != nil {
			return nil, nil, err
		}
		right, wrong = append(right, r[:3]...), append(wrong, no[0]) // the rest write
	}
	for i := range right {
		right[i].Op = "right"
	}
	for i := range wrong {
		wrong[i].Op = "wrong"
	}
	return right, wrong, nil
}

// fill fills the disk for a time, under load from before that until after it.
// The writers work until the first of their writes fails.
func (w *world) fill(small *stack.Disk, name string, leave int64, reads []client.Request, stop *atomic.Bool, work func()) error {
	end := make(chan struct{})
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() { w.closedLoop(name, i, reads, end) })
		done.Go(func() { w.createKeys(name, i, end) })
	}
	done.Go(func() { w.probe(name, 0, end) })
	done.Go(work)
	time.Sleep(300 * time.Millisecond)
	err := w.log.Event("fault", name, 0, func() error { return small.Fill(leave) })
	if err == nil {
		time.Sleep(1500 * time.Millisecond)
		err = w.log.Event("heal", name, 0, small.Free)
	}
	stop.Store(true)
	time.Sleep(recoveryTime)
	close(end)
	done.Wait()
	return err
}

// createKeys creates keys until the end, and records the detail of each refusal.
func (w *world) createKeys(name string, i int, end <-chan struct{}) {
	caller := client.New(w.log, fmt.Sprint("creator-", i))
	defer caller.Close()
	for n := 0; ; n++ {
		select {
		case <-end:
			return
		case <-time.After(10 * time.Millisecond):
		}
		r := w.at(0, "create-key", "", "POST", "/api-keys", w.admin, nil)
		r.ID = fmt.Sprintf("%s-creator-%d-%d", name, i, n)
		a := caller.Do(w.ctx, r)
		if !a.OK() {
			w.log.Add(record.Call{Client: caller.Name, Op: "told", Of: r.ID, Start: a.End, End: a.End, Args: map[string]string{"detail": a.Str("detail")}})
		}
	}
}
