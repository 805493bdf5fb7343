package scenario_test

import (
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// repeatingLost repeats answers to refreshes that were lost.
func repeatingLost(c *server.Config) { c.Auth.RepeatLostRefreshes = true }

// TestLostRefreshIsRepeated checks that an app which sends no Idempotency-Key gets the identical
// successor again, and whoever else has the token does not.
func TestLostRefreshIsRepeated(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, own := n.login(t, d)
		user := n.newUser(t, d, access)
		refresh := func(token, address, client string, more ...option) answer {
			return d.call(t, "RefreshToken", args{"refresh_token": token},
				append(more, header("X-Forwarded-For", address), header("User-Agent", client))...)
		}
		mint := func() string {
			return d.call(t, "CreateUserToken", args{"user_id": user}, bearer(access)).want(t, 200, "").str("refresh_token")
		}
		first := mint()
		second := refresh(first, "192.0.2.7", "app/1").want(t, 200, "").str("refresh_token")
		n.clock.advance(5*time.Minute - 10*time.Second)
		for range 2 {
			if again := refresh(first, "192.0.2.9", "app/1").want(t, 200, ""); again.str("refresh_token") != second {
				t.Error("another successor")
			}
		}
		third := refresh(second, "198.51.100.7", "app/2").want(t, 200, "").str("refresh_token")
		refresh(first, "192.0.2.7", "app/1").want(t, 401, "refresh_token_reused")
		refresh(third, "198.51.100.7", "app/2").want(t, 401, "invalid_refresh_token")

		for _, other := range []struct{ address, client string }{{"192.0.3.7", "app/1"}, {"192.0.2.7", "app/2"}} {
			first := mint()
			second := refresh(first, "192.0.2.7", "app/1").want(t, 200, "").str("refresh_token")
			refresh(first, other.address, other.client).want(t, 401, "refresh_token_used")
			refresh(first, "192.0.2.7", "app/1", idempotent("k")).want(t, 401, "refresh_token_used")
			refresh(second, "192.0.2.7", "app/1").want(t, 200, "")
		}
		late := mint()
		refresh(late, "192.0.2.7", "app/1").want(t, 200, "")
		n.clock.advance(5*time.Minute + time.Second)
		refresh(late, "192.0.2.7", "app/1").want(t, 401, "refresh_token_reused")

		refresh(own, "192.0.2.7", "app/1").want(t, 200, "") // a developer
		refresh(own, "192.0.2.7", "app/1").want(t, 401, "refresh_token_used")
	}, unlimited, behindLoopbackProxy, repeatingLost)
}

// TestLostRefreshesAtOnce refreshes one token many times at once, on two nodes: all get one successor.
func TestLostRefreshesAtOnce(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2, unlimited, repeatingLost)
	drivers := []driver{nodes[0].drivers()[0], nodes[1].drivers()[0]}
	access, _ := nodes[0].login(t, drivers[0])
	user := nodes[0].newUser(t, drivers[0], access)
	token := drivers[0].call(t, "CreateUserToken", args{"user_id": user}, bearer(access)).want(t, 200, "").str("refresh_token")
	for range 5 {
		var got [12]string
		concurrently(len(got), func(i int) {
			got[i] = drivers[i%2].call(t, "RefreshToken", args{"refresh_token": token}).want(t, 200, "").str("refresh_token")
		})
		for _, next := range got {
			if next != got[0] || next == token {
				t.Fatal("there are two successors")
			}
		}
		token = got[0]
	}
}
