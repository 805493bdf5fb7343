package openwearables_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/openwearablestest"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// webhookVector is one message of clients/testdata/webhook-vectors.json, which the library of the
// specification has signed. Every SDK must accept or refuse it alike.
type webhookVector struct {
	Name    string
	Keys    []string // in base64
	Prefix  *string  // of the secrets, whsec_ if nil
	Headers map[string]string
	Body    string
	Now     int64  // of the receiver, in unix seconds
	Type    string // of the event
	Alert   string // its id
	Reason  string // of a refusal
}

func (v *webhookVector) secrets() (secrets []openwearables.Secret) {
	prefix := "whsec_"
	if v.Prefix != nil {
		prefix = *v.Prefix
	}
	for _, key := range v.Keys {
		secrets = append(secrets, openwearables.NewSecret(prefix+key))
	}
	return secrets
}

func (v *webhookVector) header() http.Header {
	h := http.Header{}
	for name, value := range v.Headers {
		h.Set(name, value)
	}
	return h
}

func webhookVectors(t *testing.T) (all []webhookVector) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "webhook-vectors.json"))
	check(t, err)
	check(t, json.Unmarshal(raw, &all))
	return all
}

// reasonOf returns the reason of an error of this package.
func reasonOf(err error) string {
	if e := (*openwearables.Error)(nil); errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

func TestVerifyWebhook(t *testing.T) {
	for _, v := range webhookVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			e, err := openwearables.VerifyWebhookAt(v.secrets(), v.header(), []byte(v.Body), 0, time.Unix(v.Now, 0))
			if v.Reason != "" {
				if e != nil || reasonOf(err) != v.Reason || !openwearables.IsInvalid(err) {
					t.Errorf("%+v, %v, want %s", e, err, v.Reason)
				}
				return
			}
			check(t, err)
			if e.ID != v.Headers["webhook-id"] || e.Type != v.Type || e.Timestamp.IsZero() || (e.Alert == nil) != (v.Alert == "") {
				t.Errorf("%+v", e)
			}
			if e.Alert != nil && (e.Alert.ID != v.Alert || e.Alert.Occurrences != 1 || e.Alert.Message != "Löwe ☃ <&>" || e.Alert.ResolvedAt != nil) {
				t.Errorf("%+v", e.Alert)
			}
		})
	}
}

// openwearablestest signs a message as the server does, byte for byte.
func TestSignWebhook(t *testing.T) {
	same := 0
	for _, v := range webhookVectors(t) {
		if v.Name != "an alert" && v.Name != "a test message" {
			continue
		}
		e, err := openwearables.VerifyWebhookAt(v.secrets(), v.header(), []byte(v.Body), 0, time.Unix(v.Now, 0))
		check(t, err)
		header, body := openwearablestest.SignWebhook(*e, v.secrets()...)
		if string(body) != v.Body {
			t.Errorf("the body is\n  %s, want\n  %s", body, v.Body)
		}
		for name, want := range v.header() {
			if !slices.Equal(header[name], want) {
				t.Errorf("%s: %q, want %q", name, header[name], want)
			}
		}
		same++
	}
	if same != 2 {
		t.Errorf("%d messages", same)
	}
	older, newer := openwearablestest.NewWebhookSecret(), openwearablestest.NewWebhookSecret()
	header, body := openwearablestest.SignWebhook(openwearables.WebhookEvent{Alert: &openwearables.WebhookAlert{Rule: "volume"}}, older, newer)
	for _, secret := range []openwearables.Secret{older, newer} {
		e, err := openwearables.VerifyWebhook([]openwearables.Secret{secret}, header, body, 0)
		check(t, err)
		if e.ID == "" || e.Type != openwearables.WebhookAlertOpened || e.Alert.Rule != "volume" || e.Alert.ID == "" || e.Timestamp.IsZero() {
			t.Errorf("%+v", e)
		}
	}
	header, body = openwearablestest.SignWebhook(openwearables.WebhookEvent{Timestamp: time.Now().Add(-time.Hour)}, older)
	if _, err := openwearables.VerifyWebhook([]openwearables.Secret{older}, header, body, 0); reasonOf(err) != openwearables.ReasonWebhookTooOld {
		t.Errorf("of an hour ago: %v", err)
	}
	for name, sign := range map[string]func(){
		"a secret":    func() { openwearablestest.SignWebhook(openwearables.WebhookEvent{}, openwearables.NewSecret("x")) },
		"data":        func() { openwearablestest.SignWebhook(openwearables.WebhookEvent{Data: []byte("{")}, older) },
		"zero secret": func() { openwearablestest.SignWebhook(openwearables.WebhookEvent{}, openwearables.Secret{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s that is none is taken", name)
				}
			}()
			sign()
		}()
	}
}

