package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/webhook"
)

// webhookClock is a clock that a test moves. Safe for concurrent use.
type webhookClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *webhookClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *webhookClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *webhookClock) advance(d time.Duration) { c.set(c.now().Add(d)) }

// webhookVault opens the secrets of every endpoint that addWebhook makes.
var webhookVault = sync.OnceValue(func() *credential.Vault {
	v, err := credential.NewVault([]byte(rand.Text() + rand.Text()))
	if err != nil {
		panic(err)
	}
	return v
})

// onEachHooked runs a test on a store of each engine, with a clock and a courier that may send to
// this machine.
func onEachHooked(t *testing.T, test func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier)) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &webhookClock{at: epoch}
			s := openStore(t, dsn(t), Options{Now: clock.now}).unhurried()
			test(t, s, clock, newCourier(s))
		})
	}
}

func newCourier(s *Store) *webhook.Courier {
	return webhook.NewCourier(webhook.Policy{PrivateNetworks: true}, webhook.Ports{
		Store: s, Vault: webhookVault(), Now: s.Now, Log: slog.New(slog.DiscardHandler),
	})
}

// addWebhook makes an endpoint with a secret of its own.
func (s *Store) addWebhook(t testing.TB, url string) (w auth.StoredWebhookEndpoint, secret string) {
	t.Helper()
	w.ID, w.URL, w.Kinds, w.Enabled, w.CreatedBy = credential.Mint(credential.WebhookID), url, auth.WebhookKinds, true, "d"
	raw := make([]byte, 32)
	rand.Read(raw)
	w.Secret = must(webhookVault().Seal(raw, []byte("webhook:"+w.ID), ""))(t)
	s.write(t, func(ctx context.Context, tx auth.Tx) error {
		w.CreatedAt = tx.Now()
		return tx.InsertWebhookEndpoint(ctx, w)
	})
	return w, "whsec_" + base64.StdEncoding.EncodeToString(raw)
}

