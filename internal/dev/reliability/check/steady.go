package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// exit bounds how long a node may take to end.
const exit = 10 * time.Second

// Rolling checks that no call failed while nodes were restarted and signing keys
// rotated, and that the nodes ended in order and in time.
func Rolling(calls []record.Call, restarts, rotations int) Verdict {
	var v Verdict
	ends, rotated := terminations(&v, calls)
	answered, flying, failures := 0, 0, 0
	first, final := int64(0), int64(0)
	var slowest, longest time.Duration
	for _, e := range ends {
		longest = max(longest, e.Took())
	}
	for i := range calls {
		c := &calls[i]
		if c.Op != "right" && c.Op != "wrong" {
			continue
		}
		slowest, final = max(slowest, c.Took()), max(final, c.Start)
		if first == 0 || c.Start < first {
			first = c.Start
		}
		if c.Op == "right" && !c.OK() || c.Op == "wrong" && c.Status != 401 {
			failures++
			v.failed("a request failed", c)
			continue
		}
		answered++
		for _, e := range ends {
			if c.Start < e.Start && c.End > e.Start {
				flying++
			}
		}
	}
	v.enough("restarts", len(ends), restarts)
	v.enough("rotations", rotated, rotations)
	v.enough("requests", answered, 200*restarts)
	v.count("%d requests, %.0f a second, %d failed; %d under way as a node was told to end; %d restarts, longest end %.1f s; %d rotations; slowest answer %d ms", answered+failures, float64(answered+failures)/time.Duration(final-first).Seconds(), failures, flying, len(ends), longest.Seconds(), rotated, slowest.Milliseconds())
	return v
}

// terminations returns the ends of nodes and the number of key rotations.
func terminations(v *Verdict, calls []record.Call) (ends []*record.Call, rotated int) {
	for i := range calls {
		switch c := &calls[i]; c.Op {
		case "terminate":
			ends = append(ends, c)
			if !c.OK() || c.Took() > exit {
				v.fail("a node did not end as it should", c)
			}
		case "signing-key":
			rotated++
		}
	}
	return ends, rotated
}

// What may be more at the end of a soak than after its beginning.
const (
	moreSoaked = 12 << 20
	moreFiles  = 10
	maxWAL     = 64 << 20
)

// starved excuses a 503: the machine stood still for so long between a second before
// the call and its end.
const starved = 250 * time.Millisecond

// Soak checks that nodes hold no more in the last quarter of the samples than in the
// second, and that every call has the right answer. One in a thousand may be a 503
// that a standstill excuses.
func Soak(calls []record.Call, nodes int) Verdict {
	var v Verdict
	still := standstillsIn(calls)
	answered, putOff, wal := 0, 0, int64(0)
	samples := make(map[int][]*record.Call)
	for i := range calls {
		switch c := &calls[i]; c.Op {
		case "sample":
			samples[c.Node] = append(samples[c.Node], c)
		case "wal":
			n, _ := strconv.ParseInt(c.Of, 10, 64) // a number
			wal = max(wal, n)
		case "right", "wrong":
			answered++
			switch {
			case c.Op == "right" && c.OK(), c.Op == "wrong" && c.Status == 401:
			case c.PutOff() && still.within(c.Start-int64(time.Second), c.End) > starved:
				putOff++
			default:
				v.failed("an answer is wrong", c)
			}
		}
	}
	if putOff > answered/1000 {
		v.late(fmt.Sprintf("%d of %d calls were told 503", putOff, answered))
	}
	v.enough("nodes", len(samples), nodes)
	for _, node := range slices.Sorted(maps.Keys(samples)) {
		steady(&v, node, samples[node])
	}
	if wal > maxWAL {
		v.failf("the WAL grew to %d bytes", wal)
	}
	v.count("%d calls, %d of which were told 503 as the machine stood still; WAL at most %.1f MiB", answered, putOff, float64(wal)/(1<<20))
	return v
}

// steady compares the second quarter of a node's samples with the last.
func steady(v *Verdict, node int, all []*record.Call) {
	v.enough("samples", len(all), 20)
	n := len(all)
	early, late := all[n/4:n/2], all[n-n/4:]
	was, is := make(map[string]int64), make(map[string]int64)
	for what, more := range map[string]int64{"rss": moreSoaked, "goroutines": moreGo, "files": moreFiles} {
		was[what], is[what] = median(early, what), median(late, what)
		if is[what] > was[what]+more {
			v.failf("node %d: %s grew from %d to %d", node, what, was[what], is[what])
		}
	}
	v.count("node %d: %d MiB, %d goroutines, %d files, then %d, %d, %d", node, was["rss"]>>20, was["goroutines"], was["files"],
		is["rss"]>>20, is["goroutines"], is["files"])
}

func median(calls []*record.Call, what string) int64 {
	values := make([]int64, len(calls))
	for i, c := range calls {
		values[i] = number(c, what)
	}
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}
