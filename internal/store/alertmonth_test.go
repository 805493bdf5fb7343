package store

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

// month is an installation of which every third hour is lived.
type month struct {
	*alertWorld
	rng     *rand.Rand
	clients []*client
	planted map[int]func(*testing.T, *month) // by the step
	want    []string                         // what was planted
}

// client is what uses a key.
type client struct {
	id       string
	rate     float64 // requests an hour at noon of a working day
	hours    []int   // of the day, in which it works; nil: all
	networks []string
	silent   func(day int) bool
}

// newMonth returns an installation with 200 keys of which some make thousands of
// requests an hour, some work at night alone, and most come from several networks.
func newMonth(t *testing.T, w *alertWorld) *month {
	t.Helper()
	m := &month{alertWorld: w, rng: rand.New(rand.NewPCG(1, 2)), planted: make(map[int]func(*testing.T, *month))}
	for i := range 200 {
		c := &client{id: fmt.Sprintf("k%03d", i), rate: math.Exp(2 + 4*m.rng.Float64()), silent: func(int) bool { return false }}
		if i%20 == 0 {
			c.rate = 2000 + 3000*m.rng.Float64()
		}
		if i%10 == 1 {
			c.rate, c.hours = 4*c.rate, []int{3 * m.rng.IntN(2)}
		}
		for n := range 1 + m.rng.IntN(4) {
			if n > 0 && c.hours != nil {
				break
			}
			c.networks = append(c.networks, fmt.Sprintf("10.%d.%d.0/24", i, n))
		}
		m.clients = append(m.clients, c)
		w.key(t, c.id, monday)
	}
	w.app(t, "app")
	for rule, days := range map[string]int32{alert.KeyWoke: 21, alert.KeyUnused: 40} {
		w.set(t, rule, func(s *alert.Setting) { s.Thresholds = map[string]int32{"unused_days": days} })
	}
	return m
}

// stepHours is how many hours are between two that are lived.
const stepHours = 3

// step lives an hour, and looks at its end.
func (m *month) step(t *testing.T, n int) {
	t.Helper()
	began := monday.Add(time.Duration(stepHours*n) * time.Hour)
	sums, uses := make(counts), make(map[string]auth.KeyUse)
	for _, c := range m.clients {
		m.work(c, began, sums, uses)
	}
	err := m.do(context.Background(), func(ctx context.Context, t *tx) error { return t.addCounts(ctx, sums) })
	if err != nil {
		t.Fatal(err)
	}
	if err := m.TouchKeys(context.Background(), uses); err != nil {
		t.Fatal(err)
	}
	*m.now = began.Add(time.Hour - time.Second)
	m.people(t, began.Hour())
	if plant := m.planted[n]; plant != nil {
		plant(t, m)
	}
	m.evaluate(t)
}

// work counts the requests of a client in an hour.
func (m *month) work(c *client, began time.Time, sums counts, uses map[string]auth.KeyUse) {
	day, hour := int(began.Sub(monday)/(24*time.Hour)), began.Hour()
	if c.silent(day) || c.hours != nil && !slices.Contains(c.hours, hour) {
		return
	}
	rhythm := 1.0
	if c.hours == nil {
		rhythm = 0.55 - 0.45*math.Cos(2*math.Pi*float64(hour-1)/24)
	}
	if weekday := began.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		rhythm *= 0.4
	}
	n := int64(c.rate * rhythm * (0.6 + 0.8*m.rng.Float64()))
	if n == 0 {
		return
	}
	refused := n * int64(m.rng.IntN(4)) / 100
	if m.rng.IntN(50) == 0 { // a release
		refused = n / 5
	}
	at := began.Add(time.Duration(30+m.rng.IntN(29)) * time.Minute)
	tally := usage.Tally{Requests: n, Refused: refused, LastUsedAt: at}
	subject := usage.Subject(auth.APIKey, c.id)
	for _, r := range []usage.Resolution{usage.Minute, usage.Hour, usage.Day} {
		sums.add(countKey{subject, r, usage.Total, r.Start(at), usage.All}, tally)
	}
	network := c.networks[m.rng.IntN(len(c.networks))]
	sums.add(countKey{subject, usage.Day, usage.Networks, usage.Day.Start(at), network}, tally)
	uses[c.id] = auth.KeyUse{At: at}
}

// people log in, mistype, and have apps that refresh twice at once.
func (m *month) people(t *testing.T, hour int) {
	t.Helper()
	if hour < 8 || hour > 18 {
		return
	}
	d := m.rng.IntN(5)
	subject := fmt.Sprint("developer:", d)
	if m.rng.IntN(3) == 0 {
		m.refuse(t, audit.Login, subject, int64(1+m.rng.IntN(4)))
	}
	m.login(t, subject, fmt.Sprintf("172.16.%d.%d", d, m.rng.IntN(256)))
	m.refuse(t, audit.TokenMint, "application:app", int64(1+m.rng.IntN(9)))
	m.record(t, audit.Event{Action: audit.Refresh, Outcome: "refresh_token_used", Actor: "user:u", Subject: "session:s", Occurrences: 3})
}

