package check

import (
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// within bounds the time from the death of a primary to the first write of every node.
const within = 10 * time.Second

// Promotions checks that everything held while a standby that had all that was
// acknowledged took the place of a primary that died: what is written is there, families
// ("family-") are linear, what was ended is refused, every answer is in time, and each
// node wrote in time again.
func Promotions(calls []record.Call, promotions, nodes, endings int) Verdict {
	v := Durable(calls, promotions)
	families := slices.DeleteFunc(slices.Clone(calls), func(c record.Call) bool { return !strings.HasPrefix(c.Of, "family-") })
	v.Merge(histories(families, 4*promotions, true))
	v.Merge(Ended(calls, promotions*endings, true))
	inTime(&v, calls)
	recoveries(&v, calls, promotions, nodes)
	return v
}

// PromotionBehind checks what is left after the promotion of a standby that had received
// nothing more from "part" on: whole writes, none that follows one which is lost, and no
// loss of what was acknowledged a second earlier. What was revoked stays so where the
// revocation itself is not lost.
func PromotionBehind(calls []record.Call, nodes int) Verdict {
	var v Verdict
	j := audit(calls)
	var parted, dying, dead int64 // the primary answers until it is dead
	for i := range calls {
		switch c := &calls[i]; c.Op {
		case "part":
			parted = c.Start
		case "death":
			dying, dead = c.Start, c.End
		}
	}
	kept, lost := 0, 0
	for _, all := range by(calls, writer) {
		var missing *record.Call // the first that is lost
		for _, c := range all {
			there := j.has(&v, c)
			switch {
			case c.Start > dead && c.OK() && !there:
				v.fail("acknowledged by the promoted one, and lost", c)
			case there && missing != nil && c.Start < dying:
				v.fail("a write is lost, and a later one is not", missing, c)
			case there && c.OK():
				kept++
			case c.OK():
				lost++
				if missing == nil {
					missing = c
				}
				if c.End < parted-int64(time.Second) {
					v.fail("acknowledged long before the standby was behind, and lost", c)
				}
			}
		}
	}
	v.enough("writes that are left", kept, 10)
	v.enough("writes that are lost", lost, 1)
	v.count("%d acknowledged writes are there, %d are lost, all of them acknowledged last", kept, lost)
	againAccepted(&v, j, calls)
	rows(&v, calls)
	deaths(&v, calls, 1)
	inTime(&v, calls)
	recoveries(&v, calls, 1, nodes)
	return v
}

// writer returns the client of a call that was to change something.
func writer(c *record.Call) string {
	if slices.Contains(effects, c.Op) && c.Args["request"] != "" {
		return c.Client
	}
	return ""
}

// againAccepted counts the sessions whose acknowledged end is lost.
func againAccepted(v *Verdict, j journal, calls []record.Call) {
	revived := 0
	for _, all := range by(calls, family) {
		ends, tried := with(all, "revoke"), with(all, "access")
		if len(ends) == 0 || len(tried) == 0 || !ends[0].OK() {
			continue
		}
		accepted := tried[0].OK()
		if accepted && j.has(v, ends[0]) {
			v.fail("a revoked session is accepted, and its revocation is not lost", ends[0], tried[0])
		}
		if accepted {
			revived++
		}
	}
	v.enough("sessions whose revocation is lost", revived, 1)
	v.count("%d sessions are accepted again whose revocation is lost", revived)
}

// inTime checks that every call was answered in time, and that what failed was put off.
func inTime(v *Verdict, calls []record.Call) {
	still, answers, putOff := standstillsIn(calls), 0, 0
	var slowest time.Duration
	for i := range calls {
		c := &calls[i]
		if c.Client == "harness" || c.Client == "tables" {
			continue
		}
		answers++
		took := still.took(c)
		slowest = max(slowest, took)
		switch {
		case c.PutOff():
			putOff++
		case c.Status == 0 || c.Status >= 500:
			v.fail("neither an answer nor 503 with Retry-After", c)
		}
		if took > answered+slack {
			v.late("an answer took too long", c)
		}
	}
	v.enough("answers of 503", putOff, 1)
	v.count("%d answers, %d of them 503 with Retry-After, the slowest after %.2f s", answers, putOff, slowest.Seconds())
}

// recoveries checks how long each node took until it wrote again.
func recoveries(v *Verdict, calls []record.Call, promotions, nodes int) {
	still, died, recovered := standstillsIn(calls), int64(0), 0
	var slowest time.Duration
	for i := range calls {
		switch c := &calls[i]; c.Op {
		case "death":
			died = c.Start
		case "recovered":
			recovered++
			took := time.Duration(c.End-died) - still.within(died, c.End)
			slowest = max(slowest, took)
			if took > within {
				v.late("a node took too long until it wrote again", c)
			}
		}
	}
	v.enough("nodes that wrote again", recovered, promotions*nodes)
	v.count("each node wrote again at most %.2f s after the death of the primary", slowest.Seconds())
}
