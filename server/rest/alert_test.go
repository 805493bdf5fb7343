package rest

import (
	"encoding/json"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/openwearables/openwearables/gen/openapi"
	"github.com/openwearables/openwearables/internal/alert"
)

// Webhooks get an alert as the API shows it.
func TestAlertHasOneForm(t *testing.T) {
	at := time.Date(2026, 3, 7, 10, 30, 0, 123456000, time.UTC)
	by := "developer:d"
	for _, a := range []alert.Alert{
		{ID: "1", Rule: "volume", Subject: "key:k", State: alert.Open, Message: "<m> \u2028", Link: "/", OpenedAt: at, LastSeenAt: at, Occurrences: 2},
		{ID: "1", State: alert.Resolved, AcknowledgedAt: &at, AcknowledgedBy: &by, ResolvedAt: &at, MutedUntil: &at},
	} {
		sent, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		shown, err := jsonv2.Marshal(openapi.Alert(a))
		if err != nil {
			t.Fatal(err)
		}
		var one, other map[string]any
		if err := json.Unmarshal(sent, &one); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(shown, &other); err != nil {
			t.Fatal(err)
		}
		if len(one) != 13 || len(one) != len(other) {
			t.Errorf("%s\n%s", sent, shown)
		}
		for member := range one {
			if one[member] != other[member] {
				t.Errorf("%s is sent as %v and shown as %v", member, one[member], other[member])
			}
		}
	}
}
