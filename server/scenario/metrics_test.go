package scenario_test

import (
	"bufio"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/internal/dev/service"
	"github.com/openwearables/openwearables/internal/dev/upstream"
	"github.com/openwearables/openwearables/server"
)

// withMetrics gives the node a metrics listener, and returns its address.
func withMetrics() (func(*server.Config), string) {
	addr := service.Address() // which nobody else on this machine has
	return func(c *server.Config) { c.MetricsAddr = addr }, addr
}

// scrape returns what a metrics listener tells.
func scrape(t *testing.T, addr string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	res, err := client.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.Status, err)
	}
	return string(text)
}

var (
	sampleLine = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `)
	labelName  = regexp.MustCompile(`([a-z_]+)="`)
	familyEnd  = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// metricLabels returns the labels of each metric of a scrape, without those of the
// client library: go_* but go_sql_*, process_* and promhttp_*. The parts of a
// histogram are one metric.
func metricLabels(text string) map[string][]string {
	histograms := map[string]bool{}
	found := map[string][]string{}
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		if name, ok := strings.CutSuffix(s.Text(), " histogram"); ok {
			histograms[strings.TrimPrefix(name, "# TYPE ")] = true
		}
		sample := sampleLine.FindStringSubmatch(s.Text())
		if sample == nil {
			continue
		}
		name := sample[1]
		if base := familyEnd.ReplaceAllString(name, ""); histograms[base] {
			name = base
		}
		if !strings.HasPrefix(name, "openwearables_") && !strings.HasPrefix(name, "go_sql_") {
			continue
		}
		labels := found[name]
		for _, label := range labelName.FindAllStringSubmatch(sample[2], -1) {
			if label[1] != "le" && !slices.Contains(labels, label[1]) {
				labels = append(labels, label[1])
			}
		}
		slices.Sort(labels)
		found[name] = labels
	}
	return found
}

// allMetrics returns what a node on SQLite and a node on PostgreSQL and Redis tell
// together.
func allMetrics(t *testing.T) string {
	t.Helper()
	collectTraces(t)
	redis, up := redistest.Start(t), upstream.New(t)
	all := ""
	for _, on := range []func(*server.Config){
		func(c *server.Config) {
			c.Database, c.Secret, c.Redis, c.Traces = pgtest.New(t), []byte(rand.Text()+rand.Text()), redis.URL(), true
		},
		func(c *server.Config) {
			c.Database, c.Secret = "sqlite:"+filepath.Join(t.TempDir(), "node.db"), nil
			c.Upstream = server.Upstream{URL: up.URL, Key: up.Key, Email: up.Email, Password: up.Password, Streams: 30, Adopt: true}
		},
	} {
		listening, addr := withMetrics()
		n := listen(t, listening, on)
		n.addDeveloper(n.email, n.password)
		d := restDriver{n}
		_, refresh := n.login(t, d)
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
		if answer, err := http.Get(n.url + "/api/v1/oauth/providers"); err != nil || answer.Body.Close() != nil {
			t.Fatal(err)
		}
		all += scrape(t, addr)
		n.stop()
	}
	return all
}

// metricRow is a row of the table of metrics: name, labels, what it tells, what to do.
var metricRow = regexp.MustCompile("^\\| `((?:openwearables|go_sql)_[a-z_]+)` \\|([^|]*)\\|[^|]+\\|[^|]*\\|$")

// TestEveryMetricIsDocumented holds that the operators' page has a row for each
// metric, with its labels, and no other.
func TestEveryMetricIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	for line := range strings.Lines(string(page)) {
		row := metricRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		labels := strings.Fields(strings.ReplaceAll(row[2], "`", ""))
		slices.Sort(labels)
		documented[row[1]] = labels
	}
	all := metricLabels(allMetrics(t))
	for name, labels := range all {
		of, ok := documented[name]
		if !ok {
			t.Errorf("server/README.md has no row for %s %v", name, labels)
		} else if !slices.Equal(of, labels) {
			t.Errorf("server/README.md gives %s the labels %v, it has %v", name, of, labels)
		}
	}
	for name := range documented {
		if _, ok := all[name]; !ok {
			t.Errorf("server/README.md has a row for %s, which no node tells", name)
		}
	}
}

