package check

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// standstills are the periods in which the machine did not run the processes
// ("stall"), disjoint and in order. They do not count as time of an answer.
type standstills []still

// still is from one time of the record to another.
type still struct{ from, to int64 }

func standstillsIn(calls []record.Call) standstills {
	var s standstills
	for i := range calls {
		if calls[i].Op == "stall" {
			s = append(s, still{calls[i].Start, calls[i].End})
		}
	}
	slices.SortFunc(s, func(a, b still) int { return cmp.Compare(a.from, b.from) })
	apart := s[:0]
	for _, next := range s {
		if n := len(apart); n > 0 && next.from <= apart[n-1].to {
			apart[n-1].to = max(apart[n-1].to, next.to)
		} else {
			apart = append(apart, next)
		}
	}
	return apart
}

// Standstill returns for how long the machine stood still in all.
func Standstill(calls []record.Call) time.Duration {
	return standstillsIn(calls).within(math.MinInt64, math.MaxInt64)
}

// within returns for how long the machine stood still between two times.
func (s standstills) within(from, to int64) (sum time.Duration) {
	for _, one := range s {
		sum += time.Duration(max(0, min(to, one.to)-max(from, one.from)))
	}
	return sum
}

// took returns the time of the call without standstills.
func (s standstills) took(c *record.Call) time.Duration { return c.Took() - s.within(c.Start, c.End) }
