package cluster

import (
	"context"
	_ "embed"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed give.lua
var giveSource string

var giveScript = redis.NewScript(giveSource)

// maxGiven limits the windows that are given back, and so how long that delays the
// return of Redis.
const maxGiven = 50_000

// giveBack adds to the windows in Redis what this node counted while Redis was
// lost, so that a loss is no way to more guesses. What was counted is kept: if this
// fails midway, some of it is added twice.
func (r *Redis) giveBack(ctx context.Context) error {
	for some := range slices.Chunk(r.local.Spent(maxGiven), 500) { // each within the timeout of one exchange
		answers, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, w := range some {
				giveScript.Eval(ctx, p, []string{r.windowKey(w.Policy, w.ID)}, w.Used, int64((w.Left+time.Second-1)/time.Second))
			}
			return nil
		})
		if err == nil {
			continue
		}
		for _, a := range answers {
			if err := a.Err(); err != nil && !isSpoiled(err) {
				return err
			}
		}
	}
	return nil
}
