package scenario_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/server"
)

// startCluster runs nodes on one PostgreSQL database. They share the first developer.
func startCluster(t *testing.T, count int, change ...func(*server.Config)) []*node {
	t.Helper()
	return startNodes(t, make([]func(*server.Config), count), change...)
}

// startNodes is startCluster with one node for each of own, which changes that node alone unless it
// is nil.
func startNodes(t *testing.T, own []func(*server.Config), change ...func(*server.Config)) []*node {
	t.Helper()
	nodes := startEmptyNodes(t, own, change...)
	nodes[0].addDeveloper(nodes[0].email, nodes[0].password)
	return nodes
}

// startEmptyNodes is startNodes without a developer.
func startEmptyNodes(t *testing.T, own []func(*server.Config), change ...func(*server.Config)) []*node {
	t.Helper()
	dsn, secret := pgtest.New(t), []byte(rand.Text()+rand.Text())
	nodes := make([]*node, len(own))
	for i := range nodes {
		nodes[i] = &node{t: t, clock: &clock{}, log: &logBuffer{}, email: "dev@example.com", password: passphrase(), dsn: dsn, secret: secret}
		changes := slices.Clone(change)
		if own[i] != nil {
			changes = append(changes, own[i])
		}
		nodes[i].boot(t, changes...)
		nodes[i].password = nodes[0].password
	}
	return nodes
}

func withRedis(s *redistest.Server) func(*server.Config) {
	return func(c *server.Config) { c.Redis = s.URL() }
}

// onEachCluster runs a scenario on nodes that share Redis, and on nodes that share only the
// database.
func onEachCluster(t *testing.T, count int, scenario func(t *testing.T, nodes []*node), change ...func(*server.Config)) {
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		scenario(t, startCluster(t, count, append(change, withRedis(redistest.Start(t)))...))
	})
	t.Run("database alone", func(t *testing.T) {
		t.Parallel()
		scenario(t, startCluster(t, count, change...))
	})
}

// credentialEnds maps each way to end a credential to a function. The function makes a credential
// and returns it with the call that ends it.
var credentialEnds = map[string]func(t *testing.T, n *node, d driver, admin option) (presented string, end func(*testing.T, driver)){
	"DeleteKey": func(t *testing.T, n *node, d driver, admin option) (string, func(*testing.T, driver)) {
		id, secret := n.newKey(t, d, n.admin(t, d), nil)
		return secret, func(t *testing.T, d driver) { d.call(t, "DeleteKey", args{"id": id}, admin).want(t, 200, "") }
	},
	"RotateKey": func(t *testing.T, n *node, d driver, admin option) (string, func(*testing.T, driver)) {
		id, secret := n.newKey(t, d, n.admin(t, d), nil)
		return secret, func(t *testing.T, d driver) { d.call(t, "RotateKey", args{"id": id}, admin).want(t, 201, "") }
	},
	"FinishKeyRotation": func(t *testing.T, n *node, d driver, admin option) (string, func(*testing.T, driver)) {
		id, secret := n.newKey(t, d, n.admin(t, d), nil)
		d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, admin).want(t, 201, "")
		return secret, func(t *testing.T, d driver) { d.call(t, "FinishKeyRotation", args{"id": id}, admin).want(t, 200, "") }
	},
	"UpdateKey": func(t *testing.T, n *node, d driver, admin option) (string, func(*testing.T, driver)) {
		id, secret := n.newKey(t, d, n.admin(t, d), nil)
		return secret, func(t *testing.T, d driver) {
			d.call(t, "UpdateKey", args{"id": id, "enabled": false}, admin).want(t, 200, "")
		}
	},
	"Logout": func(t *testing.T, n *node, d driver, _ option) (string, func(*testing.T, driver)) {
		access := n.admin(t, d)
		return access, func(t *testing.T, d driver) { d.call(t, "Logout", nil, bearer(access)).want(t, 200, "") }
	},
}

