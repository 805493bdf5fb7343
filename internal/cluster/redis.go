// Package cluster holds what the nodes that serve one database share beside its
// rows: the windows of rate limits, and a version for each credential, which a node
// that ends the credential replaces. They are kept in Redis 7 or newer, or Valkey,
// which never holds the only copy of anything. The nodes know of one another through
// the database, so that they notice if they do not share one Redis.
package cluster

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/tracing"
)

const (
	// Lease is how long after its verification a credential may be admitted
	// without another reading of the database, because its version is the same.
	Lease = time.Second
	// timeout bounds each exchange with Redis, and so what one request may wait
	// for it before it counts as lost.
	timeout = 500 * time.Millisecond
	// failuresLost is how many exchanges in a row must fail before Redis counts
	// as lost, so that one slow moment does not end the counting over all
	// nodes.
	failuresLost = 2
	// versionLife is how long a version is kept, in seconds. A missing one
	// counts as replaced, which costs a reading of the database and nothing
	// else.
	versionLife = 600
	// prefix begins every key in Redis. The installation's id follows, so that
	// installations can share a server and nothing else.
	prefix = "openwearables:"
)

//go:embed spend.lua
var spendSource string

var spendScript = redis.NewScript(spendSource)

// lose logs a failure once; what the client library would print itself is
// dropped.
func init() { redis.SetLogger(silence{}) }

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// Redis is a ratelimit.Counter that is exact over all nodes, by the clock of
// Redis, and keeps the versions. While Redis is lost, each node counts its
// share of every limit by itself, no two versions are equal, and only Bump
// returns errors. It recovers by itself. Safe for concurrent use.
type Redis struct {
	client *redis.Client
	keys   string // what every key begins with
	local  *ratelimit.Memory
	nodes  *Nodes // nil: this process is none
	now    func() time.Time
	log    *slog.Logger
	id     string // of this process

	lost     atomic.Bool
	failed   atomic.Uint64 // exchanges since the start
	alone    atomic.Uint64 // decisions of limits that were counted here instead
	failures atomic.Int64  // exchanges in a row
	spoiled  atomic.Bool   // a key was, and that was logged
	earlier  atomic.Bool   // nodes of an earlier release use this Redis
	unique   atomic.Uint64 // the last version that is equal to no other
	trust

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// Config says which Redis, whose, and beside which nodes.
type Config struct {
	URL          string // redis://, rediss:// or unix://
	Installation string // an id of the database, so that others may use the server too
	Nodes        *Nodes // nil in a process that is none
	Now          func() time.Time
	Log          *slog.Logger
	Tracer       *tracing.Tracer // nil: no traces
}

// Address returns where the Redis of a URL is, without credentials.
func Address(url string) (string, error) {
	options, err := parse(url)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%d", options.Addr, options.DB), nil
}

// Open connects to Redis. It fails, with an error that says what to change, if the
// server refuses the credentials, lacks what is needed or is a cluster, if TLS fails
// or if no such host exists. If the server cannot be reached otherwise, Open logs
// that, lets the other nodes learn of this one, and succeeds. Neither error nor log
// holds the password.
func Open(ctx context.Context, c Config) (*Redis, error) {
	options, err := parse(c.URL)
	if err != nil {
		return nil, err
	}
	r := &Redis{
		keys: prefix + c.Installation + ":", local: ratelimit.NewMemory(c.Now), nodes: c.Nodes, now: c.Now, log: c.Log, id: rand.Text(),
	}
	if r.nodes != nil {
		r.id = r.nodes.self.ID
	}
	r.unique.Store(1)
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = timeout, timeout, timeout, timeout
	options.MaxRetries, options.DialerRetries = -1, 1 // a script that spent must not run twice
	options.DisableIdentity = true
	options.OnConnect = r.meet
	r.client = redis.NewClient(options)
	if c.Tracer != nil {
		r.client.AddHook(tracedCommands{c.Tracer})
	}
	if err := r.check(ctx); err != nil {
		return nil, errors.Join(err, r.client.Close())
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.stopped.Go(func() { r.watch(ctx) })
	if r.nodes != nil {
		r.stopped.Go(func() { r.nodes.keepAnnouncing(ctx, r.lost.Load, func(context.Context) {}) })
	}
	if r.lost.Load() {
		if err := r.nodes.becomeKnown(ctx); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// check refuses a server that can never work.
func (r *Redis) check(ctx context.Context) error {
	err := r.round(ctx)
	if err == nil {
		err = r.rehearse(ctx)
	}
	if err == nil {
		r.warnOfEviction(ctx)
		return nil
	}
	if never := refusal(err); never != nil {
		return never
	}
	if _, answered := errors.AsType[redis.Error](err); !answered {
		if never := wrongPort(ctx, r.client.Options()); never != nil {
			return never
		}
	}
	r.failures.Store(failuresLost) // the first exchange is enough to know
	r.lose(err)
	return nil
}

// Close disconnects.
func (r *Redis) Close() error {
	r.stop()
	r.stopped.Wait()
	return r.client.Close()
}

// Lost reports whether Redis is lost and each node counts by itself.
func (r *Redis) Lost() bool { return r.lost.Load() }

// Stats describes the exchanges of a node with Redis since its start.
type Stats struct {
	Failures uint64 // exchanges that failed
	Local    uint64 // decisions of limits that the node made by its share
	Timeouts uint64 // calls for which no connection became free in time

	Connections, Idle uint32 // now
}

// Stats returns the statistics of this node.
func (r *Redis) Stats() Stats {
	p := r.client.PoolStats()
	return Stats{
		Failures: r.failed.Load(), Local: r.alone.Load(), Timeouts: uint64(p.Timeouts), Connections: p.TotalConns, Idle: p.IdleConns,
	}
}

// Lease implements auth.Peers.
func (r *Redis) Lease() time.Duration { return Lease }

// Take implements ratelimit.Counter.
func (r *Redis) Take(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, _, err := r.Spend(ctx, p, id, "")
	return w, err
}

// Peek implements ratelimit.Counter.
func (r *Redis) Peek(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, _, err := r.Look(ctx, p, id, "")
	return w, err
}

// Look returns id's window and the version of the subject, as Spend does, and spends
// nothing.
func (r *Redis) Look(ctx context.Context, p ratelimit.Policy, id, subject string) (ratelimit.Window, uint64, error) {
	w, version, err := r.run(ctx, p, id, subject, 0)
	if ctx.Err() != nil {
		return ratelimit.Window{}, version, ctx.Err()
	}
	if err == nil {
		return w, version, nil
	}
	w, err = r.local.Peek(ctx, r.nodes.share(p), id)
	w.Policy = p
	return w, r.uniqueVersion(), err
}

// Return implements ratelimit.Counter.
func (r *Redis) Return(ctx context.Context, p ratelimit.Policy, id string) error {
	_, _, err := r.run(ctx, p, id, "", -1)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return r.local.Return(ctx, p, id)
}

// Spend charges as Take does, and returns the version that the subject had in
// the same instant, never 0. Two versions are equal only if the subject was not
// bumped in between, as far as Redis can show that.
func (r *Redis) Spend(ctx context.Context, p ratelimit.Policy, id, subject string) (ratelimit.Window, uint64, error) {
	w, version, err := r.run(ctx, p, id, subject, r.nodes.part(p).Units())
	if ctx.Err() != nil {
		return ratelimit.Window{}, version, ctx.Err()
	}
	if err == nil {
		return w, version, nil
	}
	r.alone.Add(1)
	w, err = r.local.Take(ctx, r.nodes.share(p), id)
	w.Policy = p
	return w, r.uniqueVersion(), err
}

// Bump replaces the versions of the subjects. If it fails, other nodes may go
// by the old ones for as long as the Lease. It fails if another node may be on
// another Redis.
func (r *Redis) Bump(ctx context.Context, subjects []string) error {
	if r.lost.Load() {
		return errLost
	}
	for some := range slices.Chunk(subjects, 1000) { // each within the timeout of one exchange
		_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, s := range some {
				p.Set(ctx, r.versionKey(s), rand.Text(), versionLife*time.Second)
			}
			return nil
		})
		if err != nil {
			if ctx.Err() == nil {
				r.lose(err)
			}
			return err
		}
	}
	if r.trusted() == nil {
		return errApart
	}
	return nil
}

var (
	errLost  = errors.New("redis is lost")
	errApart = errors.New("other nodes of the database may be on another Redis or have none")
)

func (r *Redis) versionKey(subject string) string { return r.keys + "mark:" + subject }

func (r *Redis) windowKey(policy, id string) string { return r.keys + "limit:" + policy + ":" + id }
