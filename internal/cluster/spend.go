package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"hash/maphash"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

var seed = maphash.MakeSeed()

// run runs the script, unless Redis is lost.
func (r *Redis) run(ctx context.Context, p ratelimit.Policy, id, subject string, spend int) (ratelimit.Window, uint64, error) {
	if r.lost.Load() {
		return ratelimit.Window{}, 0, errLost
	}
	keys := make([]string, 1, 2)
	keys[0] = r.windowKey(p.Name, id)
	version := ""
	if subject != "" {
		keys, version = append(keys, r.versionKey(subject)), rand.Text()
	}
	before, limit := r.trusted(), r.nodes.part(p).Limit
	answer, err := spendScript.Run(ctx, r.client, keys, limit, int64(p.Length()/time.Second), spend, version, versionLife).Slice()
	if err != nil {
		switch {
		case ctx.Err() != nil:
		case isSpoiled(err):
			if !r.spoiled.Swap(true) {
				r.log.ErrorContext(ctx, "a key of ours in Redis holds something else: what it limits is counted by each node", "error", err)
			}
		default:
			r.lose(err)
		}
		return ratelimit.Window{}, 0, err
	}
	a, ok := read(answer)
	if !ok {
		err := errors.New("redis answered something else than was asked")
		r.lose(err)
		return ratelimit.Window{}, 0, err
	}
	if r.failures.Load() != 0 {
		r.failures.Store(0)
	}
	w := ratelimit.Window{
		Policy: p, Remaining: max(0, limit-int(a.used)), Reset: time.Unix(a.reset, 0),
		Ahead: time.Unix(a.seconds, a.micros*1000).Sub(r.now()), Admitted: a.admitted == 1,
	}
	return w, r.localVersion(a.version, before), nil
}

// spent is what the script returns.
type spent struct {
	admitted, used, reset int64
	version               string
	seconds, micros       int64 // the time of Redis
}

func read(answer []any) (a spent, ok bool) {
	if len(answer) != 6 {
		return a, false
	}
	whole := true
	for i, n := range map[int]*int64{0: &a.admitted, 1: &a.used, 2: &a.reset, 4: &a.seconds, 5: &a.micros} {
		*n, ok = answer[i].(int64)
		whole = whole && ok
	}
	a.version, ok = answer[3].(string)
	return a, ok && whole
}

// localVersion returns the version as this node compares it. before is the state
// of trust before the version was read: a version that could not be trusted all the
// time equals no other.
func (r *Redis) localVersion(version string, before *confidence) uint64 {
	after := r.trusted()
	if before == nil || after == nil || before.period != after.period {
		return r.uniqueVersion()
	}
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(version)
	maphash.WriteComparable(&h, before.period)
	return h.Sum64() | 1<<63 // no unique version has that bit
}

// uniqueVersion returns a version that is equal to no other.
func (r *Redis) uniqueVersion() uint64 { return r.unique.Add(1) }
