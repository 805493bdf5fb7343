// Package cluster holds what the nodes that serve one database share beside its
// rows: the windows of rate limits, and a version for each credential, which a node
// that ends the credential replaces. They are kept in Redis 7 or newer, or Valkey,
// which never holds the only copy of anything. The nodes know of one another through
// the database, so that they notice if they do not share one Redis.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/redis"
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

// Redis is a ratelimit.Counter that is exact over all nodes, by the clock of
// Redis, and keeps the versions. While Redis is lost, each node counts its
// share of every limit by itself, no two versions are equal, and only Bump
// returns errors. It recovers by itself. Safe for concurrent use.
type Redis struct {
	client    *redis.Client
	keys      string // what every key begins with
	clustered bool
	local     *ratelimit.Memory
	nodes     *Nodes // nil: this process is none
	now       func() time.Time
	log       *slog.Logger
	id        string // of this process

	lost     atomic.Bool
	failed   atomic.Uint64                   // exchanges since the start
	alone    atomic.Uint64                   // decisions of limits that were counted here instead
	failures atomic.Int64                    // exchanges in a row
	last     atomic.Pointer[redis.LostError] // that was counted
	spoiled  atomic.Bool                     // a key was, and that was logged
	earlier  atomic.Bool                     // nodes of an earlier release use this Redis
	unique   atomic.Uint64                   // the last version that is equal to no other
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
	return fmt.Sprintf("%s/%d", strings.Join(options.Addrs, ","), options.Database), nil
}

// Open connects to Redis. It fails, with an error that says what to change, if the
// server refuses the credentials, lacks what is needed or is a cluster where the URL names none or the reverse, if TLS
// fails or if no such host exists. If the server cannot be reached otherwise, Open logs
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
	if options.Cluster { // all keys of an installation belong together, so that they are in one slot
		r.keys = prefix + "{" + c.Installation + "}:"
		options.Key = r.keys
	}
	r.clustered = options.Cluster
	options.Connected = r.meet
	if c.Tracer != nil {
		options.Trace = func(ctx context.Context, command string) func(error) {
			_, span := c.Tracer.Command(ctx, command)
			return span.End
		}
	}
	r.client = redis.New(*options)
	if err := r.check(ctx, options); err != nil {
		r.client.Close()
		return nil, err
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
func (r *Redis) check(ctx context.Context, options *redis.Options) error {
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
		if never := wrongPort(ctx, options); never != nil {
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
	r.client.Close()
	return nil
}

// Lost reports whether Redis is lost and each node counts by itself.
func (r *Redis) Lost() bool { return r.lost.Load() }

// Stats describes the exchanges of a node with Redis since its start.
type Stats struct {
	Failures uint64 // exchanges that failed
	Local    uint64 // decisions of limits that the node made by its share
	Timeouts uint64 // connections that ended since a call was not answered in time

	Connections, Idle int // now
}

// Stats returns the statistics of this node.
func (r *Redis) Stats() Stats {
	c := r.client.Stats()
	return Stats{
		Failures: r.failed.Load(), Local: r.alone.Load(), Timeouts: c.Late, Connections: c.Connections, Idle: c.Connections - c.Busy,
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
	w, _, err := r.one(ctx, ratelimit.Step{Action: ratelimit.ToPeek, Policy: p, ID: id})
	return w, err
}

// Return implements ratelimit.Counter.
func (r *Redis) Return(ctx context.Context, p ratelimit.Policy, id string) error {
	_, _, err := r.one(ctx, ratelimit.Step{Action: ratelimit.ToReturn, Policy: p, ID: id})
	return err
}

// Spend charges as Take does, and returns the version that the subject had in
// the same instant, never 0. Two versions are equal only if the subject was not
// bumped in between, as far as Redis can show that.
func (r *Redis) Spend(ctx context.Context, p ratelimit.Policy, id, subject string) (ratelimit.Window, uint64, error) {
	return r.one(ctx, ratelimit.Step{Action: ratelimit.ToTake, Policy: p, ID: id, Subject: subject})
}

func (r *Redis) one(ctx context.Context, s ratelimit.Step) (ratelimit.Window, uint64, error) {
	out, err := r.Charge(ctx, false, s)
	if err != nil {
		return ratelimit.Window{}, r.uniqueVersion(), err
	}
	return out[0].Window, out[0].Version, nil
}

// Charge takes the steps in turn as one, in one exchange. With untilRefused, it leaves
// out those that follow the first that is refused.
func (r *Redis) Charge(ctx context.Context, untilRefused bool, steps ...ratelimit.Step) ([]ratelimit.Outcome, error) {
	out, err := r.charge(ctx, untilRefused, steps...)
	if err == nil {
		return out, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	own := slices.Clone(steps)
	for i := range own {
		own[i].Policy = r.nodes.share(own[i].Policy)
	}
	out, err = ratelimit.InTurn(ctx, r.local, untilRefused, own)
	for i := range out {
		out[i].Window.Policy = steps[i].Policy
		out[i].Version = r.uniqueVersion()
		if steps[i].Action == ratelimit.ToTake {
			r.alone.Add(1)
		}
	}
	return out, err
}

// Bump replaces the versions of the subjects. If it fails, other nodes may go
// by the old ones for as long as the Lease. It fails if another node may be on
// another Redis.
func (r *Redis) Bump(ctx context.Context, subjects []string) error {
	if r.lost.Load() {
		return errLost
	}
	for some := range slices.Chunk(subjects, 1000) { // each within the timeout of one exchange
		commands := make([][]string, len(some))
		for i, s := range some {
			commands[i] = []string{"SET", r.versionKey(s), rand.Text(), "EX", strconv.Itoa(versionLife)}
		}
		answers, err := r.client.Pipeline(ctx, commands)
		for i := 0; err == nil && i < len(answers); i++ {
			err = answers[i].Err()
		}
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