// queueWebhooks queues messages for every endpoint that wants their kind.
func (s *Store) queueWebhooks(t testing.TB, kind string, n int) {
	t.Helper()
	err := s.do(t.Context(), func(ctx context.Context, t *tx) error {
		for range n {
			if err := queueWebhookMessage(ctx, t, kind, t.now, json.RawMessage(`{"id":"a"}`)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// deliveries returns the deliveries to the endpoint, newest first.
func (s *Store) deliveries(t testing.TB, endpoint string) []auth.WebhookDelivery {
	t.Helper()
	return must(s.WebhookDeliveries(t.Context(), endpoint, nil, 1<<20))(t)
}

// attempt attempts what is due for the endpoint, and returns its newest delivery.
func attempt(t testing.TB, s *Store, c *webhook.Courier, endpoint string) auth.WebhookDelivery {
	t.Helper()
	for _, claim := range must(s.ClaimWebhooks(t.Context(), endpoint, 100))(t) {
		must(c.Deliver(t.Context(), claim))(t)
	}
	return s.deliveries(t, endpoint)[0]
}

// hook is an endpoint on this machine that answers with a status, and notes what it gets.
type hook struct {
	url    string
	mu     sync.Mutex
	answer http.HandlerFunc
	ids    []string
	bodies []string
}

func newHook(t testing.TB, answer http.HandlerFunc) *hook {
	t.Helper()
	h := &hook{answer: answer}
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	h.url = server.URL
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.ids, h.bodies = append(h.ids, r.Header.Get("webhook-id")), append(h.bodies, string(body))
	h.mu.Unlock()
	h.answer(w, r)
}

func (h *hook) got() (ids, bodies []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.ids...), append([]string{}, h.bodies...)
}

func status(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
}

// A message that fails is sent again as the specification recommends, always the same; after a day
// the endpoint is disabled.
func TestWebhookIsSentAgainForADay(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		h := newHook(t, status(500))
		w, _ := s.addWebhook(t, h.url)
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		begun := clock.now()
		for i, delay := range []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 0,
		} {
			d := attempt(t, s, c, w.ID)
			if d.State != auth.WebhookPending || d.Attempts != int32(i+1) || *d.LastStatus != 500 || !strings.Contains(*d.LastError, "500") || !d.LastAttemptAt.Equal(clock.now()) {
				t.Fatalf("attempt %d: %+v", i+1, d)
			}
			wait := d.NextAttemptAt.Sub(clock.now())
			if delay > 0 && (wait < delay || wait > delay+delay/5) || delay == 0 && !d.NextAttemptAt.Equal(begun.Add(24*time.Hour)) {
				t.Errorf("after attempt %d it waits %v, want %v", i+1, wait, delay)
			}
			clock.set(d.NextAttemptAt.Add(-time.Microsecond))
			if due := must(s.DueWebhooks(t.Context()))(t); len(due) != 0 {
				t.Errorf("it is due before its time")
			}
			clock.set(*d.NextAttemptAt)
		}
		s.queueWebhooks(t, auth.WebhookAlertResolved, 2)
		attemptOne(t, s, c, w.ID)
		for _, d := range s.deliveries(t, w.ID) {
			if d.State != auth.WebhookFailed || d.NextAttemptAt != nil {
				t.Errorf("%+v", d)
			}
		}
		got := must(s.WebhookEndpoint(t.Context(), w.ID))(t)
		if got.Enabled || *got.DisabledReason != auth.WebhookFailing || c.Stats() != (webhook.Stats{Failed: 8, Disabled: 1}) {
			t.Errorf("%+v, %+v", got.WebhookEndpoint, c.Stats())
		}
		ids, bodies := h.got()
		for i := range ids {
			if len(ids) != 8 || ids[i] != ids[0] || bodies[i] != bodies[0] {
				t.Errorf("%q %q", ids, bodies)
			}
		}
		var body struct {
			Type      string
			Timestamp time.Time
			Data      map[string]string
		}
		if err := json.Unmarshal([]byte(bodies[0]), &body); err != nil || body.Type != auth.WebhookAlertOpened || !body.Timestamp.Equal(begun) || body.Data["id"] != "a" {
			t.Errorf("%s: %v", bodies[0], err)
		}
	})
}

// attemptOne attempts the delivery that waits longest.
func attemptOne(t testing.TB, s *Store, c *webhook.Courier, endpoint string) {
	t.Helper()
	for _, claim := range must(s.ClaimWebhooks(t.Context(), endpoint, 1))(t) {
		must(c.Deliver(t.Context(), claim))(t)
	}
}

// What went wrong is said, and retried: a redirect is not followed, and a closed connection or a
// body that does not end is no success.
func TestWebhookFaults(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		target := newHook(t, status(200))
		for name, f := range map[string]struct {
			answer http.HandlerFunc
			said   string
			wait   time.Duration // at least
		}{
			"redirect": {func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, target.url, http.StatusTemporaryRedirect)
			}, "redirect", 5 * time.Second},
			"closed":       {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed the connection", 5 * time.Second},
			"busy":         {retryAfter(503, "3600"), "503", time.Hour},
			"limited":      {retryAfter(429, "999999999"), "429", 12 * time.Hour},
			"soon":         {retryAfter(429, "0"), "429", 5 * time.Second},
			"odd":          {retryAfter(503, "tomorrow"), "503", 5 * time.Second},
			"other status": {retryAfter(500, "3600"), "500", 5 * time.Second},
		} {
			h := newHook(t, f.answer)
			w, _ := s.addWebhook(t, h.url)
			s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
			d := attempt(t, s, c, w.ID)
			if d.State != auth.WebhookPending || !strings.Contains(*d.LastError, f.said) {
				t.Errorf("%s: %+v %q", name, d, *d.LastError)
			}
			if wait := d.NextAttemptAt.Sub(clock.now()); wait < f.wait || wait > f.wait+2*time.Second {
				t.Errorf("%s: it waits %v, want %v", name, wait, f.wait)
			}
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteWebhookEndpoint(ctx, w.ID) })
		}
		w, _ := s.addWebhook(t, "http://127.0.0.1:9")
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		if d := attempt(t, s, c, w.ID); d.LastStatus != nil || !strings.Contains(*d.LastError, "refused the connection") {
			t.Errorf("%+v", d)
		}
		if ids, _ := target.got(); len(ids) > 0 {
			t.Error("a redirect was followed")
		}
	})
}

func retryAfter(status int, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", value)
		w.WriteHeader(status)
	}
}

