package scenario_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
)

// Every read of a user's data that is forwarded and answered is in the ledger of that
// user, under load too, and nothing else is.
func TestGatewayEntersReadsIntoTheLedger(t *testing.T) {
	t.Parallel()
	g := startGateway(t, behindProxy)
	reads := []string{"timeseries", "summaries/sleep", "events/workouts", "connections", "sync/runs"}
	tokens := []string{g.dev, g.key, g.own}
	const each = 300
	concurrently(30, func(i int) {
		for j := range each / 30 {
			n := i*(each/30) + j
			path := "/users/" + g.user + "/" + reads[n%len(reads)] + "?start_time=2026-03-01T00:00:00Z&end_time=2026-03-02"
			a := g.ask(t, "GET", path, "", bearer(tokens[n%3]), header("X-Request-Id", fmt.Sprintf("read-%d", n)), forwardedFor("192.0.2.9"), header("User-Agent", "reader"))
			if a.Status != 200 {
				t.Errorf("a read is %d %s", a.Status, a.Body)
			}
		}
	})
	stream := g.follow(t, g.user, g.own)
	stream.await(t)
	stream.leave()
	g.ask(t, "GET", "/providers/garmin/users/"+g.user+"/workouts", "", bearer(g.key)).want(t, 200, "")
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.otherToken)).want(t, 403, "other_user")
	g.ask(t, "POST", "/sdk/users/"+g.user+"/sync", `{"provider":"apple"}`, bearer(g.own)).want(t, 202, "")
	g.ask(t, "DELETE", "/users/"+g.user+"/events/sleep/1", "", bearer(g.key)).want(t, 204, "")
	g.upstream.Break(says(404, "application/json", `{"detail":"no"}`))
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.own)).want(t, 404, "upstream_refused")
	g.stop()

	s, err := store.Open(context.Background(), g.dsn, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if entries, err := s.Accesses(t.Context(), g.other, nil, 10); err != nil || len(entries) > 0 {
		t.Errorf("the other user's ledger has %d entries, %v", len(entries), err)
	}
	entries, err := s.Accesses(t.Context(), g.user, nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries)
	if err := verifyLedger(entries); err != nil || len(entries) != each+2 {
		t.Errorf("%d entries for %d reads: %v", len(entries), each+2, err)
	}
	operations := map[string]int{}
	for _, e := range entries {
		operations[e.Operation]++
		if strings.HasPrefix(e.RequestID, "read-") && (e.IP != "192.0.2.9" || e.Client != "reader" || e.Actor == "" || e.RangeStart == nil || e.RangeEnd == nil) {
			t.Errorf("a read is noted as %+v", e)
		}
	}
	for name, want := range map[string]int{"GetTimeseries": 60, "GetSleepSummary": 60, "ListWorkouts": 60, "ListConnections": 60, "ListUserSyncs": 60, "StreamSyncs": 1, "ListProviderWorkouts": 1} {
		if operations[name] != want {
			t.Errorf("%s has %d entries, want %d", name, operations[name], want)
		}
	}
}

// A further path is open to developers alone, once an operator has named it.
func TestGatewayForwardsWhatAnOperatorAllows(t *testing.T) {
	t.Parallel()
	g := startGateway(t, func(c *server.Config) { c.Upstream.Allow = []string{"GET /api/v1/newer/{id}/things"} })
	path := "/newer/a-1/things"
	g.ask(t, "GET", path, "").want(t, 401, "missing_credential")
	g.ask(t, "GET", path, "", bearer(g.key)).want(t, 403, "credential_not_allowed")
	g.ask(t, "GET", path, "", bearer(g.own)).want(t, 403, "credential_not_allowed")
	g.ask(t, "GET", "/newer/%2e%2e/things", "", bearer(g.dev)).want(t, 404, "not_found")
	g.untouched(t)
	g.ask(t, "GET", path, "", bearer(g.dev)).want(t, 200, "")
	if sent := g.last(t); sent.URI != "/api/v1"+path || sent.Header.Get("Authorization") == "" {
		t.Errorf("%s arrives with %v", sent.URI, sent.Header)
	}
	g.ask(t, "POST", path, "", bearer(g.dev)).want(t, 405, "method_not_allowed")
}

// A slow upstream is waited for; its requests and the time they took show in the log
// and the metrics.
func TestGatewayIsMeasured(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.own)).want(t, 200, "")
	g.upstream.Break(says(http.StatusInternalServerError, "text/plain", "Internal Server Error"))
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.own)).want(t, 500, "upstream_failed")
	log := g.log.String()
	if !strings.Contains(log, `"operation":"GetTimeseries"`) || !strings.Contains(log, `"upstream_ms":`) || strings.Contains(log, g.upstream.Key) {
		t.Errorf("the log has %s", log)
	}
}
