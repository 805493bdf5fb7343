package scenario_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/openwearables/openwearables/server"
)

// received is one request to a receiver.
type received struct {
	header http.Header
	body   []byte
}

// receiver is an endpoint on this machine. answer is called for each request; nil accepts all.
func receiver(t *testing.T, answer http.HandlerFunc) (url string, got <-chan received) {
	t.Helper()
	requests := make(chan received, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- received{r.Header.Clone(), body}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook", requests
}

// next returns the next request to a receiver.
func next(t *testing.T, got <-chan received) received {
	t.Helper()
	select {
	case r := <-got:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("no message came")
		return received{}
	}
}

// signedBy fails the test unless the specification's library accepts the message with the secret,
// whatever the time.
func (r received) signedBy(t *testing.T, secret string) {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.VerifyIgnoringTimestamp(r.body, r.header); err != nil {
		t.Errorf("%v: %v", r.header, err)
	}
}

func localWebhooks(c *server.Config) { c.WebhookPrivateNetworks = true }

// queueWebhook makes a message wait for the endpoint, as an alert does.
func (n *node) queueWebhook(t *testing.T, endpoint, id, body string) {
	t.Helper()
	n.query(t, func(db *sql.DB) error {
		now := n.clock.now().UnixMicro()
		_, err := db.Exec("INSERT INTO webhook_deliveries (endpoint_id, id, kind, state, attempts, created_at, next_attempt_at, body) VALUES ($1, $2, 'alert.opened', 'pending', 0, $3, $3, $4)",
			endpoint, id, now, []byte(body))
		return err
	})
}

// deliveryOf returns the delivery once it is in the state.
func deliveryOf(t *testing.T, d driver, endpoint, id, state string, o ...option) map[string]any {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		for _, item := range d.call(t, "ListWebhookDeliveries", args{"id": endpoint}, o...).want(t, 200, "").list("items") {
			if delivery := item.(map[string]any); delivery["id"] == id && delivery["state"] == state {
				return delivery
			}
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not %s", id, state)
		}
	}
}

// TestWebhookEndpoints checks how endpoints are made, shown, changed and deleted, that their secret
// is shown once, and that each change leaves an audit row.
func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		dev := bearer(admin)
		made := d.call(t, "CreateWebhookEndpoint", args{"url": "https://example.com/hook?a=b", "description": " Pages who is on call "}, dev).want(t, 201, "")
		id := made.str("id")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(made.str("secret"), "whsec_"))
		if err != nil || len(raw) != 32 || !strings.HasPrefix(id, "we_") {
			t.Errorf("made %v, a secret of %d bytes: %v", made.Body, len(raw), err)
		}
		if made.str("description") != "Pages who is on call" || !slices.Equal(sortedStrings(made.list("kinds")), []string{"alert.acknowledged", "alert.opened", "alert.resolved"}) {
			t.Errorf("made %v", made.Body)
		}
		shown := d.call(t, "GetWebhookEndpoint", args{"id": id}, dev).want(t, 200, "")
		list, _ := d.call(t, "ListWebhookEndpoints", nil, dev).want(t, 200, "").Body.([]any)
		if len(list) != 1 || shown.str("secret") != "" || shown.str("url") != "https://example.com/hook?a=b" {
			t.Errorf("%v, listed %v", shown.Body, list)
		}
		changed := d.call(t, "UpdateWebhookEndpoint", args{
			"id": id, "description": nil, "kinds": []string{"alert.resolved", "alert.opened"}, "enabled": false, "url": "https://example.org",
		}, dev).want(t, 200, "")
		body := changed.Body.(map[string]any)
		if enabled, _ := body["enabled"].(bool); enabled || changed.str("description") != "" || changed.str("url") != "https://example.org" || len(changed.list("kinds")) != 2 {
			t.Errorf("changed %v", changed.Body)
		}
		rotated := d.call(t, "RotateWebhookSecret", args{"id": id, "overlap_seconds": 60}, dev).want(t, 200, "")
		if rotated.str("secret") == made.str("secret") || rotated.str("previous_expires_at") == "" {
			t.Errorf("rotated %v", rotated.Body)
		}
		n.clock.advance(time.Minute)
		if after := d.call(t, "GetWebhookEndpoint", args{"id": id}, dev).want(t, 200, ""); after.str("previous_expires_at") != "" {
			t.Errorf("the older secret is still shown: %v", after.Body)
		}
		d.call(t, "DeleteWebhookEndpoint", args{"id": id}, dev).want(t, 204, "")
		for _, operation := range []string{"GetWebhookEndpoint", "DeleteWebhookEndpoint", "TestWebhookEndpoint", "ListWebhookDeliveries", "RotateWebhookSecret"} {
			d.call(t, operation, args{"id": id}, dev).want(t, 404, "not_found")
		}
		for _, action := range []string{"webhook.create", "webhook.update", "webhook.rotate", "webhook.delete"} {
			if n := len(d.call(t, "ListAuditEvents", args{"subject": "webhook:" + id, "action": action}, dev).want(t, 200, "").list("items")); n != 1 {
				t.Errorf("%d events of %s", n, action)
			}
		}
	})
}

