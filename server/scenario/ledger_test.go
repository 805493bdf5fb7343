package scenario_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/store"
)

func verifyLedger(entries []audit.Entry) error {
	var v audit.Verifier
	for i := range entries {
		if err := v.Next(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// TestReadsAppendToAChainedLedger checks that every read of a user's workouts, and nothing else, is
// entered into that user's ledger with actor, time and request id. The hash chain is complete after
// the node has stopped.
func TestReadsAppendToAChainedLedger(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, behindProxy)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	me := ds[0].call(t, "GetMe", nil, bearer(admin)).str("id")
	keyID, key := n.newKey(t, ds[0], admin, nil)
	app, secret := n.newApp(t, ds[0], admin)
	type reader struct{ token, actor string }
	users := make([]string, 3)
	readers := make([][]reader, len(users))
	for i := range users {
		users[i] = n.newUser(t, ds[0], admin)
		access, _ := n.exchange(t, ds[0], users[i], app, secret)
		readers[i] = []reader{{admin, "developer:" + me}, {key, "key:" + keyID}, {access, "user:" + users[i]}}
		putWorkouts(t, ds[i], access, users[i], halfHourRun("a", "2026-03-02T07:00:00Z"), halfHourRun("b", "2026-03-03T07:00:00Z"))
	}
	const each = 96
	from := n.clock.now().Truncate(time.Microsecond)
	dates := args{"start_date": "2026-03-01", "end_date": "2026-03-07", "limit": 1}
	concurrently(each, func(i int) {
		u, r := i%3, readers[i%3][i/3%3]
		a := ds[i%2].call(t, "ListWorkouts", withMembers(dates, args{"user_id": users[u]}), bearer(r.token),
			header("X-Request-Id", fmt.Sprintf("read-%d", i)), header("User-Agent", "reader"), header("X-Forwarded-For", "192.0.2.9"))
		if a.Status != 200 {
			t.Errorf("a read is %d %s", a.Status, a.Reason)
		}
	})
	ds[0].call(t, "ListWorkouts", withMembers(dates, args{"user_id": users[0]}), bearer(readers[1][2].token)).want(t, 403, "other_user")
	ds[0].call(t, "ListWorkouts", args{"user_id": users[0]}, bearer(key)).want(t, 422, "invalid_request")
	ds[0].call(t, "ListWorkouts", withMembers(dates, args{"user_id": users[0]})).want(t, 401, "missing_credential")
	ds[0].call(t, "GetUser", args{"id": users[0]}, bearer(key)).want(t, 200, "")
	until := n.clock.now()
	n.stop()

	s, err := store.Open(context.Background(), n.dsn, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seen := map[string]bool{}
	for u, user := range users {
		entries, err := s.Accesses(t.Context(), user, nil, each)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(entries)
		if err := verifyLedger(entries); err != nil || len(entries) != each/3 {
			t.Errorf("%d entries for %d reads: %v", len(entries), each/3, err)
		}
		for _, e := range entries {
			var i int
			if _, err := fmt.Sscanf(e.RequestID, "read-%d", &i); err != nil || i%3 != u || seen[e.RequestID] {
				t.Errorf("an entry of request %q, again: %v", e.RequestID, seen[e.RequestID])
				continue
			}
			seen[e.RequestID] = true
			if e.UserID != user || e.Actor != readers[u][i/3%3].actor || e.Operation != "ListWorkouts" || e.Items != 1 ||
				e.IP != "192.0.2.9" || e.Client != "reader" || e.At.Before(from) || e.At.After(until) {
				t.Errorf("read %d is noted as %+v", i, e)
			}
		}
		if len(entries) > 2 {
			entries[1].Actor = "nobody"
			if verifyLedger(entries) == nil {
				t.Error("a changed entry goes unnoticed")
			}
		}
	}
}
