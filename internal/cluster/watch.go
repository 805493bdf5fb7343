package cluster

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/redis"
)

const (
	beatEvery  = time.Second            // while all is well
	probeEvery = 200 * time.Millisecond // while Redis is lost
	// beatLife is how long a node that beats no more is listed in Redis. It is longer
	// than NodeLife, so that a node that died leaves the database first and is not
	// taken for one that moved to another Redis.
	beatLife = NodeLife + 5*time.Second
)

//go:embed beat.lua
var beatSource string

var beatScript = redis.NewScript(beatSource)

// beats is what a beat returned.
type beats struct {
	at      map[string]string // when each node last beat, by its id
	earlier int64             // nodes of a release that has no part in this
}

func (r *Redis) beat(ctx context.Context) (beats, error) {
	keys := []string{r.keys + "nodes"}
	if !r.clustered {
		// Releases before installations had ids list their nodes under the bare prefix.
		keys = append(keys, prefix+"nodes")
	}
	answer, err := beatScript.Run(ctx, r.client, keys, r.id, strconv.FormatInt(beatLife.Milliseconds(), 10))
	if err != nil {
		return beats{}, err
	}
	b, list := beats{at: make(map[string]string)}, answer.List()
	if len(list) > 0 {
		b.earlier, _ = list[0].Number()
	}
	for i := 1; i+1 < len(list); i += 2 {
		id, _ := list[i].Text()
		b.at[id], _ = list[i+1].Text()
	}
	return b, nil
}

// round beats and decides whether the versions may be trusted. A beat that met
// another server says little, so that a second one follows.
func (r *Redis) round(ctx context.Context) error {
	for range 2 {
		doubts := r.doubts.Load()
		b, err := r.beat(ctx)
		if err != nil {
			return err
		}
		if doubts == r.doubts.Load() {
			r.weigh(doubts, b.at, func(beaten func(string) place) (bool, time.Time) { return r.together(ctx, b, beaten) })
			return nil
		}
	}
	return nil
}

// together reports whether every other node uses this Redis, and until when that
// may be relied on.
func (r *Redis) together(ctx context.Context, b beats, beaten func(id string) place) (bool, time.Time) {
	if r.nodes == nil {
		return true, time.Now().Add(trustLife)
	}
	ok, until := r.nodes.judge(ctx, func(o Node) place {
		at := beaten(o.ID)
		if at != here && o.Lost {
			return lost
		}
		return at
	})
	if earlier := b.earlier > 0; earlier != r.earlier.Swap(earlier) && earlier {
		r.log.WarnContext(ctx, "nodes of an earlier release use this Redis: until they are replaced, revocations take a second longer "+
			"and each credential is read from the database")
	}
	return ok && b.earlier == 0, until
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
		err := r.round(ctx)
		if err == nil && r.lost.Load() {
			err = r.giveBack(ctx)
		}
		switch {
		case err == nil:
			r.failures.Store(0)
			if r.lost.Swap(false) {
				r.local.Clear()
				r.log.InfoContext(ctx, "redis is back: limits are counted over all nodes again")
			}
		case ctx.Err() == nil:
			r.lose(err)
		}
	}
}

// lose counts a failed exchange, and takes Redis as lost once there are enough.
// An error that the server itself returned is enough at once, because it would
// return it again. A connection that ended counts once, whoever waited on it.
func (r *Redis) lose(err error) {
	if broken, ok := errors.AsType[*redis.LostError](err); ok && r.last.Swap(broken) == broken {
		return
	}
	r.failed.Add(1)
	_, answered := errors.AsType[redis.Error](err)
	if r.failures.Add(1) < failuresLost && !answered {
		return
	}
	if !r.lost.Swap(true) {
		r.log.Error("redis is lost: each node counts limits for itself and reads the database for every request", "error", err)
	}
}
