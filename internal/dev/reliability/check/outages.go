package check

import (
	"strconv"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// What a fault may cost.
const (
	answered  = 2 * time.Second        // until an answer
	truthful  = time.Second            // until the health endpoints tell
	recovered = 2 * time.Second        // until all is well after the end
	slack     = 250 * time.Millisecond // the machine's
	moreBytes = 64 << 20
	moreGo    = 10
)

// Outages checks each fault. Calls that are "right" get success or 503 with
// Retry-After, calls that are "wrong" never succeed, all in time. "livez" is always
// 200; "readyz" is 503 while the database is unreachable, and either while it lags.
// After the fault all is well again and the nodes hold no more than before.
func Outages(calls []record.Call, faults []string) Verdict {
	var v Verdict
	groups, still := by(calls, family), standstillsIn(calls)
	held, refused := 0, 0
	var slowest, longest time.Duration
	for _, name := range faults {
		all := groups[name]
		begun, healed := with(all, "fault"), with(all, "heal")
		if len(begun) != 1 || len(healed) != 1 {
			v.failf("%s did not take place", name)
			continue
		}
		f := &fault{v: &v, name: name, still: still, from: begun[0].Start, sure: begun[0].End, over: healed[0].Start}
		f.well = healed[0].End + int64(recovered)
		f.well += int64(still.within(healed[0].End, f.well))
		for _, c := range all {
			switch c.Op {
			case "right", "wrong":
				f.call(c)
			case "livez", "readyz":
				f.health(c)
			}
		}
		v.enough("calls during "+name, f.during, 10)
		v.enough("calls after "+name, f.after, 20)
		f.compareLoad(with(all, "baseline"), with(all, "after"))
		held, refused = held+f.during, refused+f.refused
		slowest = max(slowest, f.slowest)
		longest = max(longest, f.last-time.Duration(healed[0].End))
	}
	v.count("%d faults, %d calls during them, %d of which were told 503; slowest answer %.2f s; the last 503 came %.2f s after an end", len(faults), held, refused, slowest.Seconds(), max(0, longest).Seconds())
	return v
}

type fault struct {
	v                      *Verdict
	name                   string
	still                  standstills
	from, sure, over, well int64 // it begins, is there, begins to end, all must be well
	during, after, refused int
	slowest, last          time.Duration // answer; time of the last 503
}

func (f *fault) call(c *record.Call) {
	if c.Start >= f.from && c.Start < f.over {
		f.during++
	}
	if c.Status == 503 {
		f.refused++
		f.last = max(f.last, time.Duration(c.End))
	}
	took := f.still.took(c)
	f.slowest = max(f.slowest, took)
	if took > answered+slack {
		f.v.late(f.name+": an answer took too long", c)
	}
	unavailable := c.Status == 503 && c.Out["Retry-After"] != "" && c.End >= f.from && c.Start < f.well
	switch {
	case unavailable:
	case c.Op == "right" && c.OK():
		if c.Start >= f.well {
			f.after++
		}
	case c.Op == "wrong" && c.Status == 401:
	default:
		f.v.failed(f.name+": neither right nor 503 with Retry-After", c)
	}
}

func (f *fault) health(c *record.Call) {
	took := f.still.took(c)
	if c.Op == "livez" {
		switch {
		case c.Status != 200:
			f.v.fail(f.name+": not alive", c)
		case took > truthful+slack:
			f.v.late(f.name+": /livez took too long", c)
		}
		return
	}
	database, either := strings.HasPrefix(f.name, "db-"), strings.HasPrefix(f.name, "lagging-")
	switch {
	case took > truthful+slack:
		f.v.late(f.name+": /readyz took too long", c)
	case c.Start >= f.sure && c.End < f.over && database && c.Status != 503:
		f.v.fail(f.name+": ready without a database", c)
	case (c.End < f.from || c.Start >= f.well || !database && !either) && c.Status != 200:
		f.v.failed(f.name+": not ready", c)
	}
}

func (f *fault) compareLoad(before, after []*record.Call) {
	if len(before) == 0 || len(before) != len(after) {
		f.v.failf("%s: the nodes were not weighed", f.name)
		return
	}
	for i := range before {
		if number(after[i], "rss") > number(before[i], "rss")+moreBytes || number(after[i], "goroutines") > number(before[i], "goroutines")+moreGo {
			f.v.fail(f.name+": a node holds more than before", before[i], after[i])
		}
	}
}

func number(c *record.Call, name string) int64 {
	n, _ := strconv.ParseInt(c.Args[name], 10, 64) // 0 without one
	return n
}
