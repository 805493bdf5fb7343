package store

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/webhook"
)

// What a look opens, what developers acknowledge, mute and delete, and what disables and
// enables an endpoint lock the same rows in one order: PostgreSQL need not end one of
// them to let the others go on.
func TestAlertsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s := openStore(t, dsns["postgres"](t), Options{}).unhurried()
	const subjects = 12
	w, _ := s.addWebhook(t, "http://127.0.0.1:1/hook")
	s.addWebhook(t, "http://127.0.0.1:1/other")
	for i := range subjects {
		k := newKey()
		k.ID = fmt.Sprintf("k%d", i)
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertKey(ctx, k) })
	}
	run, due, err := s.Claim(t.Context(), time.Minute, epoch)
	if err != nil || !due {
		t.Fatal(due, err)
	}
	stop := time.Now().Add(4 * time.Second)
	var work sync.WaitGroup
	again := func(f func(i int) error) {
		work.Go(func() {
			for i := 0; time.Now().Before(stop); i++ {
				if err := f(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	again(func(i int) error {
		var c alert.Changes
		for j := range subjects {
			c.Findings = append(c.Findings, alert.Finding{Rule: alert.KeyInBrowser, Subject: fmt.Sprintf("key:k%d", (i*5+j*7)%subjects), Message: "m", Link: "/", At: s.Now()})
		}
		return s.Change(t.Context(), run, c)
	})
	for range 2 {
		again(func(int) error {
			open, err := s.Alerts(t.Context(), alert.Query{State: alert.Open, Limit: subjects})
			for i := range open {
				if _, err := s.AcknowledgeAlert(t.Context(), open[len(open)-1-i].ID, newEvent("alert:a")); err != nil {
					return err
				}
			}
			return err
		})
	}
	again(func(i int) error {
		return s.Write(t.Context(), func(ctx context.Context, tx auth.Tx) error {
			k, err := tx.Key(ctx, fmt.Sprintf("k%d", i%subjects))
			if err == nil {
				err = tx.DeleteKey(ctx, k.ID)
			}
			if err == nil {
				err = tx.InsertKey(ctx, k)
			}
			return err
		})
	})
	again(func(int) error { return s.disableAndEnable(t.Context(), w.ID) })
	work.Wait()
	var deadlocks int64
	time.Sleep(1500 * time.Millisecond) // in which PostgreSQL counts them
	if err := s.db.NewRaw("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(t.Context(), &deadlocks); err != nil || deadlocks > 0 {
		t.Errorf("%d deadlocks: %v", deadlocks, err)
	}
}

// disableAndEnable disables an endpoint as a failed attempt does, and enables it again.
func (s *Store) disableAndEnable(ctx context.Context, id string) error {
	var claim auth.WebhookClaim
	err := s.Write(ctx, func(ctx context.Context, tx auth.Tx) (err error) {
		claim, err = tx.ClaimWebhookTest(ctx, id)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := s.ClaimWebhooks(ctx, id, 2); err != nil {
		return err
	}
	claim.State, claim.NextAttemptAt = auth.WebhookFailed, nil
	if _, err := webhook.Store(s).SettleWebhook(ctx, claim, auth.WebhookGone); err != nil {
		return err
	}
	return s.Write(ctx, func(ctx context.Context, tx auth.Tx) error {
		if err := tx.LockWebhookEndpoints(ctx); err != nil {
			return err
		}
		if err := tx.ResolveWebhookAlert(ctx, id); err != nil {
			return err
		}
		w, err := tx.WebhookEndpoint(ctx, id)
		if err != nil {
			return err
		}
		w.Enabled, w.DisabledReason = true, nil
		if err := tx.UpdateWebhookEndpoint(ctx, w); err != nil {
			return err
		}
		return tx.FailWebhookDeliveries(ctx, id)
	})
}
