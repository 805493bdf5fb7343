package check

import (
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// A killed node loses what it has counted since it wrote last: a second, and as long
// as writing takes. Beyond that, a standstill of the machine may have delayed it.
const (
	losable     = 1500 * time.Millisecond
	losableLate = 4 * time.Second
)

// tallied is how many requests must be counted, and how many may be.
type tallied struct{ sure, losable, late, open int64 }

// Usage checks that each "counted" call of a key is counted once by its operation and
// whether it was refused: in the "row"s of each resolution, in the "day"s of the
// account, and in the "report" of each node. Calls without an answer may be counted
// or not; so may those that a node answered just before its "death".
func Usage(calls []record.Call, keys, kills int) Verdict {
	var v Verdict
	deaths := with(pointers(calls), "death")
	v.enough("kills", len(deaths), kills)
	v.enough("drains", len(with(pointers(calls), "drain")), 1)
	groups := by(calls, func(c *record.Call) string {
		if c.Op == "counted" || c.Op == "report" {
			return c.Of
		}
		return strings.TrimPrefix(c.Args["subject"], "key:")
	})
	used, answered, lost := 0, int64(0), int64(0)
	for name, all := range groups {
		made := with(all, "counted")
		if len(made) == 0 {
			continue
		}
		used++
		v.operations(name, all, made, deaths)
		whole, refused := tallyOf(made, deaths, nil), tallyOf(made, deaths, isRefused)
		days, reports := with(all, "day"), with(all, "report")
		v.enough("days of "+name, len(days), 1)
		v.enough("reports of "+name, len(reports), 1)
		for _, c := range append(days, reports...) {
			v.counted(name+" in all", number(c, "requests"), whole, c)
			v.counted(name+" in all, refused", number(c, "refused"), refused, c)
		}
		answered += whole.sure
		if len(days) > 0 {
			lost += max(0, whole.sure-number(days[0], "requests"))
		}
	}
	v.enough("keys", used, keys)
	v.enough("answered calls", int(answered), 100*keys)
	v.count("%d calls of %d keys were answered, and %d of them are not counted, after %d kills", answered, used, lost, len(deaths))
	return v
}

// operations checks the rows of one key.
func (v *Verdict) operations(name string, all, made, deaths []*record.Call) {
	for operation, some := range grouped(made, "operation") {
		rows := grouped(with(all, "row"), "operation")[operation]
		if len(rows) != 3 {
			v.failf("%s has %d resolutions of %s, not 3", name, len(rows), operation)
		}
		for _, c := range rows {
			v.counted(name+" "+operation, number(c, "requests"), tallyOf(some, deaths, nil), c)
			v.counted(name+" "+operation+", refused", number(c, "refused"), tallyOf(some, deaths, isRefused), c)
		}
	}
}

func (v *Verdict) counted(what string, n int64, t tallied, c *record.Call) {
	switch {
	case n > t.sure+t.open:
		v.fail(what+": more is counted than was called", c)
	case n < t.sure-t.late:
		v.fail(what+": answered calls are not counted", c)
	case n < t.sure-t.losable:
		v.late(what+": more than the last second is missing", c)
	}
}

func isRefused(c *record.Call) bool { return c.Status >= 400 && c.Status < 500 && c.Status != 429 }

// tallyOf counts the calls for which the condition holds, nil being any. One without an
// answer may have had any.
func tallyOf(calls, deaths []*record.Call, holds func(*record.Call) bool) (t tallied) {
	for _, c := range calls {
		if c.Status == 0 || c.Status == 503 {
			t.open++
			continue
		}
		if holds != nil && !holds(c) {
			continue
		}
		t.sure++
		for _, d := range deaths {
			if before := time.Duration(d.End - c.Start); d.Node == c.Node && before >= 0 && before <= losableLate {
				t.late++
				if time.Duration(d.Start-c.End) <= losable {
					t.losable++
				}
				break
			}
		}
	}
	return t
}

func grouped(calls []*record.Call, arg string) map[string][]*record.Call {
	groups := make(map[string][]*record.Call)
	for _, c := range calls {
		groups[c.Args[arg]] = append(groups[c.Args[arg]], c)
	}
	return groups
}

func pointers(calls []record.Call) []*record.Call {
	all := make([]*record.Call, len(calls))
	for i := range calls {
		all[i] = &calls[i]
	}
	return all
}
