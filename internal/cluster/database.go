package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Database is a ratelimit.Counter of nodes that share a database and no Redis. It
// is exact over all nodes. No two versions are equal: each request verifies its
// credential against the database. Safe for concurrent use.
type Database struct {
	windows ratelimit.Counter // in the database
	nodes   *Nodes
	unique  atomic.Uint64             // the last version
	trust   atomic.Pointer[time.Time] // until when no other node is known to have a Redis

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// OpenDatabase returns the counter of the node. nodes is nil in a process that is
// none.
func OpenDatabase(ctx context.Context, windows ratelimit.Counter, nodes *Nodes) *Database {
	d := &Database{windows: windows, nodes: nodes}
	d.trust.Store(&time.Time{})
	ctx, d.stop = context.WithCancel(context.WithoutCancel(ctx))
	if nodes != nil {
		d.judge(ctx)
		d.stopped.Go(func() { nodes.keepAnnouncing(ctx, func() bool { return false }, d.judge) })
	}
	return d
}

// Close ends the announcements.
func (d *Database) Close() error {
	d.stop()
	d.stopped.Wait()
	return nil
}

// judge decides whether Bump may succeed.
func (d *Database) judge(ctx context.Context) {
	together, until := d.nodes.judge(ctx, func(o Node) place {
		switch {
		case o.Redis == "":
			return here
		case o.Lost:
			return lost
		default:
			return apart
		}
	})
	if !together {
		until = time.Time{}
	}
	d.trust.Store(&until)
}

// Take implements ratelimit.Counter.
func (d *Database) Take(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, err := d.windows.Take(ctx, d.nodes.part(p), id)
	if err == nil {
		w.Policy = p
	}
	return w, err
}

// Peek implements ratelimit.Counter.
func (d *Database) Peek(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, err := d.windows.Peek(ctx, d.nodes.part(p), id)
	if err == nil {
		w.Policy = p
	}
	return w, err
}

// Return implements ratelimit.Counter.
func (d *Database) Return(ctx context.Context, p ratelimit.Policy, id string) error {
	return d.windows.Return(ctx, d.nodes.part(p), id)
}

// Spend implements auth.Peers.
func (d *Database) Spend(ctx context.Context, p ratelimit.Policy, id, _ string) (ratelimit.Window, uint64, error) {
	w, err := d.Take(ctx, p, id)
	return w, d.unique.Add(1), err
}

// Bump implements auth.Peers. It tells nobody, and fails unless no other node has a
// Redis: without one, a node has nothing to be told.
func (d *Database) Bump(context.Context, []string) error {
	if d.nodes != nil && time.Now().After(*d.trust.Load()) {
		return errApart
	}
	return nil
}

// Lease implements auth.Peers.
func (d *Database) Lease() time.Duration { return Lease }
