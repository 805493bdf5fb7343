package scenario_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/server"
)

// startSkewed runs a node on a machine with the right time, and one for each of the others on
// machines whose clocks are so far ahead, all on one database. They share the first developer.
func startSkewed(t *testing.T, ahead []time.Duration, change ...func(*server.Config)) []*node {
	t.Helper()
	first := &node{
		t: t, clock: &clock{}, log: &logBuffer{}, email: "dev@example.com", password: passphrase(),
		dsn: pgtest.New(t), secret: []byte(rand.Text() + rand.Text()),
	}
	unset := func(c *server.Config) { c.Now = nil }
	first.boot(t, append(change, unset)...)
	first.addDeveloper(first.email, first.password)
	nodes := []*node{first}
	for _, d := range ahead {
		skewed := func(c *server.Config) { c.Machine = func() time.Time { return time.Now().Add(d) } }
		nodes = append(nodes, first.beside(t, append(change, unset, skewed)...))
	}
	return nodes
}

// TestSkewedClocksDecideAlike checks that nodes whose clocks differ accept and refuse the same
// credentials at the same time, and describe a limit alike.
func TestSkewedClocksDecideAlike(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*server.Config){
		"redis": withRedis(redistest.Start(t)), "database alone": func(*server.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes := startSkewed(t, []time.Duration{-19 * time.Second, 19 * time.Second}, change,
				func(c *server.Config) { c.Auth.Limits.User.Limit = 1 })
			d := nodes[0].drivers()[0]
			for _, of := range nodes {
				token := of.admin(t, of.drivers()[0])
				for i, at := range nodes {
					if status := at.statusOf(t, token); status != http.StatusOK {
						t.Errorf("a fresh token is %d at node %d", status, i)
					}
				}
			}
			admin := nodes[0].admin(t, d)
			_, secret := nodes[0].newKey(t, d, admin, args{"expires_at": time.Now().Add(3 * time.Second).UTC().Format(time.RFC3339Nano)})
			rotated, older := nodes[0].newKey(t, d, admin, nil)
			d.call(t, "RotateKey", args{"id": rotated, "overlap_seconds": 3}, bearer(admin)).want(t, 201, "")
			end := time.Now().Add(3 * time.Second)
			for i, n := range nodes {
				for what, key := range map[string]string{"that expires": secret, "that was rotated": older} {
					if status := n.statusOf(t, key); status != http.StatusOK {
						t.Errorf("before its end a key %s is %d at node %d", what, status, i)
					}
				}
			}
			describedAlike(t, nodes)
			time.Sleep(time.Until(end.Add(500 * time.Millisecond)))
			for i, n := range nodes {
				for what, key := range map[string]string{"that expires": secret, "that was rotated": older} {
					if status := n.statusOf(t, key); status != http.StatusUnauthorized {
						t.Errorf("after its end a key %s is %d at node %d", what, status, i)
					}
				}
			}
		})
	}
}

// describedAlike fails the test unless all nodes say how long a full window lasts.
func describedAlike(t *testing.T, nodes []*node) {
	t.Helper()
	d := nodes[0].drivers()[0]
	admin := nodes[0].admin(t, d)
	user := nodes[0].newUser(t, d, admin)
	app, secret := nodes[0].newApp(t, d, admin)
	token, _ := nodes[0].exchange(t, d, user, app, secret)
	read := func(n *node) answer {
		return n.drivers()[0].call(t, "GetUser", args{"id": user}, bearer(token))
	}
	read(nodes[0]).want(t, 200, "")
	reset := ""
	for i, n := range nodes {
		a := read(n).want(t, 429, "rate_limited")
		after, _ := strconv.Atoi(a.Header.Get("Retry-After"))
		_, left, _ := strings.Cut(a.Header.Get("Ratelimit"), "t=")
		seconds, _ := strconv.Atoi(left)
		if after < 50 || after > 60 || seconds < 50 || seconds > 60 {
			t.Errorf("node %d says Retry-After %d and %q of a window of a minute", i, after, a.Header.Get("Ratelimit"))
		}
		if now := a.Header.Get("X-Ratelimit-Reset"); reset != "" && now != reset {
			t.Errorf("node %d says that the window ends at %s, another at %s", i, now, reset)
		} else {
			reset = now
		}
	}
}

// TestWrongClockIsNotReady checks that a node whose clock is wrong by more than anybody would keep
// says so, and decides as the others do all the same.
func TestWrongClockIsNotReady(t *testing.T) {
	t.Parallel()
	ahead := []time.Duration{-25 * time.Second, 25 * time.Second, 10 * time.Second}
	nodes := startSkewed(t, ahead)
	token := nodes[0].admin(t, nodes[0].drivers()[0])
	for i, n := range nodes {
		if status := n.statusOf(t, token); status != http.StatusOK {
			t.Errorf("a fresh token is %d at node %d", status, i)
		}
		res, raw := n.send(t, newRequest(t, "GET", n.url+"/readyz", nil))
		want, says := 200, ""
		if i == 1 || i == 2 {
			want, says = 503, fmt.Sprintf("The clock of this node is %s", ahead[i-1].Abs())
		}
		if res.StatusCode != want || !strings.Contains(string(raw), says) {
			t.Errorf("/readyz of node %d is %d %s", i, res.StatusCode, raw)
		}
		if differs := strings.Contains(n.log.String(), "the clocks of this machine and of the database differ"); differs != (i > 0) {
			t.Errorf("node %d says that the clocks differ: %v", i, differs)
		}
	}
}
