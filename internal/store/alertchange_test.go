package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// populateAlerts writes rows of every table of alerts.
func (s *Store) populateAlerts(t *testing.T) {
	t.Helper()
	run, due, err := s.Claim(t.Context(), time.Minute, epoch)
	if err != nil || !due {
		t.Fatal(due, err)
	}
	run.Seen, run.User = []string{uuid.NewString()}, "user"
	err = s.Change(t.Context(), run, alert.Changes{
		Findings: []alert.Finding{
			{Rule: alert.LeakReported, Subject: "key:1", Message: "it's ☃ \x00", Link: "/", At: epoch, Count: 7},
			{Rule: alert.KeyExpires, Subject: "key:1", Message: "m", Link: "/", At: epoch, Stage: 2},
		},
		Seen: []alert.Sighting{{Subject: "key:1", Network: here, FirstAt: epoch, SeenAt: epoch.Add(time.Hour)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := must(s.Alerts(t.Context(), alert.Query{Limit: 1}))(t)[0]
	until := s.Now().Add(time.Hour)
	must(s.AcknowledgeAlert(t.Context(), a.ID, newEvent("alert:"+a.ID)))(t)
	must(s.MuteAlert(t.Context(), a.ID, &until, alert.MaxMutes, newEvent("alert:"+a.ID)))(t)
	must(s.ChangeAlertRule(t.Context(), alert.Volume, func(s *alert.Setting) {
		s.Disabled, s.Thresholds = true, map[string]int32{"factor": 7}
	}, newEvent("alert_rule:volume")))(t)
}

func (w *alertWorld) reuse(t testing.TB, user string) {
	t.Helper()
	w.record(t, audit.Event{Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: "user:" + user, Subject: "session:s"})
}

func TestAlertIsAcknowledgedOnce(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.reuse(t, "u")
		w.pass(t, time.Minute)
		first := w.acknowledge(t)
		if first.State != alert.Resolved || *first.AcknowledgedBy != "developer:d" || !first.AcknowledgedAt.Equal(*w.now) || !first.ResolvedAt.Equal(*w.now) {
			t.Errorf("%+v", first)
		}
		*w.now = w.now.Add(time.Minute)
		again := must(w.AcknowledgeAlert(t.Context(), first.ID, audit.Event{Action: audit.AlertAcknowledge, Outcome: audit.OK, Actor: "developer:e"}))(t)
		wantEqual(t, again, first)
		wantEqual(t, len(must(w.Store.Events(t.Context(), EventFilter{Action: audit.AlertAcknowledge}))(t)), 1)
		_, err := w.AcknowledgeAlert(t.Context(), uuid.NewString(), audit.Event{})
		wantError(t, err, problem.ErrNotFound)
		w.reuse(t, "u")
		w.pass(t, time.Minute)
		w.want(t, "refresh_reused user:u resolved 1", "refresh_reused user:u open 1")
	})
}

func TestAlertMutes(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.reuse(t, "u")
		w.pass(t, time.Minute)
		a, until := w.newest(t), w.now.Add(time.Hour)
		muted := must(w.MuteAlert(t.Context(), a.ID, &until, 2, newEvent("alert:a")))(t)
		wantEqual(t, *muted.MutedUntil, until)
		wantEqual(t, *w.newest(t).MutedUntil, until)
		w.reuse(t, "u")
		w.reuse(t, "other")
		w.pass(t, time.Minute)
		w.want(t, "refresh_reused user:u open 1", "refresh_reused user:other open 1")
		other := w.newest(t)
		must(w.MuteAlert(t.Context(), other.ID, &until, 2, newEvent("alert:a")))(t)
		must(w.MuteAlert(t.Context(), other.ID, &until, 2, newEvent("alert:a")))(t)
		w.reuse(t, "third")
		w.pass(t, time.Minute)
		_, err := w.MuteAlert(t.Context(), w.newest(t).ID, &until, 2, newEvent("alert:a"))
		if !isQuota(err) {
			t.Errorf("a third mute: %v", err)
		}
		wantEqual(t, len(must(w.AlertMutes(t.Context()))(t)), 2)
		must(w.MuteAlert(t.Context(), other.ID, nil, 2, newEvent("alert:a")))(t)
		wantEqual(t, len(must(w.AlertMutes(t.Context()))(t)), 1)
		*w.now = until
		w.reuse(t, "u")
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Subject: "user:u"}), []string{"refresh_reused user:u open 2"})
		wantEqual(t, len(must(w.AlertMutes(t.Context()))(t)), 0)
		wantError(t, w.Purge(t.Context(), Retention{}), nil)
		wantEqual(t, count(t, w.Store, "alert_mutes"), 0)
	})
}