// An endpoint that is gone is disabled at once. It misses what is reported then, and starts clean
// when it is enabled again.
func TestGoneWebhookIsDisabled(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		h := newHook(t, status(410))
		w, _ := s.addWebhook(t, h.url)
		s.queueWebhooks(t, auth.WebhookAlertOpened, 3)
		attemptOne(t, s, c, w.ID)
		got := must(s.WebhookEndpoint(t.Context(), w.ID))(t)
		if got.Enabled || *got.DisabledReason != auth.WebhookGone {
			t.Errorf("%+v", got.WebhookEndpoint)
		}
		events := must(s.Events(t.Context(), EventFilter{Action: audit.WebhookDisable}))(t)
		if len(events) != 1 || events[0].Actor != audit.Server || events[0].Subject != "webhook:"+w.ID || events[0].Outcome != audit.OK {
			t.Errorf("%+v", events)
		}
		before := len(s.deliveries(t, w.ID))
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		got.Enabled, got.DisabledReason = true, nil
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateWebhookEndpoint(ctx, got) })
		clock.advance(48 * time.Hour)
		all := s.deliveries(t, w.ID)
		if due := must(s.DueWebhooks(t.Context()))(t); len(due) != 0 || len(all) != before || before < 3 {
			t.Errorf("%d are due of %+v", len(due), all)
		}
		for _, d := range all {
			if d.State != auth.WebhookFailed || d.LastError == nil {
				t.Errorf("%+v", d)
			}
		}
	})
}

// A secret that cannot be read fails the message, and says what to do.
func TestWebhookSecretOfAnotherMaster(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		h := newHook(t, status(200))
		w, _ := s.addWebhook(t, h.url)
		w.Secret[20]++
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateWebhookEndpoint(ctx, w) })
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		d := attempt(t, s, c, w.ID)
		if ids, _ := h.got(); len(ids) > 0 || d.State != auth.WebhookPending || !strings.Contains(*d.LastError, "rotate the secret") {
			t.Errorf("%+v", d)
		}
	})
}

// During the overlap both secrets sign, and after it the newest alone.
func TestRotatedWebhookSecretsSign(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		signatures := make(chan string, 10)
		h := newHook(t, func(_ http.ResponseWriter, r *http.Request) { signatures <- r.Header.Get("webhook-signature") })
		w, _ := s.addWebhook(t, h.url)
		w.PreviousSecret, w.PreviousExpiresAt = w.Secret, ptr(clock.now().Add(time.Hour))
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateWebhookEndpoint(ctx, w) })
		for _, want := range []int{2, 1} {
			s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
			attempt(t, s, c, w.ID)
			if got := strings.Fields(receive(t, signatures)); len(got) != want {
				t.Errorf("%q, want %d", got, want)
			}
			clock.advance(time.Hour)
		}
	})
}

// A claim keeps others away until its lease is over; then its process has lost the delivery.
func TestWebhookOfAKilledNodeIsTakenOver(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		h := newHook(t, status(200))
		w, _ := s.addWebhook(t, h.url)
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		first := must(s.ClaimWebhooks(t.Context(), w.ID, 10))(t)
		clock.advance(webhook.Lease - time.Second)
		if again := must(s.ClaimWebhooks(t.Context(), w.ID, 10))(t); len(first) != 1 || len(again) != 0 {
			t.Fatalf("%d claims, and %d beside them", len(first), len(again))
		}
		clock.advance(time.Second)
		second := must(s.ClaimWebhooks(t.Context(), w.ID, 10))(t)
		if len(second) != 1 || second[0].ID != first[0].ID {
			t.Fatalf("%+v", second)
		}
		lost := first[0]
		lost.State, lost.LastError = auth.WebhookFailed, ptr("late")
		if disabled := must(s.SettleWebhook(t.Context(), lost, auth.WebhookFailing))(t); disabled {
			t.Error("a lost claim has disabled the endpoint")
		}
		must(c.Deliver(t.Context(), second[0]))(t)
		if d := s.deliveries(t, w.ID)[0]; d.State != auth.WebhookDelivered || d.Attempts != 2 || d.LastError != nil {
			t.Errorf("%+v", d)
		}
	})
}

// What waits is counted for all endpoints, and what waits for one that was deleted is not.
func TestWebhooksThatWaitAreCounted(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, _ *webhookClock, c *webhook.Courier) {
		h := newHook(t, status(204))
		first, _ := s.addWebhook(t, h.url)
		second, _ := s.addWebhook(t, h.url)
		s.queueWebhooks(t, auth.WebhookAlertOpened, 3)
		attemptOne(t, s, c, first.ID)
		for _, want := range []int64{5, 3} {
			wantError(t, c.Count(t.Context()), nil)
			wantEqual(t, c.Waiting(), want)
			s.write(t, func(ctx context.Context, tx auth.Tx) error {
				return tx.DeleteWebhookEndpoint(ctx, map[int64]string{5: first.ID, 3: second.ID}[want])
			})
		}
		wantError(t, c.Count(t.Context()), nil)
		wantEqual(t, c.Waiting(), 0)
	})
}
