package cluster

import (
	"context"
	_ "embed"
	"slices"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/redis"
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
		commands := make([][]string, len(some))
		for i, w := range some {
			commands[i] = giveScript.Command([]string{r.windowKey(w.Policy, w.ID)},
				strconv.Itoa(w.Used), strconv.FormatInt(int64((w.Left+time.Second-1)/time.Second), 10))
		}
		answers, err := r.client.Pipeline(ctx, commands)
		if err != nil {
			return err
		}
		for _, a := range answers {
			if err := a.Err(); err != nil && !isSpoiled(err) {
				return err
			}
		}
	}
	return nil
}
