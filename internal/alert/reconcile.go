package alert

import (
	"fmt"
	"strings"
	"time"
)

// Active is an alert that is not resolved.
type Active struct {
	ID         string
	Rule       string
	Subject    string
	LastSeenAt time.Time
	Stage      int32
}

// Changes are what an evaluation changes. Findings open alerts, or repeat them.
type Changes struct {
	Findings []Finding
	Resolve  []string // ids of alerts
	Seen     []Sighting
}

func (c *Changes) empty() bool { return len(c.Findings)+len(c.Resolve)+len(c.Seen) == 0 }

// subject is what may have one alert that is not resolved.
type subject struct{ rule, of string }

// Reconcile returns how the alerts change if found is all that the rules of states
// find now. What is muted opens none, and is not counted. Alerts that tell of an event
// it leaves, and those of LedgerBroken, unless their rule is disabled or gone says that
// their subject is.
func (s Settings) Reconcile(active []Active, found []Finding, mutes []Mute, gone func(subject string) bool) (c Changes) {
	muted := make(map[subject]bool, len(mutes))
	for _, m := range mutes {
		muted[subject{m.Rule, m.Subject}] = true
	}
	alerts, count := make(map[subject]*Active), make(map[string]int)
	for i := range active {
		a := &active[i]
		alerts[subject{a.Rule, a.Subject}] = a
		count[a.Rule]++
	}
	holds, over := make(map[subject]bool), make(map[string]int)
	for i := range found {
		f := &found[i]
		is := subject{f.Rule, f.Subject}
		holds[is] = true
		if muted[is] {
			continue
		}
		if a := alerts[is]; a != nil {
			if f.News(a.LastSeenAt, a.Stage) {
				c.Findings = append(c.Findings, *f)
			}
		} else if count[f.Rule] >= Most {
			over[f.Rule]++
		} else {
			count[f.Rule]++
			c.Findings = append(c.Findings, *f)
		}
	}
	for rule, n := range over {
		if is := (subject{TooMany, "rule:" + rule}); alerts[is] == nil && s.on(TooMany) {
			c.Findings = append(c.Findings, TooManyOf(rule, int32(n), time.Time{}))
		}
	}
	for _, a := range active {
		is := subject{a.Rule, a.Subject}
		full := a.Rule == TooMany && count[strings.TrimPrefix(a.Subject, "rule:")] >= Most
		over := !IsEvent(a.Rule) && a.Rule != LedgerBroken && !holds[is] && !full
		if over || !s.on(a.Rule) || gone(a.Subject) {
			c.Resolve = append(c.Resolve, a.ID)
		}
	}
	return c
}

// TooManyOf is the finding that so many alerts of a rule were not opened. If at is
// zero, it is of now.
func TooManyOf(rule string, n int32, at time.Time) Finding {
	return Finding{
		Rule: TooMany, Subject: "rule:" + rule, Link: "/alerts?rule=" + rule, At: at, Count: n,
		Message: fmt.Sprintf("There are %d unresolved alerts of the rule %s, as many as may be, so that others were not opened: "+
			"acknowledge or mute what is known, or change the thresholds of the rule.", Most, rule),
	}
}
