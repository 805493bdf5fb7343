package check

import "github.com/openwearables/openwearables/internal/dev/reliability/record"

// Clocks checks a node whose clock is wrong, and the others beside it. What is
// "valid" is accepted, what has "ended" is refused, on all nodes; the node says that
// it is "ready", or "unready" where it is too far off. What is valid "until" a time
// proves nothing if its answer came after that.
func Clocks(calls []record.Call, shifts int) Verdict {
	var v Verdict
	counts := make(map[string]int)
	for i := range calls {
		c := &calls[i]
		var right bool
		switch c.Op {
		case "valid":
			if until := number(c, "until"); until > 0 && c.End > until {
				continue
			}
			right = c.OK()
		case "ready":
			right = c.Status == 200
		case "ended":
			right = c.Status == 401
		case "unready":
			right = c.Status == 503
		default:
			continue
		}
		counts[c.Op]++
		if !right {
			v.fail("with a clock that is off by "+c.Of+", node "+string(rune('0'+c.Node))+" answers wrongly to what is "+c.Op, c)
		}
	}
	for _, op := range []string{"valid", "ended", "ready", "unready"} {
		v.enough("calls: "+op, counts[op], shifts)
	}
	v.count("%d uses of what was valid, %d of what had ended; ready %d times, and not %d times",
		counts["valid"], counts["ended"], counts["ready"], counts["unready"])
	return v
}