// plant lets something happen in a step that opens an alert.
func (m *month) plant(step int, rule, subject string, f func(t *testing.T, m *month)) {
	m.want = append(m.want, rule+" "+subject)
	m.planted[step] = f
}

func (m *month) plantAll(t *testing.T, start int) {
	t.Helper()
	event := func(step int, rule, subject string, e audit.Event) {
		m.plant(start+step, rule, subject, func(t *testing.T, m *month) { m.record(t, e) })
	}
	for i, step := range []int{3, 33, 100} {
		id := fmt.Sprintf("k%03d", 30+i)
		m.plant(start+step, alert.KeyNewNetwork, "key:"+id, func(t *testing.T, m *month) { m.use(t, id, *m.now, "203.0.113.0/24", 3, 0) })
	}
	for i, step := range []int{40, 56} {
		c := m.clients[42+i]
		m.plant(start+step, alert.KeyWoke, "key:"+c.id, func(t *testing.T, m *month) { m.use(t, c.id, *m.now, c.networks[0], 3, 0) })
	}
	m.plant(start+10, alert.RefusalBurst, "key:k062", func(t *testing.T, m *month) { m.use(t, "k062", *m.now, "10.62.0.0/24", 300, 300) })
	m.plant(start+14, alert.RefusalBurst, "application:app", func(t *testing.T, m *month) { m.refuse(t, audit.TokenMint, "application:app", 200) })
	m.plant(start+17, alert.Volume, "key:k040", func(t *testing.T, m *month) { m.use(t, "k040", *m.now, "10.40.0.0/24", 60_000, 0) })
	m.plant(start+133, alert.Volume, "key:k005", func(t *testing.T, m *month) { m.use(t, "k005", *m.now, "10.5.0.0/24", 30_000, 0) })
	event(20, alert.RefreshReused, "user:u1", audit.Event{Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: "user:u1", Subject: "session:1"})
	event(21, alert.RefreshReused, "developer:1", audit.Event{Action: audit.Reuse, Outcome: "refresh_token_reused", Actor: "developer:1", Subject: "session:2"})
	event(23, alert.KeyInBrowser, "key:k071", audit.Event{Action: "key.use", Outcome: "key_in_browser", Actor: "key:k071"})
	event(24, alert.NetworkNotAllowed, "key:k072", audit.Event{Action: "key.use", Outcome: "network_not_allowed", Actor: "key:k072"})
	event(25, alert.LeakReported, "key:k073", audit.Event{Action: audit.CredentialReport, Outcome: audit.OK, Actor: "anonymous", Subject: "key:k073"})
	event(27, alert.LoginNewNetwork, "developer:2", audit.Event{Action: audit.Login, Outcome: audit.OK, Actor: "developer:2", Subject: "developer:2", IP: "203.0.113.9"})
	m.plant(start+30, alert.LoginRefusals, "developer:3", func(t *testing.T, m *month) { m.refuse(t, audit.Login, "developer:3", 60) })
	m.plant(start+31, alert.LedgerBroken, "user:u7", func(t *testing.T, m *month) {
		must(m.execRaw(t, "UPDATE access_ledger SET items = 7 WHERE user_id = 'u7'"))(t)
	})
	m.want = append(m.want, alert.KeyExpires+" key:k050", alert.KeyUnused+" key:k051", alert.KeyOld+" key:k052")
}

// TestAlertsOfTwoMonths lives through a steady month, which opens nothing, and one in
// which twenty things happen, which opens twenty alerts.
func TestAlertsOfTwoMonths(t *testing.T) {
	t.Parallel()
	now := monday
	m := newMonth(t, newAlertWorld(openStore(t, sqliteDSN(t), Options{Now: func() time.Time { return now }}).unhurried(), &now))
	const four = 4 * 7 * 24 / stepHours // weeks, in steps
	m.change(t, "k050", func(k *auth.StoredKey) { k.ExpiresAt = ptr(monday.AddDate(0, 0, 70)) })
	m.change(t, "k052", func(k *auth.StoredKey) { k.RotatedAt = ptr(monday.AddDate(0, 0, 45-365)) })
	for i, from := range map[int]int{42: 8, 43: 9, 51: 2} {
		m.clients[i].silent = func(day int) bool { return day >= from }
	}
	if err := m.AppendAccess(t.Context(), []audit.Access{{UserID: "u7", At: monday, Actor: "key:k", Operation: "ListWorkouts"}}); err != nil {
		t.Fatal(err)
	}
	for n := range four {
		m.step(t, n)
	}
	if got := m.all(t, alert.Query{}); len(got) > 0 {
		t.Fatalf("a steady month opened:\n%s", strings.Join(got, "\n"))
	}
	m.plantAll(t, four)
	for n := four; n < 2*four; n++ {
		m.step(t, n)
	}
	var got []string
	for _, a := range must(m.Alerts(t.Context(), alert.Query{Limit: 1000}))(t) {
		got = append(got, a.Rule+" "+a.Subject)
	}
	slices.Sort(got)
	if slices.Sort(m.want); len(m.want) != 20 || !slices.Equal(got, m.want) {
		t.Errorf("opened:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(m.want, "\n"))
	}
}
