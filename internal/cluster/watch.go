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

// beatScript says that this node is alive and returns how many are.
// KEYS: the nodes. ARGV: this node, seconds without a sign after which one is gone.
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

// watch tells the others that this node is alive, and notices that Redis is lost
// or back.
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

// lose notes that an exchange failed, and with enough of them that Redis is lost.
// What a server that answered refused, it refuses always.
func (r *Redis) lose(err error) {
	_, answered := errors.AsType[redis.Error](err)
	if r.failures.Add(1) < failuresLost && !answered {
		return
	}
	if !r.lost.Swap(true) {
		r.log.Error("redis is lost: each node counts limits for itself and reads the database for every request", "error", err)
	}
}
