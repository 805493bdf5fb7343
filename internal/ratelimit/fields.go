package ratelimit

import (
	"strconv"
	"time"
)

// Fields holds the values of the header fields that describe one bucket. All
// five agree: Reset is the counter's time plus the t of RateLimit, in unix
// seconds.
type Fields struct {
	Limit           string // X-RateLimit-Limit
	Remaining       string // X-RateLimit-Remaining
	Reset           string // X-RateLimit-Reset, unix seconds
	RateLimit       string // RateLimit, draft-ietf-httpapi-ratelimit-headers-10, section 4
	RateLimitPolicy string // RateLimit-Policy, section 3 of the same
}

// Fields renders the window as seen at now, by the caller's clock, with one
// allocation. A negative
// limit renders as 0.
func (w Window) Fields(now time.Time) Fields {
	var buf [192]byte
	var ends [5]int
	limit := int64(max(0, w.Policy.Limit))

	b := strconv.AppendInt(buf[:0], limit, 10)
	ends[0] = len(b)
	b = strconv.AppendInt(b, int64(w.Remaining), 10)
	ends[1] = len(b)
	b = strconv.AppendInt(b, w.ResetUnix(), 10)
	ends[2] = len(b)
	b = appendItem(b, w.Policy.Name, "r", int64(w.Remaining), "t", max(0, w.ResetUnix()-now.Add(w.Ahead).Unix()))
	ends[3] = len(b)
	b = appendItem(b, w.Policy.Name, "q", limit, "w", int64(w.Policy.Length()/time.Second))
	ends[4] = len(b)

	s := string(b)
	return Fields{
		Limit:           s[:ends[0]],
		Remaining:       s[ends[0]:ends[1]],
		Reset:           s[ends[1]:ends[2]],
		RateLimit:       s[ends[2]:ends[3]],
		RateLimitPolicy: s[ends[3]:],
	}
}

// appendItem appends a structured-field string with two integer parameters (RFC
// 9651, sections 3.3.3 and 3.1.2).
func appendItem(b []byte, name, k1 string, v1 int64, k2 string, v2 int64) []byte {
	b = append(append(append(b, '"'), name...), '"')
	b = strconv.AppendInt(append(append(append(b, ';'), k1...), '='), v1, 10)
	return strconv.AppendInt(append(append(append(b, ';'), k2...), '='), v2, 10)
}
