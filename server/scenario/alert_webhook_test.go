package scenario_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

// alertMessage is the body of a message about an alert.
type alertMessage struct {
	Type string
	Data map[string]any
}

// TestAlertsAreSentToWebhooks checks that what becomes of an alert is sent once, signed, with the
// alert as the API has it, and that a webhook that is gone opens an alert, which the others are sent.
func TestAlertsAreSentToWebhooks(t *testing.T) {
	t.Parallel()
	n := start(t, alerting, localWebhooks)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	dev := bearer(admin)
	url, got := receiver(t, nil)
	made := d.call(t, "CreateWebhookEndpoint", args{"url": url}, dev).want(t, 201, "")
	verify := func() (m alertMessage) {
		t.Helper()
		message := next(t, got)
		message.signedBy(t, made.str("secret"))
		if err := json.Unmarshal(message.body, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	id := n.alert(t, d, admin)
	opened := verify()
	if opened.Type != "alert.opened" || opened.Data["state"] != "open" {
		t.Errorf("%v", opened)
	}
	listed := n.alerts(t, restDriver{n}, admin, nil, 1)[0]
	for _, member := range []string{"id", "rule", "subject", "message", "link", "opened_at"} {
		if opened.Data[member] != listed[member] {
			t.Errorf("%s is sent as %v and listed as %v", member, opened.Data[member], listed[member])
		}
	}
	d.call(t, "AcknowledgeAlert", args{"id": id}, dev).want(t, 200, "")
	types := map[string]bool{verify().Type: true, verify().Type: true}
	if !types["alert.acknowledged"] || !types["alert.resolved"] {
		t.Errorf("%v", types)
	}

	goneURL, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	gone := d.call(t, "CreateWebhookEndpoint", args{"url": goneURL}, dev).want(t, 201, "").str("id")
	n.alert(t, d, admin)
	for range 2 {
		if e := verify(); e.Data["rule"] == "webhook_disabled" && e.Data["subject"] != "webhook:"+gone {
			t.Errorf("%v", e)
		}
	}
	if w := d.call(t, "GetWebhookEndpoint", args{"id": gone}, dev).want(t, 200, ""); w.str("disabled_reason") != "gone" {
		t.Errorf("%v", w.Body)
	}
	n.alerts(t, d, admin, args{"rule": "webhook_disabled", "state": "open"}, 1)
	events := d.call(t, "ListAuditEvents", args{"actor": "server"}, dev).want(t, 200, "").list("items")
	if e, _ := events[0].(map[string]any); len(events) != 1 || e["action"] != "webhook.disable" || e["subject"] != "webhook:"+gone {
		t.Errorf("%v", events)
	}

	d.call(t, "UpdateWebhookEndpoint", args{"id": gone, "description": "On call"}, dev).want(t, 200, "")
	n.alerts(t, d, admin, args{"rule": "webhook_disabled", "state": "open"}, 1)
	d.call(t, "UpdateWebhookEndpoint", args{"id": gone, "enabled": true}, dev).want(t, 200, "")
	if e := verify(); e.Type != "alert.resolved" || e.Data["subject"] != "webhook:"+gone || e.Data["acknowledged_at"] != nil {
		t.Errorf("enabled again: %v", e)
	}
	if all := n.alerts(t, d, admin, args{"rule": "webhook_disabled", "state": "open"}, 0); len(all) != 0 {
		t.Errorf("enabled again: %v", all)
	}
	n.alert(t, d, admin)
	for range 2 {
		verify()
	}
	d.call(t, "DeleteWebhookEndpoint", args{"id": gone}, dev).want(t, 204, "")
	if e := verify(); e.Type != "alert.resolved" || e.Data["subject"] != "webhook:"+gone {
		t.Errorf("%v", e)
	}
	if all := n.alerts(t, d, admin, args{"rule": "webhook_disabled", "state": "open"}, 0); len(all) != 0 {
		t.Errorf("%v", all)
	}
}
