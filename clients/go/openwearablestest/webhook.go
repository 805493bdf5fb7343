package openwearablestest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// NewWebhookSecret returns a secret of a webhook endpoint, for SignWebhook.
func NewWebhookSecret() openwearables.Secret {
	var key [32]byte
	_, _ = rand.Read(key[:]) // it never fails
	return openwearables.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(key[:]))
}

// SignWebhook returns the headers and the body of a message as the server sends it to an
// endpoint with these secrets, for the test of what receives it: VerifyWebhook returns e. It
// is signed at the Timestamp of e, so that one of long ago is refused. What e lacks is
// filled in: an ID, now, the ID of its Alert, and as its Type test, or alert.opened if it has
// an Alert. Data is used only if there is no Alert.
//
// It panics if a secret is not whsec_ and base64, or Data not JSON.
func SignWebhook(e openwearables.WebhookEvent, secrets ...openwearables.Secret) (http.Header, []byte) {
	if e.ID == "" {
		e.ID = "msg_" + strings.ToLower(rand.Text())
	}
	if e.Timestamp.IsZero() {
		e.Timestamp = time.Now()
	}
	if e.Alert != nil {
		alert := *e.Alert
		if alert.ID == "" {
			alert.ID = newUUID()
		}
		e.Data = plainJSON(alert)
	}
	switch {
	case e.Type != "":
	case e.Alert != nil:
		e.Type = openwearables.WebhookAlertOpened
	default:
		e.Type = openwearables.WebhookTest
	}
	if e.Data == nil {
		e.Data = json.RawMessage("{}")
	}
	body := plainJSON(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{e.Type, e.Timestamp.UTC(), e.Data})
	stamp := strconv.FormatInt(e.Timestamp.Unix(), 10)
	var signatures []string
	for _, secret := range secrets {
		signatures = append(signatures, signature(secret, e.ID+"."+stamp+".", body))
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("Webhook-Id", e.ID)
	header.Set("Webhook-Timestamp", stamp)
	header.Set("Webhook-Signature", strings.Join(signatures, " "))
	return header, body
}

// plainJSON returns JSON as the server writes it, which escapes no HTML.
func plainJSON(v any) []byte {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		panic("openwearablestest: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// signature returns the signature of a message with one secret.
func signature(secret openwearables.Secret, before string, body []byte) string {
	text, prefixed := strings.CutPrefix(secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if !prefixed || err != nil || len(key) == 0 {
		panic("openwearablestest: a secret of a webhook endpoint is whsec_ and base64, such as NewWebhookSecret returns")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(before))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
