package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

func soak(t *trial) (check.Verdict, error) {
	length := time.Duration(t.size(20, 600, "seconds")) * time.Second
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	traffic, err := w.mixed()
	if err != nil {
		return check.Verdict{}, err
	}
	stop := make(chan struct{})
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() { w.closedLoop("soak", i, traffic, stop) })
	}
	for end := time.Now().Add(length); err == nil && time.Now().Before(end) && w.ctx.Err() == nil; time.Sleep(length / 60) {
		err = w.sample("", "sample")
		if info, failed := os.Stat(w.stack.File() + "-wal"); failed == nil {
			_ = w.log.Event("wal", fmt.Sprint(info.Size()), 0, func() error { return nil })
		}
	}
	close(stop)
	done.Wait()
	if err != nil {
		return check.Verdict{}, err
	}
	calls, err := t.log.Read()
	return check.Soak(calls, len(w.stack.Nodes)), err
}
