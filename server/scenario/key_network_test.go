package scenario_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// networksOf returns the networks of the key that an answer shows.
func networksOf(a answer) string {
	var texts []string
	for _, v := range a.list("allowed_networks") {
		texts = append(texts, v.(string))
	}
	return strings.Join(texts, " ")
}

// TestKeyIsBoundToItsNetworks checks from where a key is admitted, in each notation of an address, and
// that a refused use costs the holder of the key nothing.
func TestKeyIsBoundToItsNetworks(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin := n.admin(t, d)
		made := d.call(t, "CreateKey", args{"allowed_networks": []string{
			"192.0.2.77/24", "203.0.113.9", "::ffff:198.51.100.0/120", "64:ff9b::100.64.0.0/106", "64:ff9b:1:2::10.0.0.0/104", "2001:db8:0:0::/48", "2001:db8:1::5",
		}}, bearer(admin), forwardedFor("233.252.0.1")).want(t, 201, "")
		const kept = "192.0.2.0/24 203.0.113.9/32 198.51.100.0/24 100.64.0.0/10 10.0.0.0/8 2001:db8::/48 2001:db8:1::5/128"
		id, key := made.str("id"), bearer(made.str("key"))
		for _, shown := range []answer{made, d.call(t, "GetKey", args{"id": id}, bearer(admin)).want(t, 200, "")} {
			if got := networksOf(shown); got != kept {
				t.Errorf("kept are %s, want %s", got, kept)
			}
		}
		for _, address := range []string{
			"192.0.2.1", "::ffff:192.0.2.255", "203.0.113.9:4711", "[64:ff9b::203.0.113.9]:4711", "64:ff9b:1:2::198.51.100.3", "2001:db8:0:1::", "2001:db8:1::5",
		} {
			d.call(t, "ListUsers", nil, key, forwardedFor(address)).want(t, 200, "")
		}
		for address, named := range map[string]string{
			"192.0.3.0": "192.0.3.0", "::ffff:192.0.1.255": "192.0.1.255", "64:ff9b::203.0.113.8": "203.0.113.8", "64:ff9b:1::203.0.113.10": "203.0.113.10",
			"2001:db8:2::": "2001:db8:2::", "2001:db8:1::6": "2001:db8:1::6", "::192.0.2.1": "::c000:201", "unknown": "127.0.0.1",
		} {
			a := d.call(t, "ListUsers", nil, key, forwardedFor(address)).want(t, 403, "network_not_allowed")
			if !strings.Contains(a.Detail, "from "+named+",") || !strings.Contains(a.Detail, "UpdateKey") || !strings.HasPrefix(a.Header.Get("RateLimit-Policy"), `"address"`) {
				t.Errorf("from %s: %s, limit %q", address, a.Detail, a.Header.Get("RateLimit-Policy"))
			}
		}
		if used := d.call(t, "GetKey", args{"id": id}, bearer(admin)).want(t, 200, "").str("last_used_ip"); used != "2001:db8:1::5" {
			t.Errorf("last used from %s", used)
		}
		a := usageOf(t, d, "GetKeyUsage", args{"id": id}, 15, bearer(admin))
		wantNamed(t, "operations", a.named("operations", "operation"), map[string][4]float64{"ListUsers": {15, 8, 0, 0}})
		rows := n.auditRowsWith(t, "network_not_allowed")
		if len(rows) != 8 || rows[0].action != "key.use" || rows[0].actor != "key:"+id || rows[0].subject != "key:"+id || rows[0].ip == "" {
			t.Errorf("audited are %v", rows)
		}
	}, unlimited, behindProxy)
}

// auditRowsWith returns the audit rows with the outcome.
func (n *node) auditRowsWith(t *testing.T, outcome string) []auditRow {
	t.Helper()
	return slices.DeleteFunc(n.auditRows(t), func(r auditRow) bool { return r.outcome != outcome })
}

