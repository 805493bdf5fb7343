package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

// alertWorld is a store with an evaluator and a clock.
type alertWorld struct {
	*Store
	now *time.Time
	*alert.Evaluator
	writer string
	number int64
}

// monday is a time at which everything begins that a test of alerts does.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func newAlertWorld(s *Store, now *time.Time) *alertWorld {
	return &alertWorld{
		Store: s, now: now, writer: rand.Text(),
		Evaluator: &alert.Evaluator{Store: s, Signer: testSigner{}, Every: time.Minute, Now: time.Now, Since: time.Now().Add(-time.Hour)},
	}
}

// onEachAlerts runs a test on an empty store of each engine, which was evaluated once.
func onEachAlerts(t *testing.T, test func(t *testing.T, w *alertWorld)) {
	onEachAt(t, monday, func(t *testing.T, s *Store, now *time.Time) {
		w := newAlertWorld(s, now)
		w.evaluate(t)
		test(t, w)
	})
}

// pass moves the clock, and evaluates then.
func (w *alertWorld) pass(t testing.TB, d time.Duration) {
	t.Helper()
	*w.now = w.now.Add(d)
	w.evaluate(t)
}

func (w *alertWorld) evaluate(t testing.TB) {
	t.Helper()
	if err := w.Evaluate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// key adds a key that was made at the time.
func (w *alertWorld) key(t testing.TB, id string, created time.Time) auth.StoredKey {
	t.Helper()
	k := newKey()
	k.ID, k.Name, k.CreatedAt = id, "Key "+id, created
	w.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertKey(ctx, k) })
	return k
}

// change changes a key.
func (w *alertWorld) change(t testing.TB, id string, f func(*auth.StoredKey)) {
	t.Helper()
	w.write(t, func(ctx context.Context, tx auth.Tx) error {
		k, err := tx.Key(ctx, id)
		if err != nil {
			return err
		}
		f(&k)
		return tx.UpdateKey(ctx, k)
	})
}

// use counts requests with a key as a node does.
func (w *alertWorld) use(t testing.TB, id string, at time.Time, network string, n, refused int64) {
	t.Helper()
	w.count(t, usage.Count{
		Source: usage.Source{Holder: auth.Holder{Kind: auth.APIKey, ID: id}, Operation: "GetUser", Client: "curl/8", Network: network, Minute: at.Unix() / 60},
		Tally:  usage.Tally{Requests: n, Refused: refused, LastUsedAt: at},
	})
	if err := w.TouchKeys(context.Background(), map[string]auth.KeyUse{id: {At: at}}); err != nil {
		t.Fatal(err)
	}
}

func (w *alertWorld) count(t testing.TB, counts ...usage.Count) {
	t.Helper()
	for some := range slices.Chunk(counts, 500) {
		w.number++
		if err := w.AddUsage(context.Background(), w.writer, w.number, some); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *alertWorld) record(t testing.TB, e audit.Event) {
	t.Helper()
	if e.At.IsZero() {
		e.At = *w.now
	}
	w.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.Record(ctx, e) })
}

func (w *alertWorld) login(t testing.TB, developer, ip string) {
	w.record(t, audit.Event{Action: audit.Login, Outcome: audit.OK, Actor: developer, Subject: developer, IP: ip})
}

// all returns the alerts that match, the oldest first, as "rule subject state occurrences".
func (w *alertWorld) all(t testing.TB, q alert.Query) (texts []string) {
	t.Helper()
	q.Limit = 10_000
	for _, a := range must(w.Alerts(context.Background(), q))(t) {
		texts = append(texts, fmt.Sprintf("%s %s %s %d", a.Rule, a.Subject, a.State, a.Occurrences))
	}
	slices.Reverse(texts)
	return texts
}

