package scenario_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/server"
)

var scriptsRun = regexp.MustCompile(`cmdstat_evalsha:calls=(\d+)`)

// TestExchangeAsksRedisTwice checks that all limits of an exchange are counted in two exchanges with
// Redis, besides the beats of the node.
func TestExchangeAsksRedisTwice(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	n := startNodes(t, []func(*server.Config){nil}, unlimited, withRedis(s))[0]
	d := n.drivers()[0]
	admin := n.admin(t, d)
	user := n.newUser(t, d, admin)
	app, secret := n.newApp(t, d, admin)
	scripts := func() int {
		m := scriptsRun.FindStringSubmatch(s.Do("INFO", "commandstats"))
		if m == nil {
			t.Fatal("no script was run")
		}
		count, _ := strconv.Atoi(m[1])
		return count
	}
	before := scripts()
	const exchanges = 50
	for range exchanges {
		n.exchange(t, d, user, app, secret)
	}
	if ran := scripts() - before; ran < 2*exchanges || ran >= 3*exchanges {
		t.Errorf("%d exchanges made %d with Redis", exchanges, ran)
	}
}
