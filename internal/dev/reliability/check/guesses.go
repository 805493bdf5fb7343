package check

import "github.com/openwearables/openwearables/internal/dev/reliability/record"

// fewRows is how many refusals of a minute each have a row of their own at least,
// before they may be summed.
const fewRows = 5

// Guesses checks that of the "guess"es at each account no more than the limit were
// compared, that is, answered 401. The others must be 429.
func Guesses(calls []record.Call, accounts, limit int) Verdict {
	var v Verdict
	groups, compared, refused := 0, 0, 0
	for name, all := range by(calls, family) {
		guesses := with(all, "guess")
		if len(guesses) == 0 {
			continue
		}
		groups++
		v.enough("guesses at "+name, len(guesses), limit+1)
		n := v.compared(guesses)
		if n > limit {
			v.failf("%s: %d guesses were compared, not %d", name, n, limit)
		}
		compared, refused = compared+n, refused+len(guesses)-n
	}
	v.enough("accounts", groups, accounts)
	v.enough("compared guesses", compared, accounts)
	v.count("%d guesses at %d accounts were compared, %d refused", compared, groups, refused)
	return v
}

// compared counts the guesses that were answered 401.
func (v *Verdict) compared(guesses []*record.Call) (n int) {
	for _, c := range guesses {
		switch c.Status {
		case 401:
			n++
		case 429:
		default:
			v.failed("a guess was neither compared nor refused", c)
		}
	}
	return n
}

// Traces checks guesses whose callers left before the answer: what they took of the
// account's limit, as later and patient "guess"es show, the audit trail ("rows") has
// too, up to a few rows, after which it may sum them.
func Traces(calls []record.Call, accounts, limit int) Verdict {
	var v Verdict
	spent, rows, groups := 0, 0, 0
	for name, all := range by(calls, family) {
		guesses, noted := with(all, "guess"), with(all, "rows")
		if len(guesses) == 0 || len(noted) != 1 {
			continue
		}
		groups++
		v.enough("patient guesses at "+name, len(guesses), limit+1)
		charged, seen := limit-v.compared(guesses), int(number(noted[0], "rows"))
		if charged < 0 {
			v.failf("%s: %d more guesses were compared than the limit", name, -charged)
		}
		if seen < min(charged, fewRows) {
			v.failf("%s: %d guesses were counted before their callers left, and %d are in the audit trail", name, charged, seen)
		}
		spent, rows = spent+charged, rows+seen
	}
	v.enough("accounts", groups, accounts)
	v.enough("guesses that were counted", spent, accounts)
	v.count("%d guesses at %d accounts were counted although their callers left, %d rows are in the audit trail", spent, groups, rows)
	return v
}