// TestNetworksBindEveryUseOfAKey checks that no way to present a key is left out, before and after the
// list changes, and that the list binds nobody but the key.
func TestNetworksBindEveryUseOfAKey(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin := n.admin(t, d)
		dev, home, away := bearer(admin), forwardedFor("192.0.2.1"), forwardedFor("203.0.113.1")
		user := n.newUser(t, d, admin)
		app, appSecret := n.newApp(t, d, admin)
		id, secret := n.newKey(t, d, admin, nil)
		key := bearer(secret)
		update := func(networks any) answer {
			return d.call(t, "UpdateKey", args{"id": id, "allowed_networks": networks}, dev, away).want(t, 200, "")
		}
		d.call(t, "ListUsers", nil, key, away).want(t, 200, "") // it is cached now
		update([]string{"192.0.2.1"})
		for _, o := range []option{key, header("Authorization", secret), header("X-Open-Wearables-API-Key", secret)} {
			d.call(t, "ListUsers", nil, o, away).want(t, 403, "network_not_allowed")
			d.call(t, "CreateUserToken", args{"user_id": user}, o, away).want(t, 403, "network_not_allowed")
			d.call(t, "ListUsers", nil, o, home).want(t, 200, "")
			d.call(t, "ListUsers", nil, o, away).want(t, 403, "network_not_allowed") // also from the cache
		}
		minted := d.call(t, "CreateUserToken", args{"user_id": user}, key, home).want(t, 200, "").str("access_token")
		d.call(t, "GetUser", args{"id": user}, bearer(minted), away).want(t, 200, "") // the token is the user's
		// An application in the body is what counts.
		d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": appSecret}, key, away).want(t, 200, "")

		d.call(t, "UpdateKey", args{"id": id, "allowed_networks": nil}, key, away).want(t, 403, "network_not_allowed")
		d.call(t, "UpdateKey", args{"id": id, "allowed_networks": nil}, key, home).want(t, 403, "credential_not_allowed")
		d.call(t, "UpdateKey", args{"id": id, "name": "other"}, dev).want(t, 200, "")
		rotated := d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 60}, dev, away).want(t, 201, "")
		for _, o := range []option{key, bearer(rotated.str("key"))} {
			d.call(t, "ListUsers", nil, o, away).want(t, 403, "network_not_allowed")
			d.call(t, "ListUsers", nil, o, home).want(t, 200, "")
		}
		if got := networksOf(rotated); got != "192.0.2.1/32" {
			t.Errorf("after a rotation its networks are %q", got)
		}
		update([]string{"192.0.2.1", "203.0.113.0/24"})
		d.call(t, "ListUsers", nil, key, away).want(t, 200, "")
		for _, none := range []any{nil, []string{}} {
			update([]string{"192.0.2.1"})
			d.call(t, "ListUsers", nil, key, away).want(t, 403, "network_not_allowed")
			if got := networksOf(update(none)); got != "" {
				t.Errorf("cleared with %v they are %q", none, got)
			}
			d.call(t, "ListUsers", nil, key, away).want(t, 200, "")
		}
		update([]string{"0.0.0.0/0"})
		d.call(t, "ListUsers", nil, key, away).want(t, 200, "")
		d.call(t, "ListUsers", nil, key, forwardedFor("2001:db8::1")).want(t, 403, "network_not_allowed")
		// A stranger in the wrong network learns nothing of a key that has ended.
		d.call(t, "UpdateKey", args{"id": id, "enabled": false}, dev).want(t, 200, "")
		d.call(t, "ListUsers", nil, key, forwardedFor("2001:db8::1")).want(t, 401, "invalid_api_key")
	}, unlimited, behindProxy)
}

// TestNetworksAreChecked checks that each item that is no network, or that another one holds, is named
// with what it must be.
func TestNetworksAreChecked(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin := n.admin(t, d)
		id, _ := n.newKey(t, d, admin, nil)
		for _, c := range []struct {
			networks []string
			field    string
			said     string
		}{
			{[]string{"192.0.2.0/33"}, "[0]", "such as 192.0.2.0/24"},
			{[]string{"192.0.2.1", "example.com"}, "[1]", "such as 192.0.2.7"},
			{[]string{"10.0.0.1:80"}, "[0]", "must be an address"},
			{[]string{"10.0.0"}, "[0]", "must be an address"},
			{[]string{"10.0.0.0/255.0.0.0"}, "[0]", "must be an address"},
			{[]string{"010.0.0.1"}, "[0]", "must be an address"},
			{[]string{" 10.0.0.1"}, "[0]", "must be an address"},
			{[]string{"fe80::1%eth0"}, "[0]", "must be an address"},
			{[]string{"fe80::1%eth0/64"}, "[0]", "must be an address"},
			{[]string{""}, "[0]", "must be an address"},
			{[]string{"*"}, "[0]", "must be an address"},
			{[]string{"::ffff:10.0.0.0/90"}, "[0]", "must be the IPv4 network"},
			{[]string{"64:ff9b::/90"}, "[0]", "must be the IPv4 network"},
			{[]string{"64:ff9b:1::/48"}, "[0]", "must be the IPv4 network"},
			{[]string{"10.0.0.0/8", "10.1.2.3"}, "[1]", "allowed_networks[0]"},
			{[]string{"10.1.2.3", "192.0.2.1", "10.0.0.0/8"}, "[2]", "allowed_networks[0]"},
			{[]string{"192.0.2.1", "::ffff:192.0.2.1"}, "[1]", "allowed_networks[0]"},
		} {
			for _, operation := range []string{"CreateKey", "UpdateKey"} {
				in := args{"allowed_networks": c.networks}
				if operation == "UpdateKey" {
					in["id"] = id
				}
				a := d.call(t, operation, in, bearer(admin)).want(t, 422, "invalid_request")
				if !slices.Equal(a.Fields, []string{"allowed_networks" + c.field}) || !strings.Contains(a.Detail, c.said) {
					t.Errorf("%s %v: %v %s", operation, c.networks, a.Fields, a.Detail)
				}
			}
		}
		var many []string
		for i := range 33 {
			many = append(many, fmt.Sprintf("10.0.0.%d", i))
		}
		n.newKey(t, d, admin, args{"allowed_networks": many[:32]})
		if a := d.call(t, "CreateKey", args{"allowed_networks": many}, bearer(admin)).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{"allowed_networks"}) {
			t.Errorf("33 networks: %v", a.Fields)
		}
		if got := networksOf(d.call(t, "CreateKey", args{"allowed_networks": []string{}}, bearer(admin)).want(t, 201, "")); got != "" {
			t.Errorf("an empty list becomes %q", got)
		}
	}, unlimited)
}

