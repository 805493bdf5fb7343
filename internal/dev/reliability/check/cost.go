package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// How much slower the slowest answers to others may be under an attack, and how fast
// quiet ones are taken to be at most, since faster ones are told apart by noise alone.
const (
	slower   = 10
	tellable = 20 * time.Millisecond
)

// often are the ops that are called so often that their 99th percentile is not just the
// slowest answer.
var often = map[string]int{"read": 200, "refresh": 200}

// pages is how many bytes a database may grow by in any case, since it grows by pages.
const pages = 128 << 10

// Costs is what an attack may cost everybody else. 0 is no bound.
type Costs struct {
	Hostile int   // so many hostile calls make an attack
	Memory  int64 // bytes that each node may hold beyond the most that it held while all was quiet
	PerCall int64 // bytes by which the database may grow for a hostile call, beside a few pages
	Growth  int64 // bytes by which it may grow in all
}

// OneAgainstAll checks what an attack cost all others. The periods "quiet" and
// "attack" are calls of the harness with the op "phase"; "memory" and "disk" are what
// was held and stored at their ends, and "disk" at the begin of quiet too. Ops of the
// attacker are "hostile", all others are of callers that have nothing to do with it:
// each began in the period that it is of and has the time at which it was due.
// Under the attack one call of a hundred may fail, and the 99th percentile of each
// kind of call is at most ten times that of the quiet period.
func OneAgainstAll(calls []record.Call, costs Costs) Verdict {
	var v Verdict
	phases := make(map[string]*record.Call)
	others := make(map[string]map[string][]*record.Call)
	hostile := make(map[string]int)
	for i := range calls {
		switch c := &calls[i]; {
		case c.Op == "phase":
			phases[c.Of] = c
		case c.Op == "hostile":
			hostile[told(c)]++
		case c.Args["due"] != "" && (c.Of == "quiet" || c.Of == "attack"):
			if others[c.Op] == nil {
				others[c.Op] = make(map[string][]*record.Call)
			}
			others[c.Op][c.Of] = append(others[c.Op][c.Of], c)
		}
	}
	if phases["quiet"] == nil || phases["attack"] == nil {
		v.failf("there was no quiet period, or no attack")
		return v
	}
	v.enough("kinds of calls of others", len(others), 3)
	still := standstillsIn(calls)
	for _, op := range slices.Sorted(maps.Keys(others)) {
		v.others(op, others[op], still)
	}
	sent := sum(hostile)
	v.enough("hostile calls", sent, costs.Hostile)
	v.count("%d hostile calls: %s", sent, listed(hostile))
	v.memory(calls, costs)
	v.disk(calls, costs, phases, sent)
	return v
}

// told returns how the call was answered.
func told(c *record.Call) string {
	if c.Status == 0 {
		return "no answer"
	}
	return fmt.Sprint(c.Status)
}

// listed tells how often each answer was given.
func listed(answers map[string]int) string {
	var all []string
	for _, answer := range slices.Sorted(maps.Keys(answers)) {
		all = append(all, fmt.Sprintf("%d x %s", answers[answer], answer))
	}
	return strings.Join(all, ", ")
}

// others compares one kind of call of the two periods.
func (v *Verdict) others(op string, of map[string][]*record.Call, still standstills) {
	least := max(3, often[op])
	v.enough("quiet calls: "+op, len(of["quiet"]), least)
	v.enough("calls under attack: "+op, len(of["attack"]), least)
	failures := 0
	for _, c := range slices.Concat(of["quiet"], of["attack"]) {
		switch {
		case c.OK():
		case c.Of == "quiet":
			v.failed("a call failed while all was quiet", c)
		case c.PutOff(), c.Status == 0:
			failures++
		default:
			v.fail("a call of another was refused under the attack", c)
		}
	}
	if failures*100 > len(of["attack"]) {
		v.late(fmt.Sprintf("%s: %d of %d calls of others failed under the attack", op, failures, len(of["attack"])))
	}
	quiet, attack := spread(of["quiet"], still), spread(of["attack"], still)
	if bound := slower * max(quiet.p99, tellable); attack.p99 > bound {
		v.late(fmt.Sprintf("%s: under the attack the 99th percentile was %s, more than %s", op, short(attack.p99), short(bound)))
	}
	v.count("%s %s/%s ms quiet, %s/%s under attack, %d of %d failed", op,
		millis(quiet.p50), millis(quiet.p99), millis(attack.p50), millis(attack.p99), failures, len(of["attack"]))
}

// percentiles of the time from when calls were due to their answers.
type percentiles struct{ p50, p99 time.Duration }

func spread(calls []*record.Call, still standstills) percentiles {
	times := make([]time.Duration, len(calls))
	for i, c := range calls {
		due := number(c, "due")
		times[i] = time.Duration(c.End-due) - still.within(due, c.End)
	}
	slices.SortFunc(times, cmp.Compare)
	at := func(percent int) time.Duration {
		if len(times) == 0 {
			return 0
		}
		return times[(len(times)-1)*percent/100]
	}
	return percentiles{at(50), at(99)}
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
func short(d time.Duration) string  { return d.Round(time.Millisecond).String() }

// memory compares what each node held at most.
func (v *Verdict) memory(calls []record.Call, costs Costs) {
	held := make(map[string]map[int]int64)
	for i := range calls {
		if c := &calls[i]; c.Op == "memory" {
			if held[c.Of] == nil {
				held[c.Of] = make(map[int]int64)
			}
			held[c.Of][c.Node] = number(c, "bytes")
		}
	}
	v.enough("nodes whose memory was seen", min(len(held["quiet"]), len(held["attack"])), 1)
	var most int64
	for node, quiet := range held["quiet"] {
		more := held["attack"][node] - quiet
		most = max(most, more)
		if costs.Memory > 0 && more > costs.Memory {
			v.failf("node %d held %d MiB more than while all was quiet, which may be %d", node, more>>20, costs.Memory>>20)
		}
	}
	v.count("a node held at most %d MiB more", most>>20)
}

// disk compares the growth of the database in the two periods.
func (v *Verdict) disk(calls []record.Call, costs Costs, phases map[string]*record.Call, hostile int) {
	sizes := make(map[string]int64)
	for i := range calls {
		if c := &calls[i]; c.Op == "disk" {
			sizes[c.Of] = number(c, "bytes")
		}
	}
	if v.enough("sizes of the database", len(sizes), 3); len(sizes) < 3 {
		return
	}
	share := phases["attack"].Took().Seconds() / phases["quiet"].Took().Seconds()
	usual := int64(float64(sizes["quiet"]-sizes["begin"]) * share)
	grown := max(0, sizes["attack"]-sizes["quiet"]-max(0, usual))
	each := grown / int64(max(1, hostile))
	if costs.PerCall > 0 && grown > pages+costs.PerCall*int64(hostile) {
		v.failf("the database grew by %d bytes for a hostile call, which may be %d", each, costs.PerCall)
	}
	if costs.Growth > 0 && grown > costs.Growth {
		v.failf("the database grew by %d MiB, which may be %d", grown>>20, costs.Growth>>20)
	}
	v.count("the database grew by %d KiB, %d bytes a hostile call", grown>>10, each)
}