// TestMetricsTellOutcomes reads what a series of refreshes, a limit and the queue of a database
// leave in the metrics.
func TestMetricsTellOutcomes(t *testing.T) {
	listening, addr := withMetrics()
	n := listen(t, listening, func(c *server.Config) { c.Auth.Limits.Key.Limit = 3 })
	n.addDeveloper(n.email, n.password)
	d := restDriver{n}
	access, first := n.login(t, d)
	second := d.call(t, "RefreshToken", args{"refresh_token": first}, idempotent("a")).want(t, 200, "").str("refresh_token")
	d.call(t, "RefreshToken", args{"refresh_token": first}, idempotent("a")).want(t, 200, "")
	d.call(t, "RefreshToken", args{"refresh_token": "rt_no"}).want(t, 401, "invalid_refresh_token")
	_, key := n.newKey(t, d, access, args{})
	user := n.newUser(t, d, access)
	for range 3 {
		d.call(t, "GetUser", args{"id": user}, bearer(key)).want(t, 200, "")
	}
	d.call(t, "GetUser", args{"id": user}, bearer(key)).want(t, 429, "rate_limited")
	d.call(t, "RefreshToken", args{"refresh_token": first}, idempotent("b")).want(t, 401, "refresh_token_reused")
	d.call(t, "RefreshToken", args{"refresh_token": second}).want(t, 401, "invalid_refresh_token")
	_, idle := n.login(t, d)
	n.clock.advance(31 * 24 * time.Hour)
	d.call(t, "RefreshToken", args{"refresh_token": idle}).want(t, 401, "invalid_refresh_token")
	text := scrape(t, addr)
	for _, line := range []string{
		`openwearables_refreshes_total{outcome="rotated"} 1`, `openwearables_refreshes_total{outcome="retried"} 1`,
		`openwearables_refreshes_total{outcome="reused"} 1`, `openwearables_refreshes_total{outcome="refused"} 2`,
		`openwearables_refreshes_total{outcome="expired"} 1`,
		`openwearables_limit_decisions_total{decision="allowed",limit="key"} 3`, `openwearables_limit_decisions_total{decision="limited",limit="key"} 1`,
		`openwearables_requests_in_flight 0`, `openwearables_requests_total{operation="GetUser",status="429"} 1`,
		`openwearables_password_hashes{state="waiting"} 0`, `openwearables_refusals_total{reason="quota_exceeded"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// TestMetricsTellOfALostRedis checks what the metrics say while Redis is away.
func TestMetricsTellOfALostRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	listening, addr := withMetrics()
	n := listen(t, listening, func(c *server.Config) {
		c.Database, c.Secret, c.Redis = pgtest.New(t), []byte(rand.Text()+rand.Text()), redis.URL()
	})
	n.getStatus(t, "/api/v1/auth/me")
	if text := scrape(t, addr); !strings.Contains(text, "openwearables_redis_lost 0\n") || !strings.Contains(text, "openwearables_limit_local_total 0\n") {
		t.Error("the metrics tell of a loss")
	}
	redis.Kill()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		n.getStatus(t, "/api/v1/auth/me")
		text := scrape(t, addr)
		if strings.Contains(text, "openwearables_redis_lost 1\n") {
			for _, name := range []string{"openwearables_limit_local_total", "openwearables_redis_failures_total"} {
				if strings.Contains(text, name+" 0\n") {
					t.Errorf("%s is 0", name)
				}
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal("the metrics do not tell that Redis is lost")
		}
	}
}

// TestMetricsTellOpenAlerts checks that every node tells the open alerts of the installation, whoever
// has looked, and no longer those that were acknowledged.
func TestMetricsTellOpenAlerts(t *testing.T) {
	t.Parallel()
	redis, shared := redistest.Start(t), pgtest.New(t)
	secret := []byte(rand.Text() + rand.Text())
	var nodes []*node
	var addresses []string
	for range 2 {
		listening, addr := withMetrics()
		nodes, addresses = append(nodes, listen(t, listening, alerting, func(c *server.Config) { c.Database, c.Secret, c.Redis = shared, secret, redis.URL() })), append(addresses, addr)
	}
	n := nodes[0]
	n.addDeveloper(n.email, n.password)
	d := restDriver{n}
	admin, _ := n.login(t, d)
	want := func(value string) {
		t.Helper()
		for _, addr := range addresses {
			for end := time.Now().Add(20 * time.Second); !strings.Contains(scrape(t, addr), `openwearables_alerts_open{rule="leak_reported"} `+value+"\n"); time.Sleep(50 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s does not tell %s open alerts", addr, value)
				}
			}
		}
	}
	want("0")
	id := n.alert(t, d, admin)
	want("1")
	d.call(t, "AcknowledgeAlert", args{"id": id}, bearer(admin)).want(t, 200, "")
	want("0")
}