// TestNetworksChangeOnEveryNode checks that a list which changes on one node counts on all of them, for
// every request that starts after the answer.
func TestNetworksChangeOnEveryNode(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 3, func(t *testing.T, nodes []*node) {
		d := nodes[0].drivers()[0]
		admin := nodes[0].admin(t, d)
		id, secret := nodes[0].newKey(t, d, admin, nil)
		for round := range 6 {
			networks, status := []string{"192.0.2.0/24"}, http.StatusForbidden
			if round%2 == 1 {
				networks, status = []string{"127.0.0.0/8"}, http.StatusOK
			}
			nodes[round%3].drivers()[round%3].call(t, "UpdateKey", args{"id": id, "allowed_networks": networks}, bearer(admin)).want(t, 200, "")
			for again := range 9 { // some of the answers come from a cache
				if got := nodes[again%3].statusOf(t, secret); got != status {
					t.Errorf("round %d: node %d answers %d, want %d", round, again%3, got, status)
				}
			}
		}
		update := func(networks ...string) {
			d.call(t, "UpdateKey", args{"id": id, "allowed_networks": networks}, bearer(admin)).want(t, 200, "")
		}
		update("192.0.2.1")
		for _, n := range nodes {
			n.drivers()[0].call(t, "ListUsers", nil, bearer(secret), forwardedFor("192.0.2.1")).want(t, 200, "")
			n.drivers()[0].call(t, "ListUsers", nil, bearer(secret), forwardedFor("203.0.113.1")).want(t, 403, "network_not_allowed")
		}
		update("192.0.2.1", "203.0.113.1")
		for _, n := range nodes { // although they hold the narrow list for the other address
			n.drivers()[0].call(t, "ListUsers", nil, bearer(secret), forwardedFor("203.0.113.1")).want(t, 200, "")
		}
	}, unlimited, behindProxy)
}

// TestRefusedUseSpendsNothingOfTheKey checks that whoever has a key outside its networks cannot use up
// its limit, and is limited by address.
func TestRefusedUseSpendsNothingOfTheKey(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin := n.admin(t, d)
		id, secret := n.newKey(t, d, admin, args{"allowed_networks": []string{"192.0.2.1"}})
		for range 3 {
			d.call(t, "ListUsers", nil, bearer(secret), forwardedFor("203.0.113.1")).want(t, 403, "network_not_allowed")
		}
		d.call(t, "ListUsers", nil, bearer(secret), forwardedFor("203.0.113.1")).want(t, 429, "rate_limited")
		for range 2 {
			d.call(t, "ListUsers", nil, bearer(secret), forwardedFor("192.0.2.1")).want(t, 200, "")
		}
		d.call(t, "ListUsers", nil, bearer(secret), forwardedFor("192.0.2.1")).want(t, 429, "rate_limited")
		if rows := n.auditRowsWith(t, "network_not_allowed"); len(rows) != 3 || rows[0].subject != "key:"+id {
			t.Errorf("audited are %v", rows)
		}
	}, behindProxy, func(c *server.Config) { c.Auth.Limits.Key.Limit, c.Auth.Limits.Address.Limit = 2, 3 })
}

// TestAnUnrecordedRefusalIsNoAdmission checks that a use which cannot be audited is refused all the same.
func TestAnUnrecordedRefusalIsNoAdmission(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin := n.admin(t, d)
		_, secret := n.newKey(t, d, admin, args{"allowed_networks": []string{"192.0.2.1"}})
		d.call(t, "ListUsers", nil, bearer(secret), forwardedFor("192.0.2.1")).want(t, 200, "")
		unlock := n.lockDatabase(t)
		a := d.call(t, "ListUsers", nil, bearer(secret), forwardedFor("203.0.113.1"))
		unlock()
		a.want(t, 503, "unavailable")
		d.call(t, "ListUsers", nil, bearer(secret), forwardedFor("203.0.113.1")).want(t, 403, "network_not_allowed")
	}, unlimited, behindProxy)
}