// The clock is that of the machine, the tolerance the caller's, and a header counts once.
func TestVerifyWebhookNow(t *testing.T) {
	v := webhookVectors(t)[0]
	_, err := openwearables.VerifyWebhook(v.secrets(), v.header(), []byte(v.Body), 0)
	if reasonOf(err) != openwearables.ReasonWebhookTooOld {
		t.Errorf("%v", err)
	}
	at, err := strconv.ParseInt(v.Headers["webhook-timestamp"], 10, 64)
	check(t, err)
	since := time.Since(time.Unix(at, 0)) + time.Hour
	_, err = openwearables.VerifyWebhook(v.secrets(), v.header(), []byte(v.Body), since)
	check(t, err)
	for _, stamp := range []string{"+" + v.Headers["webhook-timestamp"], "0x10", "1e9", "9999999999999999", " ", "١"} {
		h := v.header()
		h.Set("webhook-timestamp", stamp)
		if _, err := openwearables.VerifyWebhook(v.secrets(), h, []byte(v.Body), since); reasonOf(err) != openwearables.ReasonWebhookHeaders {
			t.Errorf("the time %q: %v", stamp, err)
		}
	}
	h := v.header()
	h.Add("webhook-id", "msg_2")
	if _, err := openwearables.VerifyWebhook(v.secrets(), h, []byte(v.Body), since); reasonOf(err) != openwearables.ReasonWebhookHeaders {
		t.Errorf("two ids: %v", err)
	}
}

// What the server sends is verified, with either secret while one replaces the other.
func TestWebhooksOfTheServer(t *testing.T) {
	ctx := t.Context()
	var secrets []openwearables.Secret
	events := make(chan *openwearables.WebhookEvent, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for _, secret := range secrets {
			e, err := openwearables.VerifyWebhook([]openwearables.Secret{secret}, r.Header, body, 0)
			if err != nil {
				t.Error(err)
			}
			events <- e
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer receiver.Close()
	made, err := world.dev.Webhooks.Create(ctx, &owv1.CreateWebhookEndpointRequest{Url: receiver.URL, Kinds: []string{openwearables.WebhookAlertOpened}})
	check(t, err)
	id := made.Endpoint.GetId()
	rotated, err := world.dev.Webhooks.Rotate(ctx, id, time.Minute)
	check(t, err)
	secrets = []openwearables.Secret{made.Secret, rotated.Secret}
	delivery, err := world.dev.Webhooks.Test(ctx, id)
	check(t, err)
	if delivery.GetLastStatus() != http.StatusTeapot || delivery.GetState() != "failed" || len(events) != 2 {
		t.Errorf("%v, %d events", delivery, len(events))
	}
	for range len(events) {
		if e := <-events; e.ID != delivery.GetId() || e.Type != openwearables.WebhookTest || time.Since(e.Timestamp).Abs() > time.Minute {
			t.Errorf("%+v", e)
		}
	}
	enabled := false
	changed, err := world.dev.Webhooks.Update(ctx, &owv1.UpdateWebhookEndpointRequest{Id: id, Enabled: &enabled})
	check(t, err)
	got, err := world.dev.Webhooks.Get(ctx, id)
	check(t, err)
	if changed.GetEnabled() || got.GetEnabled() || len(got.GetKinds()) != 1 {
		t.Errorf("%v, then %v", changed, got)
	}
	listed := 0
	for d, err := range world.dev.Webhooks.Deliveries(ctx, id) {
		check(t, err)
		if listed++; d.GetId() != delivery.GetId() {
			t.Errorf("%v", d)
		}
	}
	for _, err := range world.dev.Webhooks.List(ctx) {
		check(t, err)
		listed++
	}
	if listed != 2 {
		t.Errorf("%d are listed", listed)
	}
	check(t, world.dev.Webhooks.Delete(ctx, id))
	if _, err := world.dev.Webhooks.Get(ctx, id); !openwearables.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if _, err := world.dev.Webhooks.Create(ctx, &owv1.CreateWebhookEndpointRequest{Url: receiver.URL, Kinds: []string{}}); !openwearables.IsInvalid(err) {
		t.Errorf("no kinds: %v", err)
	}
	if _, err := world.dev.Webhooks.Update(ctx, &owv1.UpdateWebhookEndpointRequest{Id: id, Kinds: []string{}}); !openwearables.IsInvalid(err) {
		t.Errorf("no kinds: %v", err)
	}
}