func (w *alertWorld) set(t testing.TB, rule string, f func(*alert.Setting)) {
	t.Helper()
	must(w.ChangeAlertRule(context.Background(), rule, f, newEvent("alert_rule:"+rule)))(t)
}

func TestAlertRuleIsChanged(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.set(t, alert.KeyUnused, func(s *alert.Setting) { s.Thresholds = map[string]int32{"unused_days": 2} })
		w.set(t, alert.KeyOld, func(s *alert.Setting) { s.Thresholds = map[string]int32{"age_days": 3} })
		w.pass(t, 2*day)
		w.want(t, "key_unused key:k open 1")
		w.pass(t, day)
		w.want(t, "key_unused key:k open 1", "key_old key:k open 1")
		for _, rule := range []string{alert.KeyUnused, alert.RefreshReused} {
			w.set(t, rule, func(s *alert.Setting) { s.Disabled = true })
		}
		w.reuse(t, "u")
		w.pass(t, time.Minute)
		w.want(t, "key_unused key:k resolved 1", "key_old key:k open 1")
		w.set(t, alert.KeyUnused, func(s *alert.Setting) { s.Disabled = false })
		w.pass(t, time.Minute)
		w.want(t, "key_unused key:k resolved 1", "key_unused key:k open 1", "key_old key:k open 1")
	})
}

// Of each rule so many are unresolved at most, and what is not opened is told of once.
func TestAlertsAreBounded(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		for i := range alert.Most + 20 {
			w.key(t, fmt.Sprintf("k%03d", i), monday)
			w.reuse(t, fmt.Sprint(i))
		}
		w.pass(t, 90*day)
		open := func(rule string) int { return len(w.all(t, alert.Query{Rule: rule, State: alert.Open})) }
		wantEqual(t, []int{open(alert.KeyUnused), open(alert.RefreshReused), open(alert.TooMany)}, []int{alert.Most, alert.Most, 2})
		wantEqual(t, w.all(t, alert.Query{Subject: "rule:key_unused"}), []string{"too_many_alerts rule:key_unused open 20"})
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Subject: "rule:key_unused"}), []string{"too_many_alerts rule:key_unused open 20"})
		for i := range 20 {
			w.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteKey(ctx, fmt.Sprintf("k%03d", i)) })
		}
		w.pass(t, time.Minute)
		wantEqual(t, open(alert.KeyUnused), alert.Most) // others have taken the room
		w.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteKey(ctx, "k119") })
		w.pass(t, time.Minute)
		wantEqual(t, open(alert.KeyUnused), alert.Most-1)
		wantEqual(t, w.all(t, alert.Query{Subject: "rule:key_unused", State: alert.Open}), nil)
	})
}

// What is deleted has no alerts and nothing that was remembered of it.
func TestAlertsEndWithTheirSubject(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		u, d := w.addUser(t), newDeveloper()
		w.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertDeveloper(ctx, d) })
		w.key(t, "k", monday)
		w.app(t, "a")
		w.use(t, "k", *w.now, here, 1, 0)
		w.login(t, "developer:"+d.ID, "192.0.2.1")
		w.login(t, "developer:"+d.ID, "198.51.100.1")
		w.reuse(t, u.ID)
		for _, s := range []string{"key:k", "application:a"} {
			w.record(t, audit.Event{Action: audit.CredentialReport, Outcome: audit.OK, Actor: "anonymous", Subject: s})
		}
		w.pass(t, time.Minute)
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Open})), 4)
		wantEqual(t, count(t, w.Store, "alert_sightings"), 3)
		until := w.now.Add(time.Hour)
		must(w.MuteAlert(t.Context(), w.newest(t).ID, &until, 2, newEvent("alert:a")))(t)
		w.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.DeleteKey(ctx, "k"), tx.DeleteApplication(ctx, "a"), tx.DeleteUser(ctx, u.ID), tx.DeleteDeveloper(ctx, d.ID))
		})
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Resolved})), 4)
		wantEqual(t, count(t, w.Store, "alert_sightings"), 0)
		wantEqual(t, count(t, w.Store, "alert_mutes"), 0)
		wantError(t, w.Purge(t.Context(), Retention{Alerts: time.Hour}), nil)
		wantEqual(t, count(t, w.Store, "alerts"), 4)
		*w.now = w.now.Add(time.Hour)
		wantError(t, w.Purge(t.Context(), Retention{Alerts: time.Hour}), nil)
		wantEqual(t, count(t, w.Store, "alerts"), 0)
	})
}

// interrupted fails the changes of an evaluation.
type interrupted struct {
	*Store
	err error
}

func (s interrupted) Change(context.Context, alert.Run, alert.Changes) error { return s.err }