// admin returns a new access token of the first developer.
func (n *node) admin(t *testing.T, d driver) string {
	t.Helper()
	access, _ := n.login(t, d)
	return access
}

// TestRevocationReachesEveryNode checks that a request which starts after a revocation has answered
// on one node is refused on all others, even where the credential is cached.
func TestRevocationReachesEveryNode(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 3, func(t *testing.T, nodes []*node) {
		for name, make := range credentialEnds {
			for round := range 5 {
				t.Run(fmt.Sprint(name, " ", round), func(t *testing.T) { endUnderLoad(t, nodes, make) })
			}
		}
	}, unlimited)
}

// endUnderLoad ends a credential while clients use it on every node. It fails the test if a request
// that starts after the end is accepted.
func endUnderLoad(t *testing.T, nodes []*node, make func(*testing.T, *node, driver, option) (string, func(*testing.T, driver))) {
	d := func(i int) driver { return nodes[i%len(nodes)].drivers()[0] }
	presented, end := make(t, nodes[0], d(0), bearer(nodes[0].admin(t, d(0))))
	var ended atomic.Bool
	var before, late atomic.Int64
	var group sync.WaitGroup
	defer group.Wait()
	defer ended.Store(true)
	for i := range 6 {
		group.Go(func() {
			for after := 0; after < 5; {
				wasEnded := ended.Load()
				status := nodes[i%len(nodes)].statusOf(t, presented)
				switch {
				case wasEnded && status != http.StatusUnauthorized:
					late.Add(1)
				case !wasEnded && status == http.StatusOK:
					before.Add(1)
				}
				if wasEnded {
					after++
				}
			}
		})
	}
	for begun := time.Now(); before.Load() < 30 && time.Since(begun) < 10*time.Second; {
		time.Sleep(time.Millisecond)
	}
	end(t, d(1))
	ended.Store(true)
	group.Wait()
	if before.Load() < 30 || late.Load() > 0 {
		t.Errorf("%d accepted before, %d after the end", before.Load(), late.Load())
	}
}

// statusOf returns the status of a request that any valid credential may make.
func (n *node) statusOf(t *testing.T, presented string) int {
	r := newRequest(t, "GET", n.url+"/api/v1/users?limit=1", nil)
	r.Header.Set("Authorization", "Bearer "+presented)
	res, _ := n.send(t, r)
	return res.StatusCode
}

// TestLimitsAreSharedByNodes checks that all nodes together admit no more requests than one node
// would.
func TestLimitsAreSharedByNodes(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 3, func(t *testing.T, nodes []*node) {
		_, secret := nodes[0].newKey(t, nodes[0].drivers()[0], nodes[0].admin(t, nodes[0].drivers()[0]), nil)
		var admitted, refused atomic.Int64
		var group sync.WaitGroup
		for i := range 12 {
			group.Go(func() {
				for range 15 {
					switch status := nodes[i%len(nodes)].statusOf(t, secret); status {
					case http.StatusOK:
						admitted.Add(1)
					case http.StatusTooManyRequests:
						refused.Add(1)
					default:
						t.Errorf("status %d", status)
					}
				}
			})
		}
		group.Wait()
		if admitted.Load() != 120 || refused.Load() != 60 {
			t.Errorf("%d admitted, %d refused; want 120 and 60", admitted.Load(), refused.Load())
		}
	}, func(c *server.Config) { c.Auth.Limits.Key.Limit = 120 })
}

// TestOneRefreshWinsOverNodes refreshes one token on all nodes at once. One refresh wins, and
// requests that share a retry key get the same successor.
func TestOneRefreshWinsOverNodes(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 3, func(t *testing.T, nodes []*node) {
		for _, shared := range []bool{false, true} {
			_, token := nodes[0].login(t, nodes[0].drivers()[0])
			var won, lost atomic.Int64
			var successors sync.Map
			concurrently(24, func(i int) {
				var o []option
				if shared {
					o = append(o, idempotent("one"))
				}
				a := nodes[i%len(nodes)].drivers()[0].call(t, "RefreshToken", args{"refresh_token": token}, o...)
				switch a.Status {
				case http.StatusOK:
					won.Add(1)
					successors.Store(a.str("refresh_token"), true)
				case http.StatusUnauthorized:
					lost.Add(1)
				}
			})
			distinct := 0
			successors.Range(func(any, any) bool { distinct++; return true })
			want := int64(1)
			if shared {
				want = 24
			}
			if won.Load() != want || lost.Load() != 24-want || distinct != 1 {
				t.Errorf("shared key %v: %d won, %d lost, %d successors", shared, won.Load(), lost.Load(), distinct)
			}
		}
	}, unlimited)
}

