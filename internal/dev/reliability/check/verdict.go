// Package check decides from the record alone whether the promises were kept. It
// shares no code with the product.
package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// Verdict is the result of a checker.
type Verdict struct {
	Broken   int      // promises
	Late     int      // those that a standstill of the machine may have broken
	Evidence []string // of the first of them
	Counts   []string // what was checked, to be shown
}

const kept = 5 // pieces of evidence

// fail notes a broken promise and the calls that show it.
func (v *Verdict) fail(what string, calls ...*record.Call) {
	v.Broken++
	if len(v.Evidence) >= kept {
		return
	}
	var text strings.Builder
	text.WriteString(what)
	for _, c := range calls {
		text.WriteString("\n      " + c.String())
	}
	v.Evidence = append(v.Evidence, text.String())
}

// late is fail for a failure that a standstill of the machine may have caused.
func (v *Verdict) late(what string, calls ...*record.Call) {
	v.Late++
	v.fail(what, calls...)
}

// failed is late if the call was put off or the balancer found no node, else fail.
func (v *Verdict) failed(what string, c *record.Call) {
	if c.PutOff() || c.Out["X-Balancer"] != "" {
		v.late(what, c)
	} else {
		v.fail(what, c)
	}
}

func (v *Verdict) failf(format string, args ...any) { v.fail(fmt.Sprintf(format, args...)) }

func (v *Verdict) count(format string, args ...any) {
	v.Counts = append(v.Counts, fmt.Sprintf(format, args...))
}

// again counts the units that were repeated since a call in them was put off.
func (v *Verdict) again(n int, what string) {
	if n > 0 {
		v.count("%d %s were made again, since they met a 503", n, what)
	}
}

// enough fails a check that had too little to check: it would prove nothing.
func (v *Verdict) enough(what string, got, want int) {
	if got < want {
		v.late(fmt.Sprintf("%d %s are too few to prove anything, %d are wanted", got, what, want))
	}
}

// Merge adds what another checker found.
func (v *Verdict) Merge(o Verdict) {
	v.Broken += o.Broken
	v.Late += o.Late
	v.Evidence = append(v.Evidence, o.Evidence...)
	v.Counts = append(v.Counts, o.Counts...)
}

// by groups calls.
func by(calls []record.Call, name func(*record.Call) string) map[string][]*record.Call {
	groups := make(map[string][]*record.Call)
	for i := range calls {
		if g := name(&calls[i]); g != "" {
			groups[g] = append(groups[g], &calls[i])
		}
	}
	return groups
}

// family returns the subject of the call.
func family(c *record.Call) string { return c.Of }

// with keeps the calls that have one of the operations.
func with(calls []*record.Call, ops ...string) []*record.Call {
	var some []*record.Call
	for _, c := range calls {
		if slices.Contains(ops, c.Op) {
			some = append(some, c)
		}
	}
	return some
}
