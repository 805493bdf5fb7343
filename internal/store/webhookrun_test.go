package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/webhook"
)

// runCouriers runs them until stop, which waits until they have ended.
func runCouriers(t *testing.T, couriers ...*webhook.Courier) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, c := range couriers {
		running.Go(func() { c.Run(ctx) })
	}
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// Several nodes deliver each message once while nothing fails.
func TestNodesDeliverEachWebhookOnce(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			s := openStore(t, at, Options{}).unhurried()
			couriers := []*webhook.Courier{newCourier(s), newCourier(s)}
			if name == "postgres" {
				for range 3 {
					couriers = append(couriers, newCourier(openStore(t, at, Options{}).unhurried()))
				}
			}
			var hooks []*hook
			for range 4 {
				h := newHook(t, status(204))
				s.addWebhook(t, h.url)
				hooks = append(hooks, h)
			}
			stop := runCouriers(t, couriers...)
			const most = 40
			for range most / 4 {
				s.queueWebhooks(t, auth.WebhookAlertOpened, 4)
			}
			eventually(t, "every message is delivered", func() bool {
				n := int64(0)
				for _, c := range couriers {
					n += c.Stats().Delivered
				}
				return n == most*int64(len(hooks))
			})
			stop()
			for _, h := range hooks {
				ids, _ := h.got()
				times := map[string]int{}
				for _, id := range ids {
					times[id]++
				}
				if len(ids) != most || len(times) != most {
					t.Errorf("%d messages arrived of %d, %d different ones", len(ids), most, len(times))
				}
			}
		})
	}
}

// A slow endpoint gets two at once, and the others are served meanwhile. What hangs when the process
// ends is sent again by the next one at once.
func TestSlowWebhookHoldsNoOther(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		var inside, most atomic.Int64
		release := make(chan struct{})
		slow := newHook(t, func(_ http.ResponseWriter, r *http.Request) {
			n := inside.Add(1)
			defer inside.Add(-1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		quick := newHook(t, status(200))
		w, _ := s.addWebhook(t, slow.url)
		s.addWebhook(t, quick.url)
		s.queueWebhooks(t, auth.WebhookAlertOpened, 20)
		stop := runCouriers(t, c)
		eventually(t, "the quick endpoint has all", func() bool { return c.Stats().Delivered == 20 })
		eventually(t, "the slow endpoint has two", func() bool { return inside.Load() == 2 })
		begun := time.Now()
		stop()
		if took := time.Since(begun); took > 5*time.Second || most.Load() != 2 {
			t.Errorf("it took %v to stop; %d were sent at once", took, most.Load())
		}
		all, stopped := s.deliveries(t, w.ID), 0
		for _, d := range all {
			if d.Attempts > 0 && d.LastError != nil && strings.Contains(*d.LastError, "server was stopped") && d.NextAttemptAt.Equal(clock.now()) {
				stopped++
			}
		}
		if n := countStates(all); n[auth.WebhookPending] != 20 || stopped != 2 {
			t.Errorf("%v, %d were stopped", n, stopped)
		}
		close(release)
		next := newCourier(s)
		runCouriers(t, next)
		eventually(t, "the rest is delivered", func() bool { return next.Stats().Delivered == 20 })
	})
}

func countStates(all []auth.WebhookDelivery) map[string]int {
	n := map[string]int{}
	for _, d := range all {
		n[d.State]++
	}
	return n
}

// An endpoint that does not answer costs ten seconds.
func TestSilentWebhookTimesOut(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		h := newHook(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		w, _ := s.addWebhook(t, h.url)
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		begun := time.Now()
		d := attempt(t, s, c, w.ID)
		if took := time.Since(begun); took < 9*time.Second || took > 15*time.Second || !strings.Contains(*d.LastError, "within 10 seconds") || *d.LastDurationMs < 9000 {
			t.Errorf("%v: %+v", took, d)
		}
	})
}

// Messages wait for enabled endpoints that want them, in a bounded number.
func TestWebhookQueue(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		all, _ := s.addWebhook(t, "https://a.example.com")
		some, _ := s.addWebhook(t, "https://b.example.com")
		off, _ := s.addWebhook(t, "https://c.example.com")
		some.Kinds, off.Enabled = []string{auth.WebhookAlertResolved}, false
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			if err := tx.UpdateWebhookEndpoint(ctx, some); err != nil {
				return err
			}
			return tx.UpdateWebhookEndpoint(ctx, off)
		})
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		s.queueWebhooks(t, auth.WebhookAlertResolved, 1)
		for id, want := range map[string]int{all.ID: 2, some.ID: 1, off.ID: 0} {
			if got := s.deliveries(t, id); len(got) != want {
				t.Errorf("%d messages, want %d", len(got), want)
			}
		}
		if a, b := s.deliveries(t, all.ID), s.deliveries(t, some.ID); a[0].ID != b[0].ID && a[1].ID != b[0].ID {
			t.Error("one message has two ids")
		}
		for range 10 {
			s.queueWebhooks(t, auth.WebhookAlertOpened, 100)
		}
		if n := countStates(s.deliveries(t, all.ID)); n[auth.WebhookPending] != maxWebhookWaiting || n[auth.WebhookFailed] != 2 {
			t.Errorf("%v", n)
		}
		err := s.do(t.Context(), func(ctx context.Context, t *tx) error {
			return queueWebhookMessage(ctx, t, auth.WebhookAlertOpened, t.now, json.RawMessage(`"`+strings.Repeat("a", maxWebhookData)+`"`))
		})
		if err == nil || !strings.Contains(err.Error(), "64 KiB") {
			t.Errorf("a long message: %v", err)
		}
	})
}

