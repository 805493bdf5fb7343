package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

// app adds an application.
func (w *alertWorld) app(t testing.TB, id string) {
	t.Helper()
	a := fill[auth.StoredApplication](false)
	a.AppID, a.ID, a.Name, a.CreatedAt = id, "id "+id, "App "+id, monday
	w.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertApplication(ctx, a) })
}

func (w *alertWorld) useApp(t testing.TB, id string, at time.Time, n, refused int64) {
	t.Helper()
	w.count(t, usage.Count{
		Source: usage.Source{Holder: auth.Holder{Kind: auth.AppSecret, ID: id}, Operation: "CreateUserToken", Client: "curl/8", Network: here, Minute: at.Unix() / 60},
		Tally:  usage.Tally{Requests: n, Refused: refused, LastUsedAt: at},
	})
}

func TestAlertBurstOfRefusals(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.key(t, "busy", monday)
		w.app(t, "a")
		w.use(t, "k", *w.now, here, 99, 99)
		w.use(t, "busy", *w.now, here, 201, 100)
		w.useApp(t, "a", *w.now, 99, 99)
		w.pass(t, time.Minute)
		w.want(t)
		w.use(t, "k", *w.now, here, 1, 1)
		w.use(t, "busy", *w.now, here, 1, 1)
		w.useApp(t, "a", *w.now, 1, 1)
		w.pass(t, time.Minute)
		w.want(t, "refusal_burst key:busy open 1", "refusal_burst key:k open 1", "refusal_burst application:a open 1")
		for _, a := range must(w.Alerts(t.Context(), alert.Query{Subject: "key:k", Limit: 9}))(t) {
			if a.Message != `Of 100 requests with the key "Key k" in 15 minutes, 100 were refused.` || a.Link != "/api-keys/k/usage?resolution=minute" {
				t.Errorf("%+v", a)
			}
		}
		w.pass(t, 20*time.Minute)
		w.want(t, "refusal_burst key:busy resolved 1", "refusal_burst key:k resolved 1", "refusal_burst application:a resolved 1")
	})
}

// A burst that goes on is counted once in a window.
func TestAlertBurstThatGoesOn(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		for range 45 {
			w.use(t, "k", *w.now, here, 100, 100)
			w.pass(t, time.Minute)
		}
		w.want(t, "refusal_burst key:k open 4")
	})
}

func (w *alertWorld) refuse(t testing.TB, action, subject string, n int64) {
	t.Helper()
	w.record(t, audit.Event{Action: action, Outcome: "invalid_credentials", Actor: "anonymous", Subject: subject, IP: "192.0.2.7", Occurrences: n})
}

func TestAlertWrongSecrets(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.app(t, "a")
		w.refuse(t, audit.TokenMint, "application:a", 90)
		w.refuse(t, audit.TokenMint, "user:u", 500)
		w.refuse(t, audit.TokenMint, "application:a", 9)
		for _, outcome := range []string{"canceled", "deadline_exceeded", "key_in_browser"} {
			w.record(t, audit.Event{Action: audit.TokenMint, Outcome: outcome, Actor: "anonymous", Subject: "application:b", Occurrences: 200})
		}
		w.set(t, alert.KeyInBrowser, func(s *alert.Setting) { s.Disabled = true })
		w.pass(t, time.Minute)
		w.want(t)
		w.refuse(t, audit.TokenMint, "application:a", 1)
		w.pass(t, time.Minute)
		w.want(t, "refusal_burst application:a open 1")
		if m := w.newest(t).Message; m != `In 15 minutes, 100 exchanges named the application "App a" with a wrong secret.` {
			t.Error(m)
		}
	})
}

func TestAlertRefusedLogins(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.refuse(t, audit.Login, "developer:d", 5)
		w.pass(t, 10*time.Minute)
		w.refuse(t, audit.Login, "developer:d", 14)
		w.refuse(t, audit.Login, "", 180)
		w.pass(t, time.Minute)
		w.want(t)
		w.refuse(t, audit.Login, "developer:d", 1)
		w.pass(t, time.Minute)
		w.want(t, "login_refusals developer:d open 1", "login_refusals installation open 1")
		w.pass(t, 20*time.Minute)
		w.want(t, "login_refusals developer:d resolved 1", "login_refusals installation resolved 1")
	})
}

func TestAlertVolume(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.key(t, "young", monday.AddDate(0, 0, 22))
		w.app(t, "a")
		for week, n := range []int64{100, 400, 150, 50} {
			w.use(t, "k", monday.AddDate(0, 0, 7*week).Add(time.Hour), here, n, 0)
		}
		*w.now = monday.AddDate(0, 0, 28).Add(90 * time.Minute)
		hour := *w.now
		w.use(t, "k", hour, here, 1999, 0)
		w.use(t, "young", hour, here, 9999, 0)
		w.useApp(t, "a", hour, 999, 0)
		w.pass(t, time.Minute)
		w.want(t)
		w.use(t, "k", hour, here, 1, 0)
		w.useApp(t, "a", hour, 1, 0)
		w.pass(t, time.Minute)
		w.pass(t, 50*time.Minute)
		w.want(t, "volume key:k open 1", "volume application:a open 1")
		for _, a := range must(w.Alerts(t.Context(), alert.Query{Subject: "key:k", Limit: 9}))(t) {
			if a.Message != `In the hour from 2026-03-30 01:00 on there were 2000 requests with the key "Key k", and 400 an hour at most about that hour of the four weeks before.` {
				t.Error(a.Message)
			}
		}
		w.use(t, "k", *w.now, here, 1999, 0) // beside the hour
		w.pass(t, time.Minute)
		w.want(t, "volume key:k open 1", "volume application:a open 1")
		w.use(t, "k", *w.now, here, 1, 0)
		w.pass(t, time.Minute)
		w.pass(t, 10*time.Minute)
		w.want(t, "volume key:k open 2", "volume application:a open 1")
		w.pass(t, time.Hour)
		w.want(t, "volume key:k open 2", "volume application:a resolved 1")
		w.pass(t, time.Hour)
		w.want(t, "volume key:k resolved 2", "volume application:a resolved 1")
	})
}

