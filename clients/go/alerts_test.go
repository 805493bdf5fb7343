package openwearables_test

import (
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func TestAlerts(t *testing.T) {
	t.Parallel()
	ctx, alerts := t.Context(), world.dev.Alerts
	key, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{})
	check(t, err)
	check(t, world.dev.Audit.ReportCredential(ctx, key.Secret))
	subject, limit := "key:"+key.Key.GetId(), int32(1)
	var leak *owv1.Alert
	for end := time.Now().Add(20 * time.Second); leak == nil; time.Sleep(50 * time.Millisecond) {
		for a, err := range alerts.List(ctx, &owv1.ListAlertsRequest{Subject: &subject, Limit: &limit}) {
			check(t, err)
			leak = a
		}
		if time.Now().After(end) {
			t.Fatal("no alert of the leak is listed")
		}
	}
	if leak.GetRule() != "leak_reported" || leak.GetState() != "open" || leak.GetOccurrences() != 1 || leak.GetMessage() == "" {
		t.Errorf("the alert is %v", leak)
	}
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	muted, err := alerts.Mute(ctx, leak.GetId(), until)
	check(t, err)
	rules, err := alerts.Rules(ctx)
	check(t, err)
	if !muted.GetMutedUntil().AsTime().Equal(until) || len(rules.GetMutes()) != 1 || rules.GetMutes()[0].GetSubject() != subject {
		t.Errorf("the mutes are %v, and the alert is %v", rules.GetMutes(), muted)
	}
	heard, err := alerts.Unmute(ctx, leak.GetId())
	check(t, err)
	seen, err := alerts.Acknowledge(ctx, leak.GetId())
	check(t, err)
	if heard.GetMutedUntil() != nil || seen.GetState() != "resolved" || seen.GetAcknowledgedBy() == "" {
		t.Errorf("the alert is %v, then %v", heard, seen)
	}
	changed, err := alerts.UpdateRule(ctx, &owv1.UpdateAlertRuleRequest{
		Rule: "volume", Thresholds: []*owv1.AlertThresholdInput{{Name: "factor", Value: 7}},
	})
	check(t, err)
	for _, threshold := range changed.GetThresholds() {
		if threshold.GetName() == "factor" && (threshold.GetValue() != 7 || threshold.GetDefaultValue() != 5) {
			t.Errorf("the threshold is %v", threshold)
		}
	}
	if _, err := alerts.Acknowledge(ctx, "00000000-0000-0000-0000-000000000000"); !openwearables.IsNotFound(err) {
		t.Errorf("acknowledging no alert: %v", err)
	}
}