// want compares all alerts, in whatever order.
func (w *alertWorld) want(t testing.TB, want ...string) {
	t.Helper()
	got := w.all(t, alert.Query{})
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Fatalf("alerts:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// newest returns the alert that opened last.
func (w *alertWorld) newest(t testing.TB) alert.Alert {
	t.Helper()
	return must(w.Alerts(context.Background(), alert.Query{Limit: 1}))(t)[0]
}

func (w *alertWorld) acknowledge(t testing.TB) alert.Alert {
	t.Helper()
	a := w.newest(t)
	return must(w.AcknowledgeAlert(context.Background(), a.ID, audit.Event{Action: audit.AlertAcknowledge, Outcome: audit.OK, Actor: "developer:d", Subject: "alert:" + a.ID}))(t)
}

const here, there = "192.0.2.0/24", "198.51.100.0/24"

func TestAlertKeyFromNewNetwork(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.use(t, "k", monday, here, 5, 0)
		w.pass(t, time.Minute)
		w.use(t, "k", *w.now, "203.0.113.0/24", 5, 0) // while it is not yet watched
		w.pass(t, 7*day-2*time.Minute)
		w.use(t, "k", *w.now, "unknown", 1, 0)
		w.use(t, "k", *w.now, "other", 1, 0)
		w.use(t, "k", *w.now, here, 5, 0)
		w.pass(t, time.Minute)
		w.want(t)
		w.use(t, "k", *w.now, there, 12, 0)
		w.pass(t, time.Minute)
		w.want(t, "key_new_network key:k open 1")
		if a := w.newest(t); !strings.Contains(a.Message, `"Key k" was used 12 times from 198.51.100.0/24`) || a.Link != "/api-keys/k/usage" {
			t.Errorf("%+v", a)
		}
		w.use(t, "k", *w.now, there, 12, 0)
		w.pass(t, time.Minute)
		w.want(t, "key_new_network key:k open 1")
		w.use(t, "k", *w.now, "2001:db8:1::/48", 1, 0)
		w.pass(t, time.Minute)
		w.want(t, "key_new_network key:k open 2")
		wantEqual(t, w.acknowledge(t).State, alert.Resolved)
		for range 3 { // weeks in which it is known
			w.pass(t, 7*day)
			w.use(t, "k", *w.now, there, 1, 0)
			w.use(t, "k", *w.now, here, 1, 0)
			w.pass(t, time.Minute)
		}
		w.want(t, "key_new_network key:k resolved 2")
		for range 5 {
			w.pass(t, 20*day)
			w.use(t, "k", *w.now, here, 1, 0)
			w.pass(t, time.Minute)
		}
		w.use(t, "k", *w.now, there, 1, 0) // forgotten after 90 days
		w.pass(t, time.Minute)
		w.want(t, "key_new_network key:k resolved 2", "key_new_network key:k open 1")
	})
}

// What a node stores late is found when all keys are looked at that were used lately.
func TestAlertUseThatIsStoredLate(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.use(t, "k", monday, here, 5, 0)
		w.pass(t, 8*day)
		late := *w.now
		w.pass(t, 40*time.Minute)
		w.use(t, "k", late, there, 5, 0)
		w.pass(t, time.Minute)
		w.pass(t, time.Hour)
		w.want(t, "key_new_network key:k open 1")
	})
}

// What an installation did before it was looked at is known.
func TestAlertsKnowWhatWasBefore(t *testing.T) {
	onEachAt(t, monday, func(t *testing.T, s *Store, now *time.Time) {
		w := newAlertWorld(s, now)
		w.key(t, "k", monday.Add(-100*day))
		w.use(t, "k", monday.Add(-90*day), here, 5, 0)
		w.use(t, "k", monday.Add(-70*day), there, 5, 0)
		w.use(t, "k", monday.Add(-time.Minute), here, 5, 0)
		w.evaluate(t)
		wantEqual(t, w.all(t, alert.Query{}), []string{"key_woke key:k open 1"})
		w.acknowledge(t)
		w.pass(t, day)
		w.use(t, "k", *w.now, there, 5, 0)
		w.pass(t, time.Minute)
		w.want(t, "key_woke key:k resolved 1")
		w.use(t, "k", *w.now, "203.0.113.0/24", 5, 0)
		w.pass(t, time.Minute)
		w.want(t, "key_woke key:k resolved 1", "key_new_network key:k open 1")
	})
}

func TestAlertKeyThatWakes(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "old", monday.Add(-400*day).Add(-time.Minute)) // when nobody counted
		w.change(t, "old", func(k *auth.StoredKey) { k.RotatedAt = ptr(monday) })
		w.key(t, "new", monday)
		w.key(t, "k", monday)
		w.use(t, "k", monday.Add(time.Hour), here, 5, 0)
		w.use(t, "k", monday.Add(20*time.Hour), here, 5, 0)
		w.pass(t, 21*time.Hour)
		w.pass(t, 60*day-time.Hour-time.Second)
		w.use(t, "k", *w.now, here, 1, 0) // a second too early
		w.pass(t, time.Minute)
		w.want(t, "key_unused key:old open 1")
		w.use(t, "old", *w.now, here, 1, 0)
		w.use(t, "new", *w.now, here, 1, 0)
		*w.now = w.now.Add(time.Hour)
		w.use(t, "new", *w.now, here, 1, 0)
		w.pass(t, time.Minute)
		w.want(t, "key_unused key:old resolved 1", "key_woke key:new open 1")
		last := *w.now
		w.use(t, "k", last, here, 1, 0)
		w.pass(t, time.Minute)
		*w.now = last.Add(60 * day)
		w.use(t, "k", *w.now, here, 1, 0)
		w.pass(t, time.Minute)
		w.use(t, "k", *w.now, here, 1, 0)
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Rule: alert.KeyWoke}), []string{"key_woke key:new open 1", "key_woke key:k open 1"})
		if a := w.newest(t); !strings.Contains(a.Message, "after 60 days without a use") {
			t.Error(a.Message)
		}
	})
}

