package auth

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// What endpoints can be told of. WebhookTest is sent on demand alone.
const (
	WebhookAlertOpened       = "alert.opened"
	WebhookAlertAcknowledged = "alert.acknowledged"
	WebhookAlertResolved     = "alert.resolved"
	WebhookTest              = "test"
)

// WebhookKinds are what an endpoint can choose, in the order in which they are shown.
var WebhookKinds = []string{WebhookAlertOpened, WebhookAlertAcknowledged, WebhookAlertResolved}

// Why the server disabled an endpoint.
const (
	WebhookGone    = "gone"    // it answered with 410
	WebhookFailing = "failing" // it did not take a message for a day
)

// The states of a delivery.
const (
	WebhookPending   = "pending"
	WebhookDelivered = "delivered"
	WebhookFailed    = "failed"
)

// Bounds of webhooks.
const (
	MaxWebhookEndpoints = 20
	maxWebhookURL       = 2048
	webhookSecretLen    = 32
)

// WebhookEndpoint is a URL to which messages are sent.
type WebhookEndpoint struct {
	ID                string
	URL               string
	Description       *string
	Kinds             []string
	Enabled           bool
	DisabledReason    *string // WebhookGone or WebhookFailing, if the server disabled it
	CreatedBy         string  // developer id
	CreatedAt         time.Time
	PreviousExpiresAt *time.Time // when the older secret ends, while it signs
}

// StoredWebhookEndpoint is an endpoint with its secrets, sealed.
type StoredWebhookEndpoint struct {
	WebhookEndpoint
	Secret         []byte
	PreviousSecret []byte // set while PreviousExpiresAt is
}

// NewWebhookEndpoint is an endpoint with its secret, which is shown only once.
type NewWebhookEndpoint struct {
	Endpoint WebhookEndpoint
	Secret   string
}

// WebhookDelivery is one message to one endpoint.
type WebhookDelivery struct {
	ID             string // webhook-id
	Kind           string
	State          string
	Attempts       int32
	CreatedAt      time.Time
	LastAttemptAt  *time.Time
	LastStatus     *int32
	LastError      *string
	LastDurationMs *int32
	NextAttemptAt  *time.Time // set while it is pending
}

// WebhookClaim is a delivery that one process is to attempt, until NextAttemptAt.
type WebhookClaim struct {
	WebhookDelivery
	Endpoint  StoredWebhookEndpoint
	StartedAt time.Time // of the first attempt, and later by as long as no server ran
	Body      []byte
}

// WebhookInput is what CreateWebhookEndpoint takes; nil is the default.
type WebhookInput struct {
	URL         string
	Description *string
	Kinds       *[]string
}

// WebhookPatch is what UpdateWebhookEndpoint changes. Only Description can be cleared.
type WebhookPatch struct {
	URL         Change[string]
	Description Change[string]
	Kinds       Change[[]string]
	Enabled     Change[bool]
}

// check checks the patch and trims the description. refuse says what is wrong with a URL.
func (in *WebhookPatch) check(refuse func(string) string) error {
	var v problem.Check
	refuseNull(&v, "url", in.URL)
	refuseNull(&v, "kinds", in.Kinds)
	refuseNull(&v, "enabled", in.Enabled)
	if url := in.URL.Value(); url != nil {
		checkWebhookURL(&v, *url, refuse)
	}
	checkName(&v, "description", &in.Description)
	if kinds := in.Kinds.Value(); kinds != nil {
		checkWebhookKinds(&v, *kinds)
	}
	return v.Err()
}

// apply carries out a patch that check accepts.
func (in WebhookPatch) apply(w *WebhookEndpoint) {
	in.URL.replace(&w.URL)
	in.Description.apply(&w.Description)
	if kinds := in.Kinds.Value(); kinds != nil {
		w.Kinds = webhookKindsInOrder(*kinds)
	}
	if in.Enabled.Present() {
		in.Enabled.replace(&w.Enabled)
		w.DisabledReason = nil
	}
}

func checkWebhookURL(v *problem.Check, url string, refuse func(string) string) {
	if !v.Text("url", url, 1, maxWebhookURL) {
		return
	}
	if fault := refuse(url); fault != "" {
		v.Fail("url", fault)
	}
}

func checkWebhookKinds(v *problem.Check, kinds []string) {
	if len(kinds) == 0 {
		v.Fail("kinds", "must hold at least one kind")
	}
	for i, kind := range kinds {
		if !slices.Contains(WebhookKinds, kind) || slices.Contains(kinds[:i], kind) {
			v.Fail("kinds", "must be distinct and among "+strings.Join(WebhookKinds, ", "))
			break
		}
	}
}

func webhookKindsInOrder(kinds []string) []string {
	return slices.DeleteFunc(slices.Clone(WebhookKinds), func(kind string) bool { return !slices.Contains(kinds, kind) })
}

// mintWebhookSecret gives the endpoint a new secret and returns it as its holder gets it.
func mintWebhookSecret(vault *credential.Vault, w *StoredWebhookEndpoint) (string, error) {
	secret := make([]byte, webhookSecretLen)
	rand.Read(secret)
	var err error
	w.Secret, err = vault.Seal(secret, webhookBind(w.ID), "")
	return "whsec_" + base64.StdEncoding.EncodeToString(secret), err
}

// Secrets returns the secrets that sign at the instant, the newest first.
func (w *StoredWebhookEndpoint) Secrets(vault *credential.Vault, now time.Time) ([][]byte, error) {
	newest, err := vault.Open(w.Secret, webhookBind(w.ID), "")
	if err != nil || w.PreviousSecret == nil || !now.Before(*w.PreviousExpiresAt) {
		return [][]byte{newest}, err
	}
	older, err := vault.Open(w.PreviousSecret, webhookBind(w.ID), "")
	return [][]byte{newest, older}, err
}

// webhookBind ties sealed secrets to their endpoint.
func webhookBind(id string) []byte { return []byte("webhook:" + id) }

func webhookError(err error) error {
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("Webhook endpoint")
	}
	return err
}
