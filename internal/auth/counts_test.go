package auth

import (
	"testing"
)

// Every limit has counts of its own.
func TestEveryLimitIsCounted(t *testing.T) {
	for i, name := range limitNames {
		if got := limitIndex(name); got != i {
			t.Errorf("%s is counted at %d, want %d", name, got, i)
		}
	}
	l := DefaultLimits()
	for _, p := range []string{
		l.Key.Name, l.Developer.Name, l.User.Name, l.Address.Name, l.Login.Name, l.LoginAccount.Name, l.Refresh.Name,
		l.RefreshSession.Name, l.ExchangeApp.Name, l.ExchangeUser.Name, l.ExchangeRefused.Name, l.Verify.Name, l.VerifyRefused.Name,
		l.Ingest.Name, l.Public.Name, l.Pairing.Name, l.Pairings.Name,
	} {
		if limitIndex(p) < 0 {
			t.Errorf("the limit %q is not counted", p)
		}
	}
	var counts limitCounts
	if n := testing.AllocsPerRun(100, func() { counts.add("refresh-session", true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
