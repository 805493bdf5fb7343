package check

import (
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// UnknownKeys checks how "unknown" tokens are answered while the database is "there",
// "late" by 1.1 s, or "away". They are refused where the keys can be read, and 503
// where they cannot be, never refused unread; each within 2 seconds, however many
// there are.
func UnknownKeys(calls []record.Call, each int) Verdict {
	var v Verdict
	still := standstillsIn(calls)
	var slowest time.Duration
	counts := make(map[string]int)
	for i := range calls {
		c := &calls[i]
		if c.Op != "unknown" {
			continue
		}
		counts[c.Of]++
		read, unread := c.Status == 401, c.PutOff()
		switch {
		case c.Of == "there" && !read, c.Of == "late" && !read && !unread:
			v.failed("a token of an unknown key was not refused while the database was "+c.Of, c)
		case c.Of == "away" && !unread:
			v.fail("a token of an unknown key was not put off while the database was away", c)
		}
		took := still.took(c)
		slowest = max(slowest, took)
		if took > answered+slack {
			v.late("a token of an unknown key waited for too long", c)
		}
	}
	for _, state := range []string{"there", "late", "away"} {
		v.enough("tokens while the database was "+state, counts[state], each)
	}
	v.count("%d tokens while the database was there, %d while it was late, %d while it was away; slowest answer %.2f s",
		counts["there"], counts["late"], counts["away"], slowest.Seconds())
	return v
}