// TestWebhookInput checks that a refusal names the member, and that there are at most 20 endpoints.
func TestWebhookInput(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		dev := bearer(admin)
		id := d.call(t, "CreateWebhookEndpoint", args{"url": "https://example.com"}, dev).want(t, 201, "").str("id")
		for _, c := range []struct {
			member, said string
			value        any
		}{
			{"url", "characters long", ""},
			{"url", "absolute", "example.com"},
			{"url", "absolute", "https:///x"},
			{"url", "absolute", "https:example.com"},
			{"url", "https", "ftp://example.com"},
			{"url", "https", "http://example.com"},
			{"url", "https", "http://8.8.8.8"},
			{"url", "no user", "https://a:b@example.com"},
			{"url", "fragment", "https://example.com/#"},
			{"url", "port", "https://example.com:99999"},
			{"url", "ASCII", "https://exämple.com"},
			{"url", "ASCII", "https://example.com/a b"},
			{"url", "characters long", "https://example.com/" + strings.Repeat("a", 2048)},
			{"url", "private", "https://127.0.0.1"},
			{"url", "private", "https://localhost:8000"},
			{"url", "private", "https://[::1]"},
			{"url", "private", "https://10.0.0.1"},
			{"url", "private", "https://[::ffff:192.168.0.1]"},
			{"url", "reserved", "https://169.254.169.254/latest"},
			{"url", "reserved", "https://[fe80::1]"},
			{"url", "private", "https://100.64.0.1"},
			{"url", "reserved", "https://0.0.0.0"},
			{"url", "reserved", "https://224.0.0.1"},
			{"description", "characters long", strings.Repeat("a", 101)},
			{"description", "control", "a\nb"},
			{"kinds", "distinct", []string{"alert.opened", "alert.opened"}},
			{"kinds", "among", []string{"test"}},
		} {
			for operation, in := range map[string]args{"CreateWebhookEndpoint": {"url": "https://example.com"}, "UpdateWebhookEndpoint": {"id": id}} {
				in[c.member] = c.value
				a := d.call(t, operation, in, dev)
				if a.Status != 422 || !slices.Equal(a.Fields, []string{c.member}) || !strings.Contains(a.Detail, c.said) {
					t.Errorf("%s %s %.60q: %d %v %q, want %q", operation, c.member, c.value, a.Status, a.Fields, a.Detail, c.said)
				}
			}
		}
		d.call(t, "RotateWebhookSecret", args{"id": id, "overlap_seconds": 2592001}, dev).want(t, 422, "invalid_request")
		d.call(t, "ListWebhookDeliveries", args{"id": id, "limit": 101}, dev).want(t, 422, "invalid_request")
		d.call(t, "ListWebhookDeliveries", args{"id": id, "cursor": "x"}, dev).want(t, 422, "invalid_request")
		for range 19 {
			d.call(t, "CreateWebhookEndpoint", args{"url": "https://example.com"}, dev).want(t, 201, "")
		}
		d.call(t, "CreateWebhookEndpoint", args{"url": "https://example.com"}, dev).want(t, 403, "quota_exceeded")
	})
}

