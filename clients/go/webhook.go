package openwearables

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// WebhookTolerance is how far the time of a message may be from that of the receiver.
const WebhookTolerance = 5 * time.Minute

// What a webhook message can be about.
const (
	WebhookAlertOpened       = "alert.opened"
	WebhookAlertAcknowledged = "alert.acknowledged"
	WebhookAlertResolved     = "alert.resolved"
	WebhookTest              = "test"
)

// WebhookEvent is a message that an endpoint has received, and that was verified.
type WebhookEvent struct {
	ID        string          // the same whenever the message is sent again: handle each once
	Type      string          // such as WebhookAlertOpened
	Timestamp time.Time       // when it happened
	Alert     *WebhookAlert   // of a message about an alert, else nil
	Data      json.RawMessage // all that the message says
}

// WebhookAlert is an alert as a message describes it. Times that are not yet are nil.
type WebhookAlert struct {
	ID             string     `json:"id"`
	Rule           string     `json:"rule"`
	Subject        string     `json:"subject"`
	State          string     `json:"state"`
	Message        string     `json:"message"`
	Link           string     `json:"link"`
	OpenedAt       time.Time  `json:"opened_at"`
	LastSeenAt     time.Time  `json:"last_seen_at"`
	Occurrences    int        `json:"occurrences"`
	AcknowledgedAt *time.Time `json:"acknowledged_at"`
	AcknowledgedBy *string    `json:"acknowledged_by"`
	ResolvedAt     *time.Time `json:"resolved_at"`
	MutedUntil     *time.Time `json:"muted_until"`
}

// Reasons for which VerifyWebhook refuses a message.
const (
	ReasonWebhookSecret    = "invalid_webhook_secret"     // the receiver's own: not whsec_ and base64
	ReasonWebhookHeaders   = "invalid_webhook_headers"    // one is missing, given twice, or malformed
	ReasonWebhookTooOld    = "webhook_too_old"            // sent again by a third party, or the clocks differ
	ReasonWebhookTooNew    = "webhook_too_new"            // the clocks differ
	ReasonWebhookSignature = "webhook_signature_mismatch" // not signed with any of the secrets
	ReasonWebhookBody      = "invalid_webhook_body"       // signed, but not a message of this API
)

// VerifyWebhook verifies a message by the Standard Webhooks specification: it was signed
// with one of the secrets of the endpoint (whsec_...), and sent within tolerance of now,
// or WebhookTolerance for 0. body is the request's as it came, byte for byte. Give both
// secrets while one replaces the other. The error is an *Error of KindInvalid whose
// Reason says why.
func VerifyWebhook(secrets []Secret, header http.Header, body []byte, tolerance time.Duration) (*WebhookEvent, error) {
	return verifyWebhook(secrets, header, body, tolerance, time.Now())
}

func verifyWebhook(secrets []Secret, header http.Header, body []byte, tolerance time.Duration, now time.Time) (*WebhookEvent, error) {
	keys, err := webhookKeys(secrets)
	if err != nil {
		return nil, err
	}
	id, stamp, signatures := onlyValue(header, "Webhook-Id"), onlyValue(header, "Webhook-Timestamp"), onlyValue(header, "Webhook-Signature")
	seconds, _ := strconv.ParseInt(stamp, 10, 64)
	if id == "" || signatures == "" || !webhookStamp.MatchString(stamp) {
		return nil, refusedWebhook(ReasonWebhookHeaders, "the request must have each of webhook-id, webhook-timestamp and webhook-signature once")
	}
	if err := checkWebhookTime(time.Unix(seconds, 0), tolerance, now); err != nil {
		return nil, err
	}
	if !webhookSigned(keys, id+"."+stamp+".", body, signatures) {
		return nil, refusedWebhook(ReasonWebhookSignature, "the message was not signed with a secret of the endpoint")
	}
	return readWebhook(id, body)
}

// webhookStamp is the form of a time, in unix seconds.
var webhookStamp = regexp.MustCompile(`^-?\d{1,15}$`)

// webhookKeys returns the keys of the secrets, of which there must be one.
func webhookKeys(secrets []Secret) ([][]byte, error) {
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		text, prefixed := strings.CutPrefix(secret.Reveal(), "whsec_")
		key, err := base64.StdEncoding.DecodeString(text)
		if !prefixed || err != nil || len(key) == 0 {
			return nil, refusedWebhook(ReasonWebhookSecret, "a secret is not whsec_ and base64")
		}
		keys[i] = key
	}
	if len(keys) == 0 {
		return nil, refusedWebhook(ReasonWebhookSecret, "give a secret of the endpoint")
	}
	return keys, nil
}

// onlyValue returns the value of a header, or "" if it does not stand once.
func onlyValue(h http.Header, name string) string {
	if values := h.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

func checkWebhookTime(at time.Time, tolerance time.Duration, now time.Time) error {
	if tolerance == 0 {
		tolerance = WebhookTolerance
	}
	switch {
	case at.Before(now.Add(-tolerance)):
		return refusedWebhook(ReasonWebhookTooOld, "the message was signed too long ago")
	case at.After(now.Add(tolerance)):
		return refusedWebhook(ReasonWebhookTooNew, "the message was signed in the future: check the clock")
	default:
		return nil
	}
}

// webhookSigned reports, in constant time, whether a signature is that of a key.
func webhookSigned(keys [][]byte, before string, body []byte, signatures string) bool {
	signed := false
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(before))
		mac.Write(body)
		want := mac.Sum(nil)
		for signature := range strings.FieldsSeq(signatures) {
			text, v1 := strings.CutPrefix(signature, "v1,")
			got, err := base64.StdEncoding.DecodeString(text)
			signed = v1 && err == nil && hmac.Equal(got, want) || signed
		}
	}
	return signed
}

func readWebhook(id string, body []byte) (*WebhookEvent, error) {
	var message struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &message); err != nil || message.Type == "" || message.Timestamp.IsZero() {
		return nil, refusedWebhook(ReasonWebhookBody, "the body is no message of this API")
	}
	e := &WebhookEvent{ID: id, Type: message.Type, Timestamp: message.Timestamp, Data: message.Data}
	if strings.HasPrefix(e.Type, "alert.") {
		if err := json.Unmarshal(e.Data, &e.Alert); err != nil || e.Alert == nil || e.Alert.ID == "" {
			return nil, refusedWebhook(ReasonWebhookBody, "the body holds no alert")
		}
	}
	return e, nil
}

func refusedWebhook(reason, message string) *Error {
	e := invalid(message)
	e.Reason = reason
	return e
}
