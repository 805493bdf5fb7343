package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
)

// offered calls meet a limit of as many as a key has by default.
const (
	offered = 1500
	limit   = 1000
)

func limits(t *trial) (check.Verdict, error) {
	rounds := t.size(1, 5, fmt.Sprintf("keys with %d calls at once", offered))
	w, err := t.enter()
	if err != nil {
		return check.Verdict{}, err
	}
	err = until(rounds, func(round int) (whole bool, err error) {
		_, secret, err := w.createKey(round)
		if err != nil {
			return false, err
		}
		var next atomic.Int64
		var resets sync.Map // the windows, and other answers
		workers(48, func(i int) {
			caller := client.New(t.log, fmt.Sprint("client-", i))
			defer caller.Close()
			for n := next.Add(1); n <= offered && w.ctx.Err() == nil; n = next.Add(1) {
				r := w.to(int(n), w.useKey(secret))
				r.Op, r.Of = "spend", fmt.Sprint("round-", round)
				a := caller.Do(w.ctx, r)
				window := a.Header.Get("X-RateLimit-Reset")
				if a.Status == http.StatusServiceUnavailable {
					window = "put off"
				}
				resets.Store(window, nil)
			}
		})
		windows := 0
		resets.Range(func(any, any) bool { windows++; return true })
		return windows == 1, w.ctx.Err()
	})
	if err != nil {
		return check.Verdict{}, err
	}
	calls, err := t.log.Read()
	return check.Limits(calls, rounds, offered, limit), err
}
