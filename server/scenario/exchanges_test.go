package scenario_test

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/server"
)

var scriptsRun = regexp.MustCompile(`cmdstat_evalsha:calls=(\d+)`)

// scriptCount returns how many scripts the server has run, those of the beats of nodes too.
func scriptCount(t *testing.T, s *redistest.Server) int {
	t.Helper()
	m := scriptsRun.FindStringSubmatch(s.Do("INFO", "commandstats"))
	if m == nil {
		t.Fatal("no script was run")
	}
	count, _ := strconv.Atoi(m[1])
	return count
}

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
	before := scriptCount(t, s)
	const exchanges = 50
	for range exchanges {
		n.exchange(t, d, user, app, secret)
	}
	if ran := scriptCount(t, s) - before; ran < 2*exchanges || ran >= 3*exchanges {
		t.Errorf("%d exchanges made %d with Redis", exchanges, ran)
	}
}

// TestManyVerificationsAskRedisOnce checks that the limits of all credentials of one call are counted
// in one exchange with Redis, each as often as it is there.
func TestManyVerificationsAskRedisOnce(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	n := startNodes(t, []func(*server.Config){nil}, withRedis(s))[0]
	d := n.drivers()[0]
	admin := n.admin(t, d)
	_, key := n.newKey(t, d, admin, nil)
	checks := make([]any, 100)
	for i := range checks {
		checks[i] = map[string]any{"credential": key, "spend": true}
	}
	before := scriptCount(t, s)
	d.call(t, "VerifyCredentials", args{"checks": checks}, bearer(admin)).want(t, 200, "")
	if ran := scriptCount(t, s) - before; ran > 30 { // one for the address or the caller each, and beats
		t.Errorf("%d exchanges with Redis", ran)
	}
	a := d.call(t, "ListUsers", args{}, bearer(key)).want(t, 200, "")
	if left := a.Header.Get("X-RateLimit-Remaining"); left != "899" {
		t.Errorf("%s remain of 1000 after 100 verifications and a use", left)
	}
}
