package check

import (
	"fmt"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// Lease is how long a node may accept a credential whose revocation it did not hear
// of, since the revoking process died. Margin is for the machine.
const (
	Lease  = time.Second
	Margin = 500 * time.Millisecond
)

// Ended checks that no use of a credential is accepted that began after its end was
// acknowledged. The calls of a credential are each "use", the "end", also where that
// failed, "end-killed" where the process died after the commit, and "use-new", a use
// of its replacement. Uses before the end must be accepted. 503 counts as neither,
// but undisturbed at most one use in a hundred may meet it.
func Ended(calls []record.Call, credentials int, disturbed bool) Verdict {
	var v Verdict
	ended, before, after, fresh, putOff := 0, 0, 0, 0, 0
	for name, all := range by(calls, family) {
		ends := with(all, "end", "end-killed")
		if len(ends) == 0 {
			continue
		}
		from, end, known := span(ends)
		if !known {
			v.fail(name+": it was never ended", ends...)
			continue
		}
		ended++
		for _, use := range with(all, "use", "use-new") {
			if use.PutOff() {
				putOff++
			}
		}
		for _, use := range with(all, "use") {
			switch {
			case use.Start > end.bound:
				after++
				if use.Status != 401 && !use.PutOff() {
					v.fail(name+": accepted, or not refused, after its end", end.call, use)
				}
			case use.End < from:
				before++
				if !use.OK() && !use.PutOff() {
					v.fail(name+": refused before its end", end.call, use)
				}
			}
		}
		for _, use := range with(all, "use-new") {
			fresh++
			if !use.OK() && !use.PutOff() {
				v.fail(name+": what replaced it was refused", end.call, use)
			}
		}
	}
	v.enough("ends", ended, credentials)
	v.enough("uses after an end", after, credentials)
	v.enough("uses before an end", before, credentials)
	v.count("%d ends, %d uses that began after one, all refused; %d before, and %d of what replaced it, all accepted; %d were told 503 instead", ended, after, before, fresh, putOff)
	if uses := before + after + fresh; !disturbed && putOff > uses/100 {
		v.late(fmt.Sprintf("%d of %d uses were told 503, and nothing was disturbed", putOff, uses))
	}
	return v
}

// deadline is the time after which no use may be accepted, and why.
type deadline struct {
	bound int64
	call  *record.Call
}

// span returns the start of the first attempt and the first time by which an attempt
// must have taken effect.
func span(ends []*record.Call) (from int64, end deadline, known bool) {
	from = ends[0].Start
	for _, c := range ends {
		from = min(from, c.Start)
		bound := c.End
		if c.Op == "end-killed" && c.Status == 0 {
			bound += int64(Lease + Margin)
		} else if !c.OK() {
			continue
		}
		if !known || bound < end.bound {
			end, known = deadline{bound, c}, true
		}
	}
	return from, end, known
}

// Survivors checks that no token of a family is accepted once the family was
// revoked. Ops: "end", and the attempts "refresh", "survivor" and "access".
func Survivors(calls []record.Call, families int) Verdict {
	var v Verdict
	ended, rotated, tried, putOff := 0, 0, 0, 0
	for name, all := range by(calls, family) {
		ends := with(all, "end")
		if len(ends) == 0 {
			continue
		}
		_, end, known := span(ends)
		if !known {
			v.fail(name+": it was never revoked", ends...)
			continue
		}
		ended++
		for _, c := range with(all, "refresh", "survivor", "access") {
			switch {
			case c.PutOff():
				putOff++
			case c.Start > end.bound && c.Status != 401:
				v.fail(name+": it outlived its end", end.call, c)
			case c.Start > end.bound:
				tried++
			case c.OK():
				rotated++
			case c.Status != 401:
				v.fail(name+": neither 200 nor 401", c)
			}
		}
	}
	v.enough("families", ended, families)
	v.enough("uses after an end", tried, 2*families)
	v.enough("refreshes that met an end", rotated, families/4)
	v.count("%d families ended amid %d refreshes; %d tries afterwards, all refused; %d refreshes were told 503", ended, rotated, tried, putOff)
	return v
}
