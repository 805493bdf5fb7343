package check

import (
	"strconv"

	"github.com/openwearables/openwearables/internal/prove/record"
)

// Limits checks that of the calls offered in each round exactly the limit was
// admitted, none was refused while fewer had been begun, and no two admitted ones
// were told the same number that remain.
func Limits(calls []record.Call, rounds, offered, limit int) Verdict {
	var v Verdict
	groups := by(calls, family)
	v.enough("rounds", len(groups), rounds)
	admitted := 0
	for name, all := range groups {
		spent := with(all, "spend")
		if len(spent) != offered {
			v.failf("%s: %d of %d calls were recorded", name, len(spent), offered)
		}
		admitted += round(&v, name, spent, limit)
	}
	v.count("%d offered, %d admitted", rounds*offered, admitted)
	return v
}

func round(v *Verdict, name string, spent []*record.Call, limit int) int {
	var ok, refused []*record.Call
	remaining, windows := make(map[string]*record.Call), make(map[string]bool)
	for _, c := range spent {
		windows[c.Out["X-Ratelimit-Reset"]] = true
		switch left := c.Out["X-Ratelimit-Remaining"]; {
		case c.OK():
			ok = append(ok, c)
			if twin := remaining[left]; twin != nil {
				v.fail(name+": two were told that as many remain", twin, c)
			}
			if n, err := strconv.Atoi(left); err != nil || n < 0 || n >= limit {
				v.fail(name+": a strange number remains", c)
			}
			remaining[left] = c
		case c.Status == 429:
			refused = append(refused, c)
			if c.Out["Retry-After"] == "" || left != "0" {
				v.fail(name+": a refusal without Retry-After, or with something remaining", c)
			}
		default:
			v.fail(name+": neither admitted nor limited", c)
		}
	}
	if len(windows) != 1 {
		v.failf("%s: the calls were of %d windows, so that nothing is known", name, len(windows))
	}
	if len(ok) != limit {
		v.failf("%s: %d were admitted, not %d", name, len(ok), limit)
	}
	early(v, name, ok, refused, limit)
	return len(ok)
}

// early finds refusals that were answered before as many calls as the limit had
// begun.
func early(v *Verdict, name string, ok, refused []*record.Call, limit int) {
	for _, r := range refused {
		begun := 0
		for _, c := range ok {
			if c.Start < r.End {
				begun++
			}
		}
		if begun < limit {
			v.fail(name+": refused early", r)
		}
	}
}
