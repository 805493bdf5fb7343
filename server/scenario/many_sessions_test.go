package scenario_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// TestEndOfManySessionsReachesEveryNode checks that no session is accepted that an application
// minted, on any node, once the call that deletes it is answered: they are more than one transaction
// revokes, and another node has just accepted each.
func TestEndOfManySessionsReachesEveryNode(t *testing.T) {
	t.Parallel()
	const users, each = 7, 100
	quota := func(c *server.Config) { c.Auth.Quotas.UserSessions = each }
	onEachCluster(t, 2, func(t *testing.T, nodes []*node) {
		d := nodes[0].drivers()[0]
		admin := nodes[0].admin(t, d)
		app, secret := nodes[0].newApp(t, d, admin)
		var mu sync.Mutex
		var access, refresh []string
		inParallel := func(f func(i int)) {
			var group sync.WaitGroup
			for i := range users {
				group.Go(func() { f(i) })
			}
			group.Wait()
		}
		inParallel(func(int) {
			user := nodes[0].newUser(t, d, admin)
			for range each {
				a, r := nodes[0].exchange(t, d, user, app, secret)
				mu.Lock()
				access, refresh = append(access, a), append(refresh, r)
				mu.Unlock()
			}
		})
		count := func(status int, tokens []string) (n int) {
			inParallel(func(i int) {
				for at := i; at < len(tokens); at += users {
					if nodes[1].statusOf(t, tokens[at]) == status {
						mu.Lock()
						n++
						mu.Unlock()
					}
				}
			})
			return n
		}
		for _, tokens := range [][]string{access, access[:100], access[:100]} { // the last ones are remembered when they end
			if n := count(http.StatusForbidden, tokens); n != len(tokens) {
				t.Fatalf("%d of %d requests were of a user", n, len(tokens))
			}
		}
		d.call(t, "DeleteApplication", args{"app_id": app}, bearer(admin)).want(t, 204, "")
		if n := count(http.StatusUnauthorized, access); n != len(access) {
			t.Errorf("%d of %d requests were refused after the end", n, len(access))
		}
		other := nodes[1].drivers()[0]
		for _, token := range refresh[:20] {
			other.call(t, "RefreshToken", args{"refresh_token": token}).want(t, 401, "invalid_refresh_token")
		}
	}, unlimited, quota)
}
