package cluster

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	beatEvery  = time.Second            // while all is well
	probeEvery = 200 * time.Millisecond // while Redis is lost
	beatsLive  = 5 * time.Second        // without one, a node counts as gone
)

// beatScript records that this node is alive and returns how many are. KEYS:
// the nodes. ARGV: this node, and the seconds without a beat after which a node
// counts as gone.
var beatScript = redis.NewScript(`
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], 60)
return redis.call('ZCARD', KEYS[1])
`)

func (r *Redis) beat(ctx context.Context) error {
	n, err := beatScript.Run(ctx, r.client, []string{prefix + "nodes"}, r.id, strconv.Itoa(int(beatsLive/time.Second))).Int64()
	if err != nil {
		return err
	}
	r.nodes.Store(max(1, n))
	return nil
}

// watch beats, so that the other nodes count this one, and notices when Redis
// is lost or back.
func (r *Redis) watch(ctx context.Context) {
	for {
		every := beatEvery
		if r.lost.Load() {
			every = probeEvery
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		switch err := r.beat(ctx); {
		case err == nil:
			r.failures.Store(0)
			if r.lost.Swap(false) {
				r.log.InfoContext(ctx, "redis is back: limits are counted over all nodes again")
			}
		case ctx.Err() == nil:
			r.lose(err)
		}
	}
}

// lose counts a failed exchange, and takes Redis as lost once there are enough.
// An error that the server itself returned is enough at once, because it would
// return it again.
func (r *Redis) lose(err error) {
	_, answered := errors.AsType[redis.Error](err)
	if r.failures.Add(1) < failuresLost && !answered {
		return
	}
	if !r.lost.Swap(true) {
		r.log.Error("redis is lost: each node counts limits for itself and reads the database for every request", "error", err)
	}
}
