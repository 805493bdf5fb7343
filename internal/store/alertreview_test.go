package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
)

// What is muted takes no room from what is not, however much it is.
func TestMutedAlertsTakeNoRoom(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		for i := range alert.Most {
			w.key(t, fmt.Sprintf("a%03d", i), monday)
		}
		w.pass(t, 90*day)
		until := w.now.Add(365 * day)
		for _, a := range must(w.Alerts(t.Context(), alert.Query{Rule: alert.KeyUnused, Limit: 1000}))(t) {
			must(w.MuteAlert(t.Context(), a.ID, &until, alert.MaxMutes, newEvent("alert:a")))(t)
		}
		w.set(t, alert.KeyUnused, func(s *alert.Setting) { s.Disabled = true })
		w.pass(t, time.Minute)
		w.set(t, alert.KeyUnused, func(s *alert.Setting) { s.Disabled = false })
		w.key(t, "b", monday)
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{State: alert.Open}), []string{"key_unused key:b open 1"})
	})
}

// An alert that is muted stays while its cause lasts, and is resolved when that ends.
func TestMutedAlertEndsWithItsCause(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.pass(t, 90*day)
		until := w.now.Add(365 * day)
		must(w.MuteAlert(t.Context(), w.newest(t).ID, &until, alert.MaxMutes, newEvent("alert:a")))(t)
		w.pass(t, time.Minute)
		w.want(t, "key_unused key:k open 1")
		w.use(t, "k", *w.now, here, 1, 0)
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Rule: alert.KeyUnused}), []string{"key_unused key:k resolved 1"})
	})
}

// Once the end of a key was put off, each time before the new one is told of as before
// the old one.
func TestAlertOfKeyWhoseEndIsPutOff(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		end := monday.Add(100 * day)
		w.key(t, "k", monday)
		w.change(t, "k", func(k *auth.StoredKey) { k.ExpiresAt = &end })
		w.set(t, alert.KeyUnused, func(s *alert.Setting) { s.Disabled = true })
		w.pass(t, 99*day+time.Hour)
		w.want(t, "key_expires key:k open 1")
		end = end.Add(20 * day)
		w.change(t, "k", func(k *auth.StoredKey) { k.ExpiresAt = &end })
		w.pass(t, time.Minute)
		w.want(t, "key_expires key:k resolved 1", "key_expires key:k open 1")
		if m := w.newest(t).Message; m != fmt.Sprintf(`The key "Key k" expires in 20 days, on %s: give it a later end, or its users a new key.`, end.Format(time.DateOnly)) {
			t.Error(m)
		}
		w.pass(t, 11*day)
		w.want(t, "key_expires key:k resolved 1", "key_expires key:k resolved 1", "key_expires key:k open 1")
		w.pass(t, 9*day)
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Resolved})), 3)
	})
}

// A clock that was an hour ahead, and was set right, hides nothing that happens then.
func TestAlertsAfterClockWasAhead(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.Evaluator.Now = func() time.Time { return time.Now().Add(time.Hour) }
		w.reuse(t, "before")
		w.pass(t, time.Minute)
		w.Evaluator.Now = time.Now
		w.reuse(t, "after")
		w.pass(t, time.Minute)
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Subject: "user:after"}), []string{"refresh_reused user:after open 1"})
	})
}
