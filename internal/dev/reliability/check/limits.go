package check

import (
	"strconv"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// Limits checks that of the calls offered in each round exactly the limit was
// admitted, that none was refused before as many had begun, and that no two admitted
// calls show the same remaining number. Of a round in which calls were put off, or
// that lasted longer than a window, less is checked: see torn.
func Limits(calls []record.Call, rounds, offered, limit int) Verdict {
	var v Verdict
	groups := by(calls, family)
	admitted, again := 0, 0
	for name, all := range groups {
		spent := with(all, "spend")
		if len(spent) != offered {
			v.failf("%s: %d of %d calls were recorded", name, len(spent), offered)
		}
		if torn(&v, name, spent, limit) {
			again++
			continue
		}
		admitted += round(&v, name, spent, limit)
	}
	v.enough("rounds", len(groups)-again, rounds)
	v.count("%d offered, %d admitted", (len(groups)-again)*offered, admitted)
	v.again(again, "rounds")
	return v
}

// torn reports whether calls of the round were put off or fell into several windows.
// Of such a round it only checks that no window admitted more than the limit.
func torn(v *Verdict, name string, spent []*record.Call, limit int) bool {
	windows, putOff := make(map[string]int), false
	for _, c := range spent {
		switch {
		case c.PutOff():
			putOff = true
		case c.OK():
			windows[c.Out["X-Ratelimit-Reset"]]++
		case c.Status == 429:
			windows[c.Out["X-Ratelimit-Reset"]] += 0
		default:
			v.fail(name+": neither admitted nor limited", c)
		}
	}
	for window, admitted := range windows {
		if admitted > limit {
			v.failf("%s: %d were admitted in the window until %s, not %d", name, admitted, window, limit)
		}
	}
	return putOff || len(windows) > 1
}

func round(v *Verdict, name string, spent []*record.Call, limit int) int {
	var ok, refused []*record.Call
	remaining := make(map[string]*record.Call)
	for _, c := range spent {
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
		}
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