// Deliveries are removed when they are old, beyond a number, and with their endpoint.
func TestWebhooksArePurged(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		w, _ := s.addWebhook(t, "https://a.example.com")
		gone, _ := s.addWebhook(t, "https://b.example.com")
		for i := range 4 {
			clock.advance(24 * time.Hour)
			s.queueWebhooks(t, auth.WebhookAlertOpened, 300)
			s.write(t, func(ctx context.Context, tx auth.Tx) error {
				if i == 3 {
					return tx.DeleteWebhookEndpoint(ctx, gone.ID)
				}
				return tx.FailWebhookDeliveries(ctx, w.ID)
			})
		}
		if err := s.trimWebhooks(t.Context(), w.ID, 700); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, len(s.deliveries(t, w.ID)), 700)
		clock.set(epoch.Add(webhooksKeptFor + 3*24*time.Hour))
		if err := s.Purge(t.Context(), Retention{}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, len(s.deliveries(t, w.ID)), 300)
		wantEqual(t, len(s.deliveries(t, gone.ID)), 0)
		if err := s.trimWebhooks(t.Context(), w.ID, 10); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, len(s.deliveries(t, w.ID)), 300) // they are pending
	})
}

// Nodes that open, disable, enable and queue at once neither fail nor leave what is sent to a
// disabled endpoint.
func TestWebhookContenders(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		var ids []string
		for range 5 {
			w, _ := s.addWebhook(t, "http://127.0.0.1:9")
			ids = append(ids, w.ID)
		}
		var running sync.WaitGroup
		for i := range 8 {
			running.Go(func() {
				for round := range 10 {
					if err := contend(s, ids[(i+round)%len(ids)], i); err != nil {
						t.Errorf("%d: %v", i, err)
					}
				}
			})
		}
		running.Wait()
		for _, id := range ids {
			w := must(s.WebhookEndpoint(t.Context(), id))(t)
			if n := countStates(s.deliveries(t, id)); !w.Enabled && n[auth.WebhookPending] > 0 {
				t.Errorf("%v are pending for a disabled endpoint", n)
			}
		}
	})
}

// contend does one of what may happen to an endpoint.
func contend(s *Store, id string, what int) error {
	ctx := context.Background()
	if what%4 == 0 {
		claims, err := s.ClaimWebhooks(ctx, id, 2)
		for _, c := range claims {
			c.State, c.NextAttemptAt, c.Body = auth.WebhookFailed, nil, nil
			if _, err := s.SettleWebhook(ctx, c, auth.WebhookGone); err != nil {
				return err
			}
		}
		return err
	}
	if what%4 == 1 {
		return s.do(ctx, func(ctx context.Context, t *tx) error {
			return queueWebhookMessage(ctx, t, auth.WebhookAlertOpened, t.now, json.RawMessage(fmt.Sprintf("%q", credential.Mint(credential.MessageID))))
		})
	}
	return s.Write(ctx, func(ctx context.Context, tx auth.Tx) error {
		if err := tx.LockWebhookEndpoints(ctx); err != nil {
			return err
		}
		w, err := tx.WebhookEndpoint(ctx, id)
		if err != nil {
			return err
		}
		w.Enabled = what%4 == 2
		if err := tx.UpdateWebhookEndpoint(ctx, w); err != nil || w.Enabled {
			return err
		}
		return tx.FailWebhookDeliveries(ctx, id)
	})
}

// While the database is away, a courier asks once a second, and what it has sent counts as not sent.
func TestWebhooksWithoutDatabase(t *testing.T) {
	t.Parallel()
	s := openStore(t, sqliteDSN(t), Options{})
	h := newHook(t, status(200))
	w, _ := s.addWebhook(t, h.url)
	s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
	claim := must(s.ClaimWebhooks(t.Context(), w.ID, 1))(t)[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := newCourier(s)
	_, err := c.Deliver(t.Context(), claim)
	wantUnavailable(t, err)
	if ids, _ := h.got(); len(ids) != 1 || c.Stats() != (webhook.Stats{}) {
		t.Errorf("%q were sent, %+v", ids, c.Stats())
	}
	var log strings.Builder
	c = webhook.NewCourier(webhook.Policy{}, webhook.Ports{Store: s, Vault: webhookVault(), Now: s.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	stop := runCouriers(t, c)
	time.Sleep(2500 * time.Millisecond)
	stop()
	if n := strings.Count(log.String(), "it will be tried again"); n < 2 || n > 4 || strings.Contains(log.String(), h.url) {
		t.Errorf("%s", log.String())
	}
}

// Time in which no server ran does not count as time in which the endpoint took no
// message: it is tried for a day all the same.
func TestTimeWithoutAServerDisablesNoWebhook(t *testing.T) {
	onEachHooked(t, func(t *testing.T, s *Store, clock *webhookClock, c *webhook.Courier) {
		h := newHook(t, status(500))
		w, _ := s.addWebhook(t, h.url)
		s.queueWebhooks(t, auth.WebhookAlertOpened, 1)
		begun := clock.now()
		d := attempt(t, s, c, w.ID)
		const away = 25 * time.Hour
		clock.set(d.NextAttemptAt.Add(away))
		for d = attempt(t, s, c, w.ID); d.State == auth.WebhookPending; d = attempt(t, s, c, w.ID) {
			clock.set(*d.NextAttemptAt)
		}
		if tried := clock.now().Sub(begun) - away; tried != 24*time.Hour {
			t.Errorf("it was given up after %v with a server", tried)
		}
		if got := must(s.WebhookEndpoint(t.Context(), w.ID))(t); got.Enabled || *got.DisabledReason != auth.WebhookFailing {
			t.Errorf("%+v", got.WebhookEndpoint)
		}
	})
}
