package alert

import (
	"maps"
	"slices"
)

// The rules.
const (
	KeyNewNetwork     = "key_new_network"
	KeyWoke           = "key_woke"
	KeyExpires        = "key_expires"
	KeyUnused         = "key_unused"
	KeyOld            = "key_old"
	KeyInBrowser      = "key_in_browser"
	NetworkNotAllowed = "network_not_allowed"
	RefusalBurst      = "refusal_burst"
	Volume            = "volume"
	RefreshReused     = "refresh_reused"
	LoginNewNetwork   = "login_new_network"
	LoginRefusals     = "login_refusals"
	LeakReported      = "leak_reported"
	LedgerBroken      = "ledger_broken"
	WebhookDisabled   = "webhook_disabled"
	TooMany           = "too_many_alerts"
)

// Names of thresholds.
const (
	learningDays  = "learning_days"
	forgetDays    = "forget_days"
	unusedDays    = "unused_days"
	ageDays       = "age_days"
	firstDays     = "first_days"
	secondDays    = "second_days"
	lastDays      = "last_days"
	refusals      = "refusals"
	allRefusals   = "all_refusals"
	percent       = "percent"
	windowMinutes = "window_minutes"
	factor        = "factor"
	leastRequests = "least_requests"
)

// rule is what does not change of a rule.
type rule struct {
	description string
	// event: it tells of what happened, which does not end. Acknowledging its alerts
	// resolves them.
	event      bool
	thresholds []limits
}

// limits is a threshold with its bounds.
type limits struct {
	name                 string
	standard, least, top int32
}

var rules = map[string]rule{
	KeyNewNetwork: {
		"A key was used from a network, a /24 or a /48 of IPv6, from where it was not used before. " +
			"A key is watched once it was used for learning_days; a network that it does not use for forget_days, while it uses others, is new again.",
		true,
		[]limits{{learningDays, 7, 0, 365}, {forgetDays, 90, 7, 365}},
	},
	KeyWoke:           {"A key was used that had not been used for unused_days.", true, []limits{{unusedDays, 60, 7, 3650}}},
	KeyExpires:        {"A key expires within first_days, second_days, and last_days.", false, []limits{{firstDays, 30, 1, 3650}, {secondDays, 10, 1, 3650}, {lastDays, 1, 1, 3650}}},
	KeyUnused:         {"A key was not used for unused_days.", false, []limits{{unusedDays, 90, 1, 3650}}},
	KeyOld:            {"The secret of a key was not rotated for age_days.", false, []limits{{ageDays, 365, 1, 3650}}},
	KeyInBrowser:      {"A key was sent by a browser, where whoever uses the page can read it.", true, nil},
	NetworkNotAllowed: {"A key was used from a network that it does not allow.", true, nil},
	RefusalBurst: {
		"Of the requests of a key or an application within window_minutes, at least refusals and percent of them were refused; " +
			"or as many exchanges named an application with a wrong secret.",
		false,
		[]limits{{refusals, 100, 1, 1_000_000}, {percent, 50, 1, 100}, {windowMinutes, 15, 1, 60}},
	},
	Volume: {
		"In an hour a key or an application made least_requests or more, and factor times as many as in the same hour, or one beside it, of each of the four weeks before.",
		false,
		[]limits{{leastRequests, 1000, 1, 1_000_000_000}, {factor, 5, 2, 1000}},
	},
	RefreshReused:   {"A refresh token was used twice, so that two parties hold it. Its session was ended.", true, nil},
	LoginNewNetwork: {"A developer logged in from a network, a /24 or a /48 of IPv6, from where it did not log in for forget_days.", true, []limits{{forgetDays, 90, 7, 365}}},
	LoginRefusals: {
		"Within window_minutes, refusals logins to one account were refused, or all_refusals to all of them.",
		false,
		[]limits{{refusals, 20, 1, 1_000_000}, {allRefusals, 200, 1, 1_000_000}, {windowMinutes, 15, 1, 60}},
	},
	LeakReported:    {"A credential was reported as leaked, and ended.", true, nil},
	LedgerBroken:    {"The ledger of who read a user's data is not as it was written.", false, nil},
	WebhookDisabled: {"An endpoint of webhooks was disabled because it did not take messages.", true, nil},
	TooMany:         {"A rule has as many unresolved alerts as it may have, so that others were not opened.", false, nil},
}

// All returns every rule, in the order of the alphabet.
func All() []string { return slices.Sorted(maps.Keys(rules)) }

// IsEvent reports whether the rule tells of events, which do not end.
func IsEvent(name string) bool { return rules[name].event }

// Setting is what is stored of a rule.
type Setting struct {
	Disabled   bool
	Thresholds map[string]int32 // those that were changed
}

// Settings are those of the rules that were changed, by their names.
type Settings map[string]Setting

// on reports whether the rule is enabled.
func (s Settings) on(rule string) bool { return !s[rule].Disabled }

// of returns a threshold of a rule.
func (s Settings) of(name, threshold string) int32 {
	if v, ok := s[name].Thresholds[threshold]; ok {
		return v
	}
	for _, l := range rules[name].thresholds {
		if l.name == threshold {
			return l.standard
		}
	}
	panic("alert: the rule " + name + " has no threshold " + threshold)
}

// Threshold is a number on which a rule depends.
type Threshold struct {
	Name                                  string
	Value, DefaultValue, Minimum, Maximum int32
}

// Rule is a rule with its settings.
type Rule struct {
	Name        string
	Description string
	Enabled     bool
	Thresholds  []Threshold
}

// rule returns a rule with its settings.
func (s Settings) rule(name string) Rule {
	r := Rule{Name: name, Description: rules[name].description, Enabled: s.on(name)}
	for _, l := range rules[name].thresholds {
		r.Thresholds = append(r.Thresholds, Threshold{l.name, s.of(name, l.name), l.standard, l.least, l.top})
	}
	return r
}