// TestIdempotencyOverNodes checks that a minting call repeated under one key on all nodes at once
// has one effect.
func TestIdempotencyOverNodes(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 3, func(t *testing.T, nodes []*node) {
		admin := nodes[0].admin(t, nodes[0].drivers()[0])
		var secrets sync.Map
		concurrently(24, func(i int) {
			d := nodes[i%len(nodes)].drivers()[0]
			for {
				a := d.call(t, "CreateKey", args{"name": "once"}, bearer(admin), idempotent("create"))
				if a.Status == http.StatusConflict { // in progress on this node
					time.Sleep(5 * time.Millisecond)
					continue
				}
				secrets.Store(a.want(t, 201, "").str("key"), true)
				return
			}
		})
		distinct := 0
		secrets.Range(func(any, any) bool { distinct++; return true })
		keys := nodes[1].drivers()[0].call(t, "ListKeys", nil, bearer(admin)).want(t, 200, "")
		list, _ := keys.Body.([]any)
		if distinct != 1 || len(list) != 1 {
			t.Errorf("%d secrets, %d keys", distinct, len(list))
		}
	}, unlimited)
}

// TestSigningKeysRotateOverNodes checks that after a rotation of signing keys on one node, the
// others accept tokens of the new key, even of one that they have not loaded yet.
func TestSigningKeysRotateOverNodes(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 2, func(t *testing.T, nodes []*node) {
		for range 4 {
			if err := nodes[0].server.Auth().Signing.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			access := nodes[0].admin(t, nodes[0].drivers()[0])
			if status := nodes[1].statusOf(t, access); status != http.StatusOK {
				t.Errorf("a token of the new key is %d on the other node", status)
			}
			if status := nodes[0].statusOf(t, nodes[1].admin(t, nodes[1].drivers()[0])); status != http.StatusOK {
				t.Errorf("a token of the old key is %d on the node that rotated", status)
			}
			nodes[1].clock.advance(2 * time.Second)
		}
	}, unlimited)
}

// TestLongDeletions checks that a deletion completes even if it takes the database longer than the
// usual time budget of a call.
func TestLongDeletions(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.dsn, n.secret = pgtest.New(t), []byte(rand.Text()+rand.Text())
	n.boot(t)
	n.addDeveloper(n.email, n.password)
	database, err := url.Parse(n.dsn)
	if err != nil {
		t.Fatal(err)
	}
	err = pgtest.Shared(t).Exec(t.Context(), strings.TrimPrefix(database.Path, "/"),
		"CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN OLD; END'",
		"CREATE TRIGGER slowly BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION slowly()",
		"CREATE TRIGGER slowly BEFORE DELETE ON applications FOR EACH ROW EXECUTE FUNCTION slowly()")
	if err != nil {
		t.Fatal(err)
	}
	d := n.drivers()[0]
	admin := bearer(n.admin(t, d))
	user := d.call(t, "CreateUser", args{}, admin).want(t, 201, "").str("id")
	d.call(t, "DeleteUser", args{"id": user}, admin).want(t, 200, "")
	d.call(t, "GetUser", args{"id": user}, admin).want(t, 404, "not_found")
	app := d.call(t, "CreateApplication", args{"name": "App"}, admin).want(t, 201, "").str("app_id")
	d.call(t, "DeleteApplication", args{"app_id": app}, admin).want(t, 204, "")
}