// A node that ends between reading and writing leaves all of it to the next, and one
// that was slow changes nothing any more.
func TestAlertEvaluationIsAllOrNothing(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.reuse(t, "u")
		planned := errors.New("planned")
		w.Evaluator.Store = interrupted{w.Store, planned}
		*w.now = w.now.Add(time.Minute)
		wantError(t, w.Evaluate(t.Context()), planned)
		w.Evaluator.Store = w.Store
		w.evaluate(t) // too early
		w.want(t)
		*w.now = w.now.Add(time.Minute)
		slow, due, err := w.Claim(t.Context(), time.Minute, epoch)
		if err != nil || !due {
			t.Fatal(due, err)
		}
		w.pass(t, time.Minute)
		w.want(t, "refresh_reused user:u open 1")
		wantError(t, w.Change(t.Context(), slow, alert.Changes{Findings: []alert.Finding{{Rule: alert.RefreshReused, Subject: "user:u"}}}), alert.ErrSuperseded)
		w.Evaluator.Store = interrupted{w.Store, alert.ErrSuperseded}
		w.reuse(t, "u")
		w.pass(t, time.Minute)
		w.Evaluator.Store = w.Store
		w.pass(t, time.Minute)
		w.want(t, "refresh_reused user:u open 2")
	})
}

// An event that is committed after later ones counts once too, and many at once all
// count.
func TestAlertEventsThatComeLate(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		late := must(uuid.NewV7())(t).String()
		for range 1100 {
			w.reuse(t, "u")
		}
		w.pass(t, time.Minute)
		w.want(t, "refresh_reused user:u open 1100")
		w.record(t, audit.Event{ID: late, Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: "user:u", Subject: "session:s"})
		for range 3 {
			w.pass(t, time.Minute)
		}
		w.want(t, "refresh_reused user:u open 1101")
		w.Evaluator.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
		w.pass(t, time.Minute)
		run, _, err := w.Claim(t.Context(), 0, epoch)
		if err != nil || len(run.Seen) != 0 {
			t.Errorf("%d ids are remembered, %v", len(run.Seen), err)
		}
	})
}

func TestAlertOfABrokenLedger(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		var all []audit.Access
		for i := range 30 {
			all = append(all, audit.Access{UserID: fmt.Sprint("u", i%3), At: monday, Actor: "key:k", Operation: "ListWorkouts"})
		}
		wantError(t, w.AppendAccess(t.Context(), all), nil)
		wantError(t, w.SignHeads(t.Context(), monday, testSigner{}), nil)
		w.pass(t, 2*time.Hour)
		w.want(t)
		must(w.execRaw(t, "UPDATE access_ledger SET items = 7 WHERE user_id = 'u1' AND seq = 3"))(t)
		w.pass(t, 50*time.Minute)
		w.want(t)
		w.pass(t, 11*time.Minute)
		w.want(t, "ledger_broken user:u1 open 1")
		if m := w.newest(t).Message; !strings.Contains(m, "entry 3 is missing, or was changed") {
			t.Error(m)
		}
		w.acknowledge(t)
		w.pass(t, 2*time.Hour)
		w.want(t, "ledger_broken user:u1 acknowledged 1")
		must(w.execRaw(t, "UPDATE access_ledger SET items = 0 WHERE user_id = 'u1' AND seq = 3"))(t)
		w.pass(t, 2*time.Hour)
		w.want(t, "ledger_broken user:u1 resolved 1")
		var checked []string // some at a time
		for user := ""; ; {
			broken, last, err := w.CheckLedgersAfter(t.Context(), user, 10, testSigner{})
			if err != nil || len(broken) > 0 {
				t.Fatal(broken, err)
			}
			if user = last; user == "" {
				break
			}
			checked = append(checked, user)
		}
		wantEqual(t, checked, []string{"u0", "u1"})
	})
}

// Another part of the store opens an alert in a transaction of its own.
func TestAlertOfADisabledWebhook(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		disable := func() {
			t.Helper()
			err := w.do(t.Context(), func(ctx context.Context, tx *tx) error {
				return openAlert(ctx, tx, alert.Finding{Rule: alert.WebhookDisabled, Subject: "webhook:w", Message: "m", Link: "/webhooks/w", At: tx.now})
			})
			wantError(t, err, nil)
		}
		disable()
		w.pass(t, time.Hour)
		w.want(t, "webhook_disabled webhook:w open 1")
		disable()
		w.want(t, "webhook_disabled webhook:w open 2")
		wantError(t, w.do(t.Context(), func(ctx context.Context, tx *tx) error { return tx.endAlertsOf(ctx, "webhook:w") }), nil)
		w.want(t, "webhook_disabled webhook:w resolved 2")
		w.set(t, alert.WebhookDisabled, func(s *alert.Setting) { s.Disabled = true })
		disable()
		w.want(t, "webhook_disabled webhook:w resolved 2")
	})
}
