package cluster

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"hash/maphash"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/redis"
)

//go:embed charge.lua
var chargeSource string

var chargeScript = redis.NewScript(chargeSource)

var seed = maphash.MakeSeed()

// errForeign says that what answers is not the script, or answers another call.
var errForeign = errors.New("redis answered something else than was asked")

// charge takes the steps, unless Redis is lost.
func (r *Redis) charge(ctx context.Context, untilRefused bool, steps ...ratelimit.Step) ([]ratelimit.Outcome, error) {
	if r.lost.Load() {
		return nil, errLost
	}
	keys, args := r.describe(untilRefused, steps)
	before := r.trusted()
	answer, err := chargeScript.Run(ctx, r.client, keys, args...)
	if err != nil {
		switch {
		case ctx.Err() != nil, isMoving(err):
		case isSpoiled(err):
			if !r.spoiled.Swap(true) {
				r.log.ErrorContext(ctx, "a key of ours in Redis holds something else: what it limits is counted by each node", "error", err)
			}
		default:
			r.lose(err)
		}
		return nil, err
	}
	out, ok := r.outcomes(answer.List(), args[1], steps, before)
	if !ok {
		r.client.Disconnect() // whose further answers may be those of other calls
		r.lose(errForeign)
		return nil, errForeign
	}
	if r.failures.Load() != 0 {
		r.failures.Store(0)
	}
	return out, nil
}

// describe returns what the script takes.
func (r *Redis) describe(untilRefused bool, steps []ratelimit.Step) (keys, args []string) {
	keys, args = make([]string, len(steps), 2*len(steps)), make([]string, 3, 3+4*len(steps))
	args[0], args[1], args[2] = flag(untilRefused), rand.Text(), strconv.Itoa(versionLife)
	for i, s := range steps {
		part := r.nodes.part(s.Policy)
		spend := int(s.Action)
		if s.Action == ratelimit.ToTake {
			spend = part.Units()
		}
		keys[i] = r.windowKey(s.Policy.Name, s.ID)
		args = append(args, strconv.Itoa(part.Limit), strconv.FormatInt(int64(s.Policy.Length()/time.Second), 10),
			strconv.Itoa(spend), flag(s.Subject != ""))
		if s.Subject != "" {
			keys = append(keys, r.versionKey(s.Subject))
		}
	}
	return keys, args
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// outcomes reads what the script returned to the call that sent the new version. before is
// the state of trust before it ran.
func (r *Redis) outcomes(answer []redis.Value, sent string, steps []ratelimit.Step, before *confidence) ([]ratelimit.Outcome, bool) {
	taken := (len(answer) - 3) / 4
	if len(answer) != 3+4*taken || taken < 1 || taken > len(steps) {
		return nil, false
	}
	if returned, _ := answer[0].Text(); returned != sent {
		return nil, false
	}
	seconds, ok1 := answer[1].Number()
	micros, ok2 := answer[2].Number()
	ok := ok1 && ok2
	ahead := time.Unix(seconds, micros*1000).Sub(r.now())
	out := make([]ratelimit.Outcome, taken)
	for i := range out {
		of := answer[3+4*i : 7+4*i]
		admitted, ok1 := of[0].Number()
		used, ok2 := of[1].Number()
		reset, ok3 := of[2].Number()
		version, ok4 := of[3].Text()
		ok = ok && ok1 && ok2 && ok3 && ok4
		out[i].Window = ratelimit.Window{
			Policy: steps[i].Policy, Remaining: max(0, r.nodes.part(steps[i].Policy).Limit-int(used)), Reset: time.Unix(reset, 0),
			Ahead: ahead, Admitted: admitted == 1,
		}
		if steps[i].Subject != "" {
			out[i].Version = r.localVersion(version, before)
		}
	}
	return out, ok
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
