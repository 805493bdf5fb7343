package alert

import (
	"fmt"
	"slices"

	"github.com/openwearables/openwearables/internal/problem"
)

// maxThresholds is how many thresholds a patch may name.
const maxThresholds = 8

func (in *RulePatch) check(v *problem.Check, rule string) {
	if in.Enabled.Null() {
		v.Fail("enabled", "must not be null")
	}
	list := in.thresholds()
	if n := len(list); in.Thresholds.Present() && (n < 1 || n > maxThresholds) {
		v.Fail("thresholds", fmt.Sprintf("must hold 1 to %d thresholds", maxThresholds))
		return
	}
	for i, t := range list {
		field := fmt.Sprintf("thresholds[%d]", i)
		if !v.Text(field+".name", t.Name, 1, problem.MaxText) {
			continue
		}
		at := slices.IndexFunc(rules[rule].thresholds, func(l limits) bool { return l.name == t.Name })
		if at < 0 {
			v.Fail(field+".name", "must be a threshold of the rule")
			continue
		}
		if slices.ContainsFunc(list[:i], func(other ThresholdInput) bool { return other.Name == t.Name }) {
			v.Fail(field+".name", "must not be named twice")
		}
		l := rules[rule].thresholds[at]
		v.Between(field+".value", int(t.Value), int(l.least), int(l.top))
	}
}

func (in *RulePatch) thresholds() []ThresholdInput {
	if list := in.Thresholds.Value(); list != nil {
		return *list
	}
	return nil
}

// apply carries out a patch that check accepts.
func (in *RulePatch) apply(s *Setting) {
	if enabled := in.Enabled.Value(); enabled != nil {
		s.Disabled = !*enabled
	}
	for _, t := range in.thresholds() {
		if s.Thresholds == nil {
			s.Thresholds = make(map[string]int32)
		}
		s.Thresholds[t.Name] = t.Value
	}
}
