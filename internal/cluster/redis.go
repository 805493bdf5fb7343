// Package cluster holds what the nodes that serve one database share beside it:
// the windows of rate limits, and a version for each credential, which a node
// that ends the credential replaces. They are kept in Redis 7 or newer, or
// Valkey, which never holds the only copy of anything.
package cluster

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/openwearables/openwearables/internal/ratelimit"
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
	// prefix begins every key in Redis, so that an installation can share a
	// server.
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
	local  *ratelimit.Memory
	now    func() time.Time
	log    *slog.Logger
	id     string // of this node

	lost        atomic.Bool
	failures    atomic.Int64  // exchanges in a row
	nodes       atomic.Int64  // alive when Redis was last reached
	connections atomic.Uint64 // opened so far
	spoiled     atomic.Bool   // a key was, and that was logged
	unique      atomic.Uint64 // the last version that is equal to no other

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// Open connects to a redis://, rediss:// or unix:// URL. It fails, with an
// error that says what to change, if the server refuses the credentials, lacks
// what is needed or is a cluster, if TLS fails or if no such host exists. If the
// server cannot be reached otherwise, Open logs that and succeeds. Neither error nor log holds the password.
func Open(ctx context.Context, url string, now func() time.Time, log *slog.Logger) (*Redis, error) {
	options, err := parse(url)
	if err != nil {
		return nil, err
	}
	r := &Redis{local: ratelimit.NewMemory(now), now: now, log: log, id: rand.Text()}
	r.nodes.Store(1)
	r.unique.Store(1)
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = timeout, timeout, timeout, timeout
	options.MaxRetries, options.DialerRetries = -1, 1 // a script that spent must not run twice
	options.DisableIdentity = true
	options.OnConnect = func(context.Context, *redis.Conn) error {
		r.connections.Add(1)
		return nil
	}
	r.client = redis.NewClient(options)
	if err := r.check(ctx); err != nil {
		return nil, errors.Join(err, r.client.Close())
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.stopped.Go(func() { r.watch(ctx) })
	return r, nil
}

// check refuses a server that can never work.
func (r *Redis) check(ctx context.Context) error {
	err := r.beat(ctx)
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

// Lease implements auth.Peers.
func (r *Redis) Lease() time.Duration { return Lease }

// Take implements ratelimit.Counter.
func (r *Redis) Take(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, _, err := r.Spend(ctx, p, id, "")
	return w, err
}

// Peek implements ratelimit.Counter.
func (r *Redis) Peek(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, _, err := r.run(ctx, p, id, "", 0)
	if ctx.Err() != nil {
		return ratelimit.Window{}, ctx.Err()
	}
	if err == nil {
		return w, nil
	}
	w, err = r.local.Peek(ctx, r.share(p), id)
	w.Policy = p
	return w, err
}

// Return implements ratelimit.Counter.
func (r *Redis) Return(ctx context.Context, p ratelimit.Policy, id string) error {
	_, _, err := r.run(ctx, p, id, "", -1)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return r.local.Return(ctx, r.share(p), id)
}

// Spend charges as Take does, and returns the version that the subject had in
// the same instant, never 0. Two versions are equal only if the subject was not
// bumped in between, as far as Redis can show that.
func (r *Redis) Spend(ctx context.Context, p ratelimit.Policy, id, subject string) (ratelimit.Window, uint64, error) {
	w, version, err := r.run(ctx, p, id, subject, 1)
	if ctx.Err() != nil {
		return ratelimit.Window{}, version, ctx.Err()
	}
	if err == nil {
		return w, version, nil
	}
	w, err = r.local.Take(ctx, r.share(p), id)
	w.Policy = p
	return w, r.uniqueVersion(), err
}

// Bump replaces the versions of the subjects. If it fails, other nodes may go
// by the old ones for as long as the Lease.
func (r *Redis) Bump(ctx context.Context, subjects []string) error {
	if r.lost.Load() {
		return errLost
	}
	for some := range slices.Chunk(subjects, 1000) { // each within the timeout of one exchange
		_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, s := range some {
				p.Set(ctx, versionKey(s), rand.Text(), versionLife*time.Second)
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
	return nil
}

var errLost = errors.New("redis is lost")

// versionKey is spelled as releases before this one do, so that nodes of both can
// share one Redis while they are replaced.
func versionKey(subject string) string { return prefix + "mark:" + subject }
