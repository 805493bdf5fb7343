package main

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/load"
)

// memory is the resident memory of a node on SQLite, in bytes.
type memory struct {
	Requests int   `json:"requests"`
	Logins   int   `json:"logins"` // of the requests
	Ready    int64 `json:"ready_bytes"`
	After    int64 `json:"after_bytes"`
	Second   int64 `json:"after_1s_bytes"` // of rest
	Rested   int64 `json:"after_5s_bytes"`
}

// crowd is the requests after which memory is measured: the logins, then reads.
var crowd = memory{Requests: 10_000, Logins: 100}

// memory starts an installation of its own, measures it with its data, makes the
// requests over 16 connections, and measures it again.
func (l *lab) memory(ctx context.Context, m memory) (_ memory, err error) {
	i, err := l.install(ctx, "memory", "sqlite:openwearables.db", "")
	if err != nil {
		return m, err
	}
	if m.Ready, err = resident(i.server); err != nil {
		return m, err
	}
	if err := i.call(ctx, inTurns(i.loggingIn(), logins), m.Logins); err != nil {
		return m, err
	}
	if err := i.call(ctx, inTurns(i.reading(), 16), m.Requests-m.Logins); err != nil {
		return m, err
	}
	for _, later := range []struct {
		rest time.Duration
		to   *int64
	}{{0, &m.After}, {time.Second, &m.Second}, {4 * time.Second, &m.Rested}} {
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(later.rest):
		}
		if *later.to, err = resident(i.server); err != nil {
			return m, err
		}
	}
	return m, nil
}

// call has the callers make so many calls, within five minutes.
func (i *installation) call(ctx context.Context, callers []caller, calls int) error {
	const limit = 5 * time.Minute
	plan := load.Plan{For: limit, Most: calls}
	for _, call := range callers {
		c, err := dial(i.addr, limit+patience)
		if err != nil {
			return err
		}
		defer c.close()
		plan.Calls = append(plan.Calls, func(context.Context) (time.Duration, error) { return 0, call(c) })
	}
	_, err := load.Run(ctx, plan)
	return err
}
