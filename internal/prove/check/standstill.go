package check

import (
	"time"

	"github.com/openwearables/openwearables/internal/prove/record"
)

// standstills are the times when the machine kept everybody waiting ("stall"),
// one after the other. They are counted against nobody.
type standstills []*record.Call

func standstillsIn(calls []record.Call) standstills {
	var s standstills
	for i := range calls {
		if calls[i].Op == "stall" {
			s = append(s, &calls[i])
		}
	}
	return s
}

// within is how long the machine stood still between two times.
func (s standstills) within(from, to int64) (sum time.Duration) {
	for _, still := range s {
		sum += time.Duration(max(0, min(to, still.End)-max(from, still.Start)))
	}
	return sum
}

// took is how long the machine worked on the call.
func (s standstills) took(c *record.Call) time.Duration { return c.Took() - s.within(c.Start, c.End) }