// TestTestWebhookEndpoint checks that a test message is sent, signed, and that the answer says how
// that ended.
func TestTestWebhookEndpoint(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		dev := bearer(admin)
		fail := false
		url, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			if fail {
				w.WriteHeader(410)
			}
		})
		made := d.call(t, "CreateWebhookEndpoint", args{"url": url}, dev).want(t, 201, "")
		id := made.str("id")
		a := d.call(t, "TestWebhookEndpoint", args{"id": id}, dev).want(t, 200, "")
		if a.str("state") != "delivered" || a.str("kind") != "test" || a.Body.(map[string]any)["last_status"] != 200.0 || a.str("last_error") != "" || a.str("last_attempt_at") == "" {
			t.Errorf("%v", a.Body)
		}
		message := next(t, got)
		message.signedBy(t, made.str("secret"))
		if message.header.Get("webhook-id") != a.str("id") || !strings.Contains(string(message.body), `"type":"test"`) || message.header.Get("User-Agent") != "openwearables-webhook/1" {
			t.Errorf("%v %s", message.header, message.body)
		}
		fail = true
		d.call(t, "UpdateWebhookEndpoint", args{"id": id, "enabled": false}, dev).want(t, 200, "")
		a = d.call(t, "TestWebhookEndpoint", args{"id": id}, dev).want(t, 200, "")
		if a.str("state") != "failed" || a.Body.(map[string]any)["last_status"] != 410.0 || !strings.Contains(a.str("last_error"), "410") {
			t.Errorf("%v", a.Body)
		}
		if reason := d.call(t, "GetWebhookEndpoint", args{"id": id}, dev).want(t, 200, "").str("disabled_reason"); reason != "" {
			t.Errorf("a test disabled the endpoint: %s", reason)
		}
		if items := d.call(t, "ListWebhookDeliveries", args{"id": id, "limit": 1}, dev).want(t, 200, ""); items.str("next_cursor") == "" {
			t.Errorf("%v", items.Body)
		} else if rest := d.call(t, "ListWebhookDeliveries", args{"id": id, "cursor": items.str("next_cursor")}, dev).want(t, 200, "").list("items"); len(rest) != 1 {
			t.Errorf("%v", rest)
		}
		if strings.Contains(n.log.String(), "whsec_") || strings.Contains(n.log.String(), url) {
			t.Error("the log holds a secret or a URL")
		}
	}, localWebhooks)
}

// TestWebhookDelivery checks that what waits is sent with the secrets that sign, and again after a
// failure.
func TestWebhookDelivery(t *testing.T) {
	t.Parallel()
	n := start(t, localWebhooks)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	dev := bearer(admin)
	refuse := true
	url, got := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if refuse {
			w.WriteHeader(500)
		}
		refuse = false
	})
	made := d.call(t, "CreateWebhookEndpoint", args{"url": url}, dev).want(t, 201, "")
	rotated := d.call(t, "RotateWebhookSecret", args{"id": made.str("id"), "overlap_seconds": 3600}, dev).want(t, 200, "")
	n.queueWebhook(t, made.str("id"), "msg_1", `{"type":"alert.opened"}`)
	for range 2 {
		message := next(t, got)
		message.signedBy(t, made.str("secret"))
		message.signedBy(t, rotated.str("secret"))
		if message.header.Get("webhook-id") != "msg_1" || string(message.body) != `{"type":"alert.opened"}` {
			t.Errorf("%v %s", message.header, message.body)
		}
		n.clock.advance(10 * time.Second)
	}
	delivery := deliveryOf(t, d, made.str("id"), "msg_1", "delivered", dev)
	if delivery["attempts"] != 2.0 || delivery["next_attempt_at"] != nil || delivery["last_error"] != nil {
		t.Errorf("%v", delivery)
	}
}

// TestTestOutlivesItsCaller checks that one test of an endpoint runs at a time, and that what it
// sent is stored although its caller has hung up.
func TestTestOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		dev := bearer(admin)
		release := make(chan struct{})
		url, got := receiver(t, func(http.ResponseWriter, *http.Request) { <-release })
		id := d.call(t, "CreateWebhookEndpoint", args{"url": url}, dev).want(t, 201, "").str("id")
		ctx, hangUp := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "POST", n.url+"/api/v1/webhook-endpoints/"+id+"/test", nil)
		if err != nil {
			t.Fatal(err)
		}
		dev(r)
		ended := make(chan error, 1)
		go func() {
			res, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				err = res.Body.Close()
			}
			ended <- err
		}()
		message := next(t, got)
		d.call(t, "TestWebhookEndpoint", args{"id": id}, dev).want(t, 409, "test_in_progress")
		hangUp()
		if err := <-ended; err == nil {
			t.Error("the caller has not hung up")
		}
		close(release)
		deliveryOf(t, d, id, message.header.Get("webhook-id"), "delivered", dev)
	}, localWebhooks)
}

// TestWebhooksForDevelopment checks that --dev opens this machine and nothing else.
func TestWebhooksForDevelopment(t *testing.T) {
	t.Parallel()
	n := start(t, func(c *server.Config) { c.Dev = true })
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	url, got := receiver(t, nil)
	id := d.call(t, "CreateWebhookEndpoint", args{"url": url}, bearer(admin)).want(t, 201, "").str("id")
	d.call(t, "TestWebhookEndpoint", args{"id": id}, bearer(admin)).want(t, 200, "")
	next(t, got)
	for _, url := range []string{"http://10.0.0.1", "https://192.168.0.1", "http://example.com"} {
		d.call(t, "CreateWebhookEndpoint", args{"url": url}, bearer(admin)).want(t, 422, "invalid_request")
	}
}