// Weeks whose numbers are not kept are not compared with.
func TestAlertVolumeWithoutHistory(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		*w.now = monday.AddDate(0, 0, 28)
		w.Hours = 48 * time.Hour
		w.use(t, "k", *w.now, here, 1_000_000, 0)
		w.pass(t, time.Minute)
		w.want(t)
		w.Hours = 0
		w.pass(t, time.Minute)
		w.want(t, "volume key:k open 1")
	})
}

func TestAlertsOfEvents(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.key(t, "k", monday)
		w.app(t, "a")
		for _, e := range []audit.Event{
			{Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: "user:u", Subject: "session:1", IP: "192.0.2.7"},
			{Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: "developer:d", Subject: "session:2", IP: "2001:db8::1"},
			{Action: audit.Refresh, Outcome: "refresh_token_used", Actor: "user:u", Subject: "session:3"},
			{Action: audit.CredentialReport, Outcome: audit.OK, Actor: "anonymous", Subject: "key:k"},
			{Action: audit.CredentialReport, Outcome: audit.OK, Actor: "anonymous", Subject: "application:a"},
			{Action: audit.CredentialReport, Outcome: audit.OK, Actor: "anonymous", Subject: "session:1"},
			{Action: "key.use", Outcome: "key_in_browser", Actor: "key:k", IP: "192.0.2.7", Occurrences: 7},
			{Action: "key.use", Outcome: "network_not_allowed", Actor: "anonymous", Subject: "key:k", IP: "192.0.2.7"},
			{Action: audit.TokenMint, Outcome: "key_in_browser", Actor: "application:a", Subject: "application:a", Occurrences: 200},
			{Action: "key.use", Outcome: "another", Actor: "anonymous", Subject: "key:k", IP: "192.0.2.7"},
			{Action: audit.KeyCreate, Outcome: audit.OK, Actor: "developer:d", Subject: "key:k", IP: "192.0.2.7"},
		} {
			w.record(t, e)
			*w.now = w.now.Add(time.Second)
		}
		w.pass(t, time.Minute)
		w.want(t, "refresh_reused user:u open 1", "refresh_reused developer:d open 1", "leak_reported key:k open 1", "leak_reported application:a open 1",
			"leak_reported session:1 open 1", "key_in_browser key:k open 7", "key_in_browser application:a open 200", "network_not_allowed key:k open 1")
		var said strings.Builder
		for _, a := range must(w.Alerts(t.Context(), alert.Query{Limit: 100}))(t) {
			said.WriteString(a.Message + " " + a.Link + "\n")
		}
		for _, s := range []string{
			"of a user was used twice, the second time from 192.0.2.0/24: its session", "subject=session%3A1", "of a developer was used twice, the second time from 2001:db8::/48",
			`The secret of the key "Key k" was reported`, `The secret of the application "App a" was`, "/applications/a", "A token was reported as leaked",
			`A browser from 192.0.2.0/24 sent the key "Key k": rotate it`, `A browser sent the secret of the application "App a": rotate it`, `The key "Key k" was used from 192.0.2.0/24, which it does not allow`,
		} {
			if !strings.Contains(said.String(), s) {
				t.Errorf("%q is not in:\n%s", s, &said)
			}
		}
		w.pass(t, time.Minute)
		w.pass(t, time.Hour)
		wantEqual(t, len(w.all(t, alert.Query{State: alert.Open})), 8)
		w.record(t, audit.Event{Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: "user:u", Subject: "session:9"})
		w.pass(t, time.Minute)
		wantEqual(t, w.all(t, alert.Query{Subject: "user:u"}), []string{"refresh_reused user:u open 2"})
	})
}

func TestAlertLoginFromNewNetwork(t *testing.T) {
	onEachAlerts(t, func(t *testing.T, w *alertWorld) {
		w.login(t, "developer:d", "192.0.2.1")
		w.login(t, "developer:d", "192.0.2.200")
		w.login(t, "developer:e", "198.51.100.1")
		w.login(t, "developer:e", "")
		w.pass(t, time.Minute)
		w.want(t)
		w.login(t, "developer:d", "198.51.100.1")
		w.login(t, "developer:d", "198.51.100.2")
		w.pass(t, time.Minute)
		w.want(t, "login_new_network developer:d open 1")
		if m := w.newest(t).Message; !strings.Contains(m, "from 198.51.100.0/24, from where it had not in 90 days before") {
			t.Error(m)
		}
		w.acknowledge(t)
		for range 3 {
			w.pass(t, 40*day)
			w.login(t, "developer:d", "192.0.2.1")
			w.pass(t, time.Minute)
		}
		w.want(t, "login_new_network developer:d resolved 1")
		w.login(t, "developer:d", "198.51.100.1")
		w.pass(t, time.Minute)
		w.want(t, "login_new_network developer:d resolved 1", "login_new_network developer:d open 1")
		w.pass(t, 400*day) // away, and back where it was last
		w.login(t, "developer:d", "198.51.100.1")
		w.pass(t, time.Minute)
		wantEqual(t, w.newest(t).Occurrences, 1)
	})
}
