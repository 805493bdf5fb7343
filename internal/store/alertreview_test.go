package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
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

// weighed remembers how many sightings a change has written at most.
type weighed struct {
	*Store
	most int
}

func (s *weighed) Change(ctx context.Context, run alert.Run, c alert.Changes) error {
	s.most = max(s.most, len(c.Seen))
	return s.Store.Change(ctx, run, c)
}

// What is learned of keys that roam is bounded, of each of them and in each transaction.
func TestAlertsLearnOfRoamingKeys(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		const keys, days, networks = 12, 5, 60
		sums := make(counts)
		for k := range keys {
			w.key(t, fmt.Sprintf("k%02d", k), monday)
			for d := range days {
				for n := range networks {
					at := monday.Add(time.Duration(d)*day + time.Hour)
					sums.add(countKey{fmt.Sprintf("key:k%02d", k), usage.Day, usage.Networks, usage.Day.Start(at), fmt.Sprintf("10.%d.%d.0/24", d, n)}, usage.Tally{Requests: 1, LastUsedAt: at})
				}
			}
		}
		wantError(t, w.do(t.Context(), func(ctx context.Context, tx *tx) error { return tx.addCounts(ctx, sums) }), nil)
		*w.now = monday.Add(days*day + 2*time.Hour)
		for k := range keys {
			w.use(t, fmt.Sprintf("k%02d", k), *w.now, here, 1, 0)
		}
		s := &weighed{Store: w.Store}
		w.Evaluator.Store = s
		w.evaluate(t)
		w.want(t)
		if n := count(t, w.Store, "alert_sightings"); n != keys*200 || s.most > 1200 {
			t.Errorf("%d sightings, %d of them at once", n, s.most)
		}
	})
}
