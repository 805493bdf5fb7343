package load

import (
	"math"
	"math/bits"
	"time"
)

// Durations below 2*steps nanoseconds have a bucket each; each further power of two
// is divided into steps, so that a quantile is at most one part in steps too long.
const (
	steps  = 64
	powers = 29 // the last bucket also holds what takes more than 2^36 ns, a minute
)

// Histogram counts durations in a memory that does not grow. The zero value is empty.
// It is not safe for concurrent use.
type Histogram struct {
	counts [(powers + 2) * steps]uint64
	total  uint64
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
}

// Merge adds what other counts.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// Quantile returns a duration that the share q of those counted, from 0 to 1, does
// not exceed; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := max(1, uint64(math.Ceil(q*float64(h.total))))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return end(i)
		}
	}
	return end(len(h.counts) - 1)
}

// bucket returns the index of the bucket of a duration.
func bucket(d time.Duration) int {
	n := uint64(max(0, d))
	power := max(0, bits.Len64(n)-bits.Len64(2*steps-1))
	if power > powers {
		return (powers+2)*steps - 1
	}
	return power*steps + int(n>>power)
}

// end returns the longest duration of a bucket.
func end(i int) time.Duration {
	power := max(0, i/steps-1)
	return time.Duration((i-power*steps+1)<<power - 1)
}
