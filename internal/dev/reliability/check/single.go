package check

import (
	"strings"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// SingleUse checks bursts of size refreshes of one token. A family is called after
// its kind: "none-" (no key), "one-" (all with the same key), "each-" (all with
// different keys). Ops: "burst" for the refreshes, and after them "successor", the
// refresh of the one successor, and "access", a use of its access token. Of a burst
// in which a call was put off, it only checks that no two won.
func SingleUse(calls []record.Call, size, families int) Verdict {
	var v Verdict
	seen, again := make(map[string]int), 0
	for name, all := range by(calls, family) {
		kind, _, _ := strings.Cut(name, "-")
		burst := with(all, "burst")
		if len(burst) != size {
			v.failf("%s: %d of %d requests were recorded", name, len(burst), size)
			continue
		}
		winners := make(map[string]int)
		reasons := make(map[string]int)
		putOff := 0
		for _, c := range burst {
			switch {
			case c.OK():
				winners[c.Out["refresh_token"]]++
			case c.PutOff():
				putOff++
			case c.Status != 401:
				v.fail(name+": neither 200 nor 401", c)
			}
			reasons[c.Reason]++
		}
		if putOff > 0 {
			again++
			if len(winners) > 1 || kind != "one" && sum(winners) > 1 {
				v.failf("%s: more than one won: %v, %v", name, winners, reasons)
			}
			continue
		}
		seen[kind]++
		after := with(all, "successor", "access")
		single[kind](&v, name, winners, reasons, after)
	}
	for kind := range single {
		v.enough("families with keys: "+kind, seen[kind], families)
	}
	v.count("%d bursts of %d: %d without a key, %d with one key, %d with a key each", seen["none"]+seen["one"]+seen["each"], size, seen["none"], seen["one"], seen["each"])
	v.again(again, "bursts")
	return v
}

// single holds the rules of the kinds. winners counts the answers with each
// successor.
var single = map[string]func(v *Verdict, name string, winners, reasons map[string]int, after []*record.Call){
	"none": func(v *Verdict, name string, winners, reasons map[string]int, after []*record.Call) {
		if len(winners) != 1 || sum(winners) != 1 {
			v.failf("%s: exactly one must win without a key: %v, %v", name, winners, reasons)
		}
		if got := reasons["refresh_token_used"]; got != sum(reasons)-1 {
			v.failf("%s: %d of %d were refused with refresh_token_used: %v", name, got, sum(reasons)-1, reasons)
		}
		all(v, name+": the winner's successor works", after, true)
	},
	"one": func(v *Verdict, name string, winners, reasons map[string]int, after []*record.Call) {
		if len(winners) != 1 || sum(winners) != sum(reasons) {
			v.failf("%s: all must be answered with one successor: %v, %v", name, winners, reasons)
		}
		all(v, name+": the successor works", after, true)
	},
	"each": func(v *Verdict, name string, winners, reasons map[string]int, after []*record.Call) {
		if sum(winners) > 1 {
			v.failf("%s: more than one won: %v, %v", name, winners, reasons)
		}
		all(v, name+": the session is dead", after, false)
	},
}

func all(v *Verdict, what string, calls []*record.Call, ok bool) {
	if len(calls) < 2 {
		v.failf("%s: it was not tried", what)
	}
	for _, c := range calls {
		if c.OK() != ok || !ok && c.Status != 401 {
			v.fail("not so: "+what, c)
		}
	}
}

func sum(m map[string]int) int {
	n := 0
	for _, i := range m {
		n += i
	}
	return n
}
