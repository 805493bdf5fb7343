package scenario_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/credential"
)

// TestExplainAccess checks which check is named, and that asking leaves no trace with the credential.
func TestExplainAccess(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		token, _ := n.exchange(t, d, v.user, v.app, v.secret)
		names := []string{"form", "signature", "known", "ended", "expired", "network", "limit", "environment", "kind", "scope", "ownership"}
		explain := func(failed, secret string, in args) {
			t.Helper()
			in["credential"] = secret
			a := d.call(t, "ExplainAccess", in, v.asks).want(t, 200, "")
			at := slices.Index(names, failed)
			if valid := a.Body.(map[string]any)["verification"].(map[string]any)["valid"] == true; valid != (at < 0) {
				t.Errorf("%v, but %q failed", valid, failed)
			}
			if len(a.list("checks")) != len(names) {
				t.Fatalf("%d checks", len(a.list("checks")))
			}
			for i, item := range a.list("checks") {
				c := item.(map[string]any)
				want := "passed"
				if at >= 0 && i == at {
					want = "failed"
				} else if at >= 0 && i > at {
					want = "not_reached"
				}
				if c["name"] != names[i] || c["outcome"] != want || c["description"] == "" || (c["fix"] != nil) != (want == "failed") {
					t.Errorf("check %d is %v, want %s %s", i, c, names[i], want)
				}
			}
		}
		explain("", v.key, args{"operation": "ListWorkouts", "user_id": v.user})
		explain("form", "x", args{})
		explain("form", v.secret, args{})
		explain("signature", v.admin[:len(v.admin)-4]+"AAAA", args{})
		explain("known", credential.Mint(credential.LiveKey), args{})
		explain("environment", v.key, args{"environment": "test", "operation": "CreateKey"})
		explain("kind", v.key, args{"operation": "CreateKey"})
		explain("scope", v.key, args{"operation": "CreateUser"})
		explain("ownership", token, args{"user_id": uuid.NewString()})
		k := d.call(t, "GetKey", args{"id": v.keyID}, bearer(v.admin)).want(t, 200, "")
		holds(t, k, args{"last_used_at": nil, "last_used_ip": nil})

		d.call(t, "UpdateKey", args{"id": v.keyID, "allowed_networks": []string{"192.0.2.7"}}, bearer(v.admin)).want(t, 200, "")
		explain("network", v.key, args{})
		d.call(t, "UpdateKey", args{"id": v.keyID, "enabled": false}, bearer(v.admin)).want(t, 200, "")
		explain("ended", v.key, args{})
		d.call(t, "RevokeUserTokens", args{"user_id": v.user}, bearer(v.admin)).want(t, 204, "")
		explain("ended", token, args{})
		n.clock.advance(2 * time.Hour)
		explain("expired", v.admin, args{})
	}, unlimited)
}

// TestVerifyKnowsOfAnEndAtOnce checks that no node calls a credential good once its end was answered,
// on any node, whether or not the verification spends.
func TestVerifyKnowsOfAnEndAtOnce(t *testing.T) {
	onEachCluster(t, 2, func(t *testing.T, nodes []*node) {
		for name, make := range credentialEnds {
			t.Run(name, func(t *testing.T) {
				here, there := nodes[0], nodes[1]
				d, away := here.drivers()[0], there.drivers()[1]
				secret, end := make(t, here, d, bearer(here.admin(t, d)))
				asks := bearer(here.admin(t, d))
				verify := func(d driver, spend bool) bool {
					t.Helper()
					a := d.call(t, "VerifyCredential", args{"credential": secret, "spend": spend}, asks).want(t, 200, "")
					return a.Body.(map[string]any)["valid"] == true
				}
				for _, spend := range []bool{false, true, false, true} {
					if !verify(d, spend) || !verify(away, spend) {
						t.Fatal("a live credential is not valid")
					}
				}
				end(t, d)
				for _, spend := range []bool{false, true} {
					if verify(away, spend) || verify(d, spend) {
						t.Error("a credential is called valid after its end was answered")
					}
				}
			})
		}
	}, unlimited)
}

// TestVerifiedCredentialsLeaveNoTrace checks that neither the log nor the audit trail holds a credential
// that was asked about.
func TestVerifiedCredentialsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		v := newVerifying(t, n, d)
		token, refresh := n.exchange(t, d, v.user, v.app, v.secret)
		secrets := []string{v.key, token, refresh, credential.Mint(credential.LiveKey), "hunter2-hunter2"}
		before := len(n.auditRows(t))
		for _, secret := range secrets {
			d.call(t, "VerifyCredential", args{"credential": secret}, v.asks).want(t, 200, "")
			d.call(t, "ExplainAccess", args{"credential": secret}, v.asks).want(t, 200, "")
			d.call(t, "VerifyCredential", args{"credential": secret, "scope": secret}, v.asks).want(t, 422, "invalid_request").noSecret(t)
		}
		if after := len(n.auditRows(t)); after != before {
			t.Errorf("%d audit rows of verifications", after-before)
		}
		for _, secret := range secrets {
			if strings.Contains(n.log.String(), secret[8:]) {
				t.Errorf("the log holds %s", secret[:8])
			}
		}
	}, unlimited)
}
