package scenario_test

import (
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// TestVerifySpends checks what counts against the limit of a credential, and that one that is used up
// is told.
func TestVerifySpends(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		standing := func(a answer) float64 {
			t.Helper()
			limit, _ := a.Body.(map[string]any)["limit"].(map[string]any)
			if limit["limit"] != 20.0 || limit["reset_at"] == nil {
				t.Fatalf("the limit is %v", limit)
			}
			return limit["remaining"].(float64)
		}
		for range 3 {
			if left := standing(v.verify(t, "valid", v.key)); left != 20 {
				t.Fatalf("%v are left after none was spent", left)
			}
		}
		for i := range 19 {
			if left := standing(v.verify(t, "valid", v.key, "spend", true)); left != float64(19-i) {
				t.Fatalf("%v are left after %d", left, i+1)
			}
		}
		a := v.verify(t, "insufficient_scope", v.key, "spend", true, "scope", "tokens:write")
		if standing(a) != 0 {
			t.Errorf("one that is refused for its scope did not count")
		}
		for _, spend := range []bool{false, true} {
			a = v.verify(t, "rate_limited", v.key, "spend", spend)
			holds(t, a, args{"subject": "key:" + v.keyID})
		}
		d.call(t, "ListUsers", nil, bearer(v.key)).want(t, 429, "rate_limited")
		d.call(t, "UpdateKey", args{"id": v.keyID, "enabled": false}, bearer(v.admin)).want(t, 200, "")
		v.verify(t, "disabled", v.key)
		n.clock.advance(time.Minute)
		d.call(t, "UpdateKey", args{"id": v.keyID, "enabled": true}, bearer(v.admin)).want(t, 200, "")
		v.verify(t, "valid", v.key)
	}, smallLimits)
}

// TestVerifyHasLimitsOfItsOwn checks that a key which asks spends the limit of verifications and not its
// own, and that credentials that were not made here are bounded, by their address.
func TestVerifyHasLimitsOfItsOwn(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		wrong := func(status int, reason, ip string) answer {
			t.Helper()
			in := args{"credential": credential.Mint(credential.LiveKey)}
			if ip != "" {
				in["ip"] = ip
			}
			return d.call(t, "VerifyCredential", in, v.asks).want(t, status, reason)
		}
		v.verify(t, "valid", v.key)
		for range 5 {
			if b := bucketOf(t, wrong(200, "", "").Header, n.clock.now()); b.name != "verify" {
				t.Fatalf("a verification spends %q", b.name)
			}
		}
		for range 2 {
			if a := wrong(429, "rate_limited", ""); bucketOf(t, a.Header, n.clock.now()).name != "verify-refused" || a.Header.Get("Retry-After") == "" {
				t.Errorf("the refusal describes %q", a.Header.Get("RateLimit"))
			}
		}
		v.verify(t, "valid", v.key) // verified lately
		v.verify(t, "malformed", v.key+"0")
		_, fresh := n.newKey(t, d, v.admin, nil)
		d.call(t, "VerifyCredential", args{"credential": fresh}, v.asks).want(t, 429, "rate_limited")
		for range 5 {
			wrong(200, "", "192.0.2.1")
		}
		wrong(429, "rate_limited", "192.0.2.1")
		v.verify(t, "valid", fresh, "ip", "192.0.2.2")
		wrong(200, "", "192.0.2.2")
		d.call(t, "VerifyCredential", args{"credential": credential.Mint(credential.LiveKey)}, bearer(v.admin)).want(t, 200, "")

		n.clock.advance(time.Minute)
		for range 40 {
			v.verify(t, "valid", v.key)
		}
		if b := bucketOf(t, d.call(t, "VerifyCredential", args{"credential": v.key}, v.asks).want(t, 429, "rate_limited").Header, n.clock.now()); b.name != "verify" || b.limit != 40 {
			t.Errorf("the limit of verifications is %+v", b)
		}
	}, func(c *server.Config) {
		c.Auth.Limits.Verify.Limit, c.Auth.Limits.VerifyRefused.Limit = 40, 5
		c.Auth.Limits.Key.Limit = 3
	})
}
