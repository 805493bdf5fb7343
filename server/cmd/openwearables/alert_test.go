package main_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
)

// alertReceiver takes webhooks. It holds the first one until the node that sends it is gone.
type alertReceiver struct {
	url  string
	held chan string   // its webhook-id
	cut  chan struct{} // closed once its sender is gone

	mu    sync.Mutex
	taken []string // "webhook-id type alert-id" of what was accepted
}

func receiveAlerts(t *testing.T) *alertReceiver {
	r := &alertReceiver{held: make(chan string, 1), cut: make(chan struct{})}
	var first sync.Once
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		hold := false
		first.Do(func() { hold = true })
		if hold {
			r.held <- q.Header.Get("webhook-id")
			<-q.Context().Done()
			close(r.cut)
			return
		}
		var m struct {
			Type string
			Data struct{ ID string }
		}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken = append(r.taken, q.Header.Get("webhook-id")+" "+m.Type+" "+m.Data.ID)
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

func (r *alertReceiver) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

// A node is killed while it sends an alert. Another one sends it again, with the same id, and each
// alert that the nodes open then is sent once, whichever node looks.
func TestAlertsOutliveTheNodeThatSendsThem(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the minute for which a node claims what it sends")
	}
	t.Parallel()
	i, redis, got := install(t), redistest.Start(t), receiveAlerts(t)
	dsn, password := pgtest.New(t), passphrase()
	i.env = append(i.env, "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
	i.ok(password+"\n", "developer", "create", "--database", dsn, "--email", email, "--password-stdin")
	start := func() *process {
		return i.serve("--database", dsn, "--redis", redis.URL(), "--alert-interval", "300ms", "--webhook-allow-private-networks")
	}
	nodes := []*process{start(), start(), start()}
	admin := nodes[0].login(email, password).access
	endpoint := nodes[0].want(201, "POST", "/api/v1/webhook-endpoints", admin, map[string]string{"url": got.url}).str("id")
	leak := func(n *process) {
		t.Helper()
		key := n.want(201, "POST", "/api/v1/api-keys", admin, map[string]string{"name": "Leaked"}).str("key")
		n.want(204, "POST", "/api/v1/credentials/report", "", map[string]string{"credential": key})
	}
	leak(nodes[1])
	var id string
	select {
	case id = <-got.held:
	case <-time.After(20 * time.Second):
		t.Fatal("no alert was sent")
	}
	killSender(t, nodes, start, got.cut)
	for range 2 {
		for _, n := range nodes {
			leak(n)
		}
	}
	deadline := time.Now().Add(100 * time.Second)
	for len(got.all()) < 7 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(2 * time.Second) // in which nothing more comes
	ids, alerts, taken := map[string]bool{}, map[string]bool{}, got.all()
	for _, text := range taken {
		ids[text[:len(id)]], alerts[text[len(id):]] = true, true
	}
	if len(taken) != 7 || len(ids) != 7 || len(alerts) != 7 || !ids[id] {
		t.Errorf("7 alerts were opened, the first as %s, and sent as %q", id, taken)
	}
	all, _ := nodes[0].want(200, "GET", "/api/v1/webhook-endpoints/"+endpoint+"/deliveries", admin, nil).body["items"].([]any)
	for _, item := range all {
		d, _ := item.(map[string]any)
		attempts := 1.0
		if d["id"] == id {
			attempts = 2
		}
		if d["state"] != "delivered" || d["attempts"] != attempts {
			t.Errorf("%v", d)
		}
	}
}

// killSender kills the node that sends what the receiver holds. Others that it kills to find it are
// replaced.
func killSender(t *testing.T, nodes []*process, start func() *process, cut <-chan struct{}) {
	t.Helper()
	for i := range nodes {
		nodes[i].kill()
		select {
		case <-cut:
			nodes[i] = nodes[(i+1)%len(nodes)]
			return
		case <-time.After(time.Second):
			nodes[i] = start()
		}
	}
	t.Fatal("no node was sending")
}
