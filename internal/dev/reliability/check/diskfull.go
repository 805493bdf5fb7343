package check

import (
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// DiskFull checks times without room, each from its "fault" to its "heal": a write
// succeeds or is told 503 with Retry-After and, as "told" shows, a detail; calls
// that are "right" need no room and succeed, calls that are "wrong" are refused;
// all in time. Afterwards writes succeed again. Durable is held with all of it.
func DiskFull(calls []record.Call, fills int) Verdict {
	var v Verdict
	o := Durable(calls, 0)
	o.Counts = append(o.Counts[:1], o.Counts[2:]...) // without deaths
	groups := by(calls, family)
	f := &full{Verdict: &v, still: standstillsIn(calls), told: make(map[string]string)}
	for i := range calls {
		c := &calls[i]
		switch {
		case c.Op == "told":
			f.told[c.Of] = c.Args["detail"]
		case c.Op == "fault":
			healed := with(groups[c.Of], "heal")
			if len(healed) != 1 {
				v.failf("%s did not end", c.Of)
				continue
			}
			f.times = append(f.times, &without{name: c.Of, from: c.Start, over: healed[0].End})
		}
	}
	for i := range calls {
		f.call(&calls[i])
	}
	refused := 0
	var last time.Duration
	for _, w := range f.times {
		v.enough("writes refused in "+w.name, w.refused, 10)
		v.enough("reads in "+w.name, w.reads, 50)
		v.enough("writes done after "+w.name, w.done, 10)
		refused, last = refused+w.refused, max(last, w.last)
	}
	v.enough("times without room", len(f.times), fills)
	v.count("%d writes were told 503; slowest answer %.2f s; the last 503 came %.2f s after there was room again", refused, f.slowest.Seconds(), last.Seconds())
	v.Merge(o)
	return v
}

// without is a time without room.
type without struct {
	name                 string
	from, over           int64
	refused, reads, done int
	last                 time.Duration // of the last 503, from the end
}

type full struct {
	*Verdict
	still   standstills
	times   []*without
	told    map[string]string
	slowest time.Duration
}

// around is the time without room, or the recovery from it, in which the call fell.
func (f *full) around(c *record.Call) *without {
	for _, w := range f.times {
		if c.End >= w.from && c.Start < w.over+int64(recovered) {
			return w
		}
	}
	return nil
}

func (f *full) call(c *record.Call) {
	write := slices.Contains(effects, c.Op) && c.Args["request"] != ""
	if !write && c.Op != "right" && c.Op != "wrong" && c.Op != "livez" {
		return
	}
	took := f.still.took(c)
	f.slowest = max(f.slowest, took)
	if took > answered+slack {
		f.fail("an answer took too long", c)
	}
	w := f.around(c)
	switch {
	case c.Op == "wrong" && c.Status == 401:
	case c.Op != "wrong" && c.OK():
		f.succeeded(c, write, w)
	case write && c.Status == 503 && c.Out["Retry-After"] != "" && w != nil:
		w.refused++
		w.last = max(w.last, time.Duration(c.End-w.over))
		if detail, writer := f.told[c.Args["request"]]; writer && detail == "" {
			f.fail("a refused write is told no detail", c)
		}
	default:
		f.fail("not as it must be on a full disk", c)
	}
}

func (f *full) succeeded(c *record.Call, write bool, w *without) {
	if !write && w != nil && c.Start >= w.from && c.End < w.over {
		w.reads++
	}
	if !write || w != nil {
		return
	}
	for _, before := range f.times { // the last that ended before the call
		if before.over < c.Start {
			w = before
		}
	}
	if w != nil {
		w.done++
	}
}
