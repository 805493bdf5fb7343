package scenario_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/server"
)

// noRedis is a node without --redis beside others that have it.
func noRedis(c *server.Config) { c.Redis = "" }

// onDatabase is a node on another database of the same Redis.
func onDatabase(number string) func(*server.Config) {
	return func(c *server.Config) { c.Redis += "/" + number }
}

// apart maps each way in which the second of three nodes shares no Redis with the others to its
// configuration.
var apart = map[string]func(*server.Config){"another database": onDatabase("3"), "no redis": noRedis}

// onEachSplit runs a scenario on three nodes of which the second shares no Redis with the others.
func onEachSplit(t *testing.T, scenario func(t *testing.T, nodes []*node), change ...func(*server.Config)) {
	for name, odd := range apart {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenario(t, startNodes(t, []func(*server.Config){nil, odd, nil}, append(change, withRedis(redistest.Start(t)))...))
		})
	}
}

// TestRevocationReachesNodesOnAnotherRedis checks that a request which starts after a revocation has
// answered is refused on every node, from the first moment, although the node that revokes shares no
// Redis with the others; and that an operator is told.
func TestRevocationReachesNodesOnAnotherRedis(t *testing.T) {
	t.Parallel()
	onEachSplit(t, func(t *testing.T, nodes []*node) {
		for _, name := range []string{"DeleteKey", "Logout"} {
			for round := range 2 {
				t.Run(fmt.Sprint(name, " on the odd node ", round), func(t *testing.T) { endUnderLoad(t, nodes, credentialEnds[name]) })
			}
			t.Run(name+" on another node", func(t *testing.T) {
				endUnderLoad(t, []*node{nodes[1], nodes[0], nodes[2]}, credentialEnds[name])
			})
		}
		for i, n := range nodes {
			n.awaitLog(t, "do not share one Redis")
			if lines := strings.Count(n.log.String(), "do not share one Redis"); lines != 1 {
				t.Errorf("node %d says so %d times", i, lines)
			}
		}
	}, unlimited)
}

// awaitLog waits until the node has logged the text.
func (n *node) awaitLog(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !strings.Contains(n.log.String(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q was not logged within 15 seconds", text)
		}
	}
}

// TestLimitsOfNodesOnAnotherRedis checks that nodes which share no Redis admit together no more than
// one would, once they have noticed.
func TestLimitsOfNodesOnAnotherRedis(t *testing.T) {
	t.Parallel()
	onEachSplit(t, func(t *testing.T, nodes []*node) {
		for _, n := range nodes {
			n.awaitLog(t, "do not share one Redis")
		}
		// Each counts a third of 90 while it hears of the others. Here all run in one process, and on a busy
		// machine a beat can come late: for that moment the others count without that node, which goes on
		// with its third. No clock of the test can hold that off, so that the best of three tries counts.
		d := nodes[0].drivers()[0]
		admin := nodes[0].admin(t, d)
		var admitted, guesses []int
		for try := range 3 {
			_, secret := nodes[0].newKey(t, d, admin, nil)
			email := fmt.Sprintf("guessed-%d@example.com", try)
			nodes[0].addDeveloper(email, passphrase())
			n := 0
			for i := range 240 {
				if nodes[i%3].statusOf(t, secret) == http.StatusOK {
					n++
				}
			}
			admitted, guesses = append(admitted, n), append(guesses, guess(t, nodes, email, 36))
			if n >= 60 && n <= 90 && guesses[try] > 0 && guesses[try] <= 10 {
				return
			}
		}
		t.Errorf("%d calls of 240 were admitted, the limit is 90, and %d guesses of 36, the limit is 10", admitted, guesses)
	}, func(c *server.Config) { c.Auth.Limits.Key.Limit, c.Auth.Limits.Login.Limit = 90, 1000 })
}

// guess tries wrong passwords of the developer on all nodes in turn and returns how many were looked
// at.
func guess(t *testing.T, nodes []*node, email string, count int) (admitted int) {
	t.Helper()
	for i := range count {
		n := nodes[i%len(nodes)]
		switch a := n.drivers()[0].call(t, "Login", args{"email": email, "password": "wrong"}); a.Status {
		case http.StatusUnauthorized:
			admitted++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("a guess is answered %d", a.Status)
		}
	}
	return admitted
}

// TestNodesThatStartWithoutRedisCountShares checks that nodes which start while their Redis is away
// admit together no more guesses than one would, and no more when it is there.
func TestNodesThatStartWithoutRedisCountShares(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	s.Kill()
	nodes := startNodes(t, make([]func(*server.Config), 3), withRedis(s))
	time.Sleep(1500 * time.Millisecond) // the first have heard of the last
	alone := guess(t, nodes, nodes[0].email, 36)
	s.Start()
	for _, n := range nodes {
		n.awaitLog(t, "redis is back")
	}
	more := guess(t, nodes, nodes[0].email, 36)
	if alone == 0 || alone > 10 || alone+more > 10 {
		t.Errorf("%d guesses were admitted without Redis and %d with it, the limit is 10", alone, more)
	}
}

// TestNodesWithOtherSettingsAreWarnedOf checks that two nodes whose limits differ each say so once,
// with both names and values.
func TestNodesWithOtherSettingsAreWarnedOf(t *testing.T) {
	t.Parallel()
	other := func(c *server.Config) { c.Addr, c.Auth.Limits.Key.Limit = "127.0.0.1:9", 10 }
	nodes := startNodes(t, []func(*server.Config){nil, other, nil})
	for i, wanted := range []string{"--limit-key 1000, not 10", "--limit-key 10, not 1000", "--limit-key 1000, not 10"} {
		nodes[i].awaitLog(t, wanted)
	}
	time.Sleep(2500 * time.Millisecond)
	for i, count := range []int{1, 2, 1} {
		log := nodes[i].log.String()
		named := strings.Contains(log, "127.0.0.1:9\"") && strings.Contains(log, "127.0.0.1:8000\"")
		if got := strings.Count(log, "have different settings"); got != count || !named {
			t.Errorf("node %d warns %d times, want %d:\n%s", i, got, count, log)
		}
	}
}
