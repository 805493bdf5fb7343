package check

import (
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

func TestStandstillsAreCountedOnce(t *testing.T) {
	var calls []record.Call
	for _, s := range []still{{50, 60}, {10, 30}, {20, 40}, {15, 18}, {60, 70}} {
		calls = append(calls, record.Call{Op: "stall", Start: s.from, End: s.to})
	}
	if got := Standstill(calls); got != 50 {
		t.Errorf("in all for %d, not 50", got)
	}
	if got := standstillsIn(calls).within(35, 55); got != 10 {
		t.Errorf("from 35 to 55 for %d, not 10", got)
	}
}
