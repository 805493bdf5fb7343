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
		count := func(status int) (n int) {
			inParallel(func(i int) {
				for at := i; at < len(access); at += users {
					for _, node := range nodes {
						if node.statusOf(t, access[at]) == status {
							mu.Lock()
							n++
							mu.Unlock()
						}
					}
				}
			})
			return n
		}
		if n := count(http.StatusForbidden); n != 2*len(access) {
			t.Fatalf("%d of %d requests were of a user", n, 2*len(access))
		}
		d.call(t, "DeleteApplication", args{"app_id": app}, bearer(admin)).want(t, 204, "")
		if n := count(http.StatusUnauthorized); n != 2*len(access) {
			t.Errorf("%d of %d requests were refused after the end", n, 2*len(access))
		}
		other := nodes[1].drivers()[0]
		for _, token := range refresh[:20] {
			other.call(t, "RefreshToken", args{"refresh_token": token}).want(t, 401, "invalid_refresh_token")
		}
	}, unlimited, quota)
}