func TestAlertKeyExpires(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		end := monday.Add(100 * day)
		w.key(t, "k", monday)
		w.change(t, "k", func(k *auth.StoredKey) { k.ExpiresAt = &end })
		w.key(t, "short", monday)
		w.change(t, "short", func(k *auth.StoredKey) { k.ExpiresAt = ptr(monday.Add(10 * day)) })
		w.pass(t, 9*day-time.Minute)
		w.want(t)
		w.pass(t, time.Minute)
		w.want(t, "key_expires key:short open 1")
		w.change(t, "short", func(k *auth.StoredKey) { k.ExpiresAt = nil })
		*w.now = end.Add(-30*day - time.Minute)
		w.evaluate(t)
		w.want(t, "key_expires key:short resolved 1")
	})
}

func TestAlertKeyExpiresInStages(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		end := monday.Add(50 * day)
		w.key(t, "k", monday)
		w.change(t, "k", func(k *auth.StoredKey) { k.ExpiresAt = &end })
		w.pass(t, 20*day-time.Minute)
		w.want(t)
		w.pass(t, time.Minute)
		w.want(t, "key_expires key:k open 1")
		wantEqual(t, w.acknowledge(t).State, alert.Acknowledged)
		w.pass(t, 20*day-time.Minute)
		w.want(t, "key_expires key:k acknowledged 1")
		w.pass(t, time.Minute)
		w.want(t, "key_expires key:k resolved 1", "key_expires key:k open 1")
		w.pass(t, 9*day)
		w.want(t, "key_expires key:k resolved 1", "key_expires key:k resolved 1", "key_expires key:k open 1")
		if a := w.newest(t); !strings.Contains(a.Message, "expires in 24 hours") && !strings.Contains(a.Message, "expires in 1 day") {
			t.Error(a.Message)
		}
		end = end.Add(60 * day)
		w.change(t, "k", func(k *auth.StoredKey) { k.ExpiresAt = &end })
		w.pass(t, time.Minute)
		wantEqual(t, w.newest(t).State, alert.Resolved)
	})
}

func TestAlertKeyUnusedOrOld(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.use(t, "k", monday.Add(time.Hour), here, 1, 0)
		w.pass(t, 90*day+time.Hour-time.Minute)
		w.want(t)
		w.pass(t, time.Minute)
		w.pass(t, time.Minute)
		w.want(t, "key_unused key:k open 1")
		w.use(t, "k", *w.now, here, 1, 0)
		w.pass(t, time.Minute)
		w.want(t, "key_unused key:k resolved 1", "key_woke key:k open 1")
		w.change(t, "k", func(k *auth.StoredKey) { k.LastUsedAt = ptr(monday.Add(365 * day)) })
		*w.now = monday.Add(365*day - time.Minute)
		w.evaluate(t)
		wantEqual(t, len(w.all(t, alert.Query{Rule: alert.KeyOld})), 0)
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Rule: alert.KeyOld}), []string{"key_old key:k open 1"})
		w.change(t, "k", func(k *auth.StoredKey) { k.RotatedAt = w.now })
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Rule: alert.KeyOld}), []string{"key_old key:k resolved 1"})
	})
}

// A key that is disabled or has expired needs neither a rotation nor a use.
func TestAlertsLeaveKeysThatDoNotWork(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		for _, id := range []string{"disabled", "deleted", "expired"} {
			w.key(t, id, monday)
		}
		w.pass(t, 370*day)
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Open})), 6)
		w.change(t, "disabled", func(k *auth.StoredKey) { k.Enabled = false })
		w.change(t, "expired", func(k *auth.StoredKey) { k.ExpiresAt = ptr(monday.Add(time.Hour)) })
		w.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteKey(ctx, "deleted") })
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Open})), 4)
		w.pass(t, time.Minute)
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Open})), 0)
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Resolved})), 6)
	})
}

const day = 24 * time.Hour

// Of many nodes one evaluates at a time, and each event counts once.
func TestOneNodeEvaluates(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, at := monday, dsn(t)
			var nodes []*alertWorld
			for range map[string]int{"sqlite": 1, "postgres": 3}[name] {
				nodes = append(nodes, newAlertWorld(openStore(t, at, Options{Now: func() time.Time { return now }}).unhurried(), &now))
			}
			w := nodes[0]
			w.evaluate(t)
			for round := range 5 {
				for i := range 10 {
					w.record(t, audit.Event{Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: fmt.Sprint("user:", i), Subject: fmt.Sprint("session:", round, i)})
				}
				now = now.Add(time.Minute)
				var all sync.WaitGroup
				for _, n := range nodes {
					for range 4 {
						all.Go(func() {
							if err := n.Evaluate(context.Background()); err != nil {
								t.Error(err)
							}
						})
					}
				}
				all.Wait()
				for _, a := range w.all(t, alert.Query{}) {
					if !strings.HasSuffix(a, fmt.Sprint(" open ", round+1)) {
						t.Fatalf("round %d: %s", round, a)
					}
				}
				wantEqual(t, len(w.all(t, alert.Query{})), 10)
			}
			wantEqual(t, must(facts[runRow](t.Context(), w.Store, "SELECT * FROM alert_runs"))(t)[0].Number, 6)
		})
	}
}
