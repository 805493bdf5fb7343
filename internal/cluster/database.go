package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Windows is a ratelimit.Counter in the database that the nodes share.
type Windows interface {
	ratelimit.Counter
	// Crowded reports whether so many windows are kept that no more should be.
	Crowded() bool
}

// Database is a ratelimit.Counter of nodes that share a database and no Redis. It
// is exact over all nodes for what credentials and accounts spend. What addresses
// spend is counted in memory, by each node its share, so that strangers do not load
// the database; so is everything while the database keeps too many windows. No two
// versions are equal: each request verifies its credential against the database.
// Safe for concurrent use.
type Database struct {
	windows Windows
	local   *ratelimit.Memory
	nodes   *Nodes
	unique  atomic.Uint64             // the last version
	trust   atomic.Pointer[time.Time] // until when no other node is known to have a Redis

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// OpenDatabase returns the counter of the node. nodes is nil in a process that is
// none.
func OpenDatabase(ctx context.Context, windows Windows, nodes *Nodes, now func() time.Time) *Database {
	d := &Database{windows: windows, local: ratelimit.NewMemory(now), nodes: nodes}
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

// counter returns where the policy is counted, and this node's or these nodes'
// part of it.
func (d *Database) counter(p ratelimit.Policy) (ratelimit.Counter, ratelimit.Policy) {
	if p.PerAddress || !p.Locks && d.windows.Crowded() {
		return d.local, d.nodes.share(p)
	}
	return d.windows, d.nodes.part(p)
}

// Take implements ratelimit.Counter.
func (d *Database) Take(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	c, part := d.counter(p)
	w, err := c.Take(ctx, part, id)
	if err == nil {
		w.Policy = p
	}
	return w, err
}

// Peek implements ratelimit.Counter.
func (d *Database) Peek(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	c, part := d.counter(p)
	w, err := c.Peek(ctx, part, id)
	if err == nil {
		w.Policy = p
	}
	return w, err
}

// Return implements ratelimit.Counter.
func (d *Database) Return(ctx context.Context, p ratelimit.Policy, id string) error {
	c, part := d.counter(p)
	return c.Return(ctx, part, id)
}

// Spend implements auth.Peers.
func (d *Database) Spend(ctx context.Context, p ratelimit.Policy, id, _ string) (ratelimit.Window, uint64, error) {
	w, err := d.Take(ctx, p, id)
	return w, d.unique.Add(1), err
}

// Charge implements auth.Peers.
func (d *Database) Charge(ctx context.Context, untilRefused bool, steps ...ratelimit.Step) ([]ratelimit.Outcome, error) {
	out, err := ratelimit.InTurn(ctx, d, untilRefused, steps)
	for i := range out {
		out[i].Version = d.unique.Add(1)
	}
	return out, err
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
