package scenario_test

import (
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

var pairingForm = regexp.MustCompile(`^[A-HJ-NP-Z2-9]{8}$`)

// pairingAnswer matches what is kept of an answer with a code.
var pairingAnswer = regexp.MustCompile(`"Code":"[A-HJ-NP-Z2-9]{8}"`)

// pairingCode makes a pairing code for a user.
func (n *node) pairingCode(t *testing.T, d driver, access, user string) answer {
	t.Helper()
	return d.call(t, "CreatePairingCode", args{"user_id": user}, bearer(access)).want(t, 201, "")
}

// redeem trades a pairing code for a pair.
func redeem(t *testing.T, d driver, code string) answer {
	t.Helper()
	return d.call(t, "RedeemPairingCode", args{"code": code}).want(t, 200, "")
}

// TestPairingCodeIsRedeemed pairs phones, whose codes are typed in many ways.
func TestPairingCodeIsRedeemed(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		me := d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "").str("id")
		keyID, key := n.newKey(t, d, access, nil)
		user := n.newUser(t, d, access)
		for _, typed := range []func(string) string{
			func(code string) string { return code },
			strings.ToLower,
			func(code string) string { return " " + code[:4] + " - " + code[4:] + "\t" },
			func(code string) string { return code[:2] + "\u2013" + code[2:] + "\u00a0" },
		} {
			made := n.pairingCode(t, d, access, user)
			if !pairingForm.MatchString(made.str("code")) || made.str("user_id") != user {
				t.Fatalf("made %v", made.Body)
			}
			if made.timeOf(t, "expires_at").Sub(made.timeOf(t, "created_at")) != 7*24*time.Hour {
				t.Errorf("made %v", made.Body)
			}
			pair := redeem(t, d, typed(made.str("code")))
			if pair.str("user_id") != user {
				t.Errorf("paired %v", pair.Body)
			}
			if got := claims(t, pair.str("access_token"))["app_id"]; got != "invite:"+me {
				t.Errorf("the app_id is %v", got)
			}
			d.call(t, "GetUser", args{"id": user}, bearer(pair.str("access_token"))).want(t, 200, "")
			next := d.call(t, "RefreshToken", args{"refresh_token": pair.str("refresh_token")}).want(t, 200, "")
			d.call(t, "GetUser", args{"id": user}, bearer(next.str("access_token"))).want(t, 200, "")
			a := d.call(t, "RedeemPairingCode", args{"code": made.str("code")}).want(t, 404, "not_found")
			if a.Detail != "Invalid or expired invitation code" && d.name() == "rest" {
				t.Errorf("a used code is answered %v", a.Body)
			}
		}
		pair := redeem(t, d, n.pairingCode(t, d, key, user).str("code"))
		if got := claims(t, pair.str("access_token"))["app_id"]; got != "invite:key:"+keyID {
			t.Errorf("the app_id is %v", got)
		}
		by := map[any]any{}
		for _, s := range d.call(t, "ListUserSessions", args{"user_id": user}, bearer(access)).want(t, 200, "").Body.([]any) {
			by[s.(map[string]any)["minted_by"]] = s.(map[string]any)["minter_id"]
		}
		if by["developer"] != me || by["key"] != keyID {
			t.Errorf("sessions are of %v", by)
		}
	}, unlimited)
}

// TestPairingCodeEnds checks what ends a code that was not used. All are answered alike.
func TestPairingCodeEnds(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		admin := func() string { access, _ = n.login(t, d); return access }
		user := n.newUser(t, d, access)
		refused := func(code, why string) {
			t.Helper()
			if a := d.call(t, "RedeemPairingCode", args{"code": code}); a.Status != 404 || a.Reason != "not_found" {
				t.Errorf("a code that %s is answered %d %s", why, a.Status, a.Reason)
			}
		}
		for _, short := range []string{"ABCDEFG", "ABCDEFGHJ", " - - "} {
			d.call(t, "RedeemPairingCode", args{"code": short}).want(t, 422, "invalid_request")
		}
		refused("ABCDEFGH", "is unknown")
		refused("IO01IO01", "cannot be")

		first := n.pairingCode(t, d, access, user).str("code")
		second := n.pairingCode(t, d, access, user).str("code")
		refused(first, "was replaced")
		redeem(t, d, second)
		old := n.pairingCode(t, d, access, user).str("code")
		n.clock.advance(7*24*time.Hour - time.Second)
		aged := n.pairingCode(t, d, admin(), n.newUser(t, d, access)).str("code")
		n.clock.advance(time.Second)
		refused(old, "is over")
		redeem(t, d, aged)

		gone := n.newUser(t, d, admin())
		ofGone := n.pairingCode(t, d, access, gone).str("code")
		d.call(t, "DeleteUser", args{"id": gone}, bearer(access)).want(t, 200, "")
		refused(ofGone, "is of a deleted user")

		ofEnded := n.pairingCode(t, d, access, user).str("code")
		d.call(t, "RevokeUserTokens", args{"user_id": user}, bearer(access)).want(t, 204, "")
		refused(ofEnded, "was made before the tokens of its user were ended")

		keyID, key := n.newKey(t, d, access, nil)
		ofKey := n.pairingCode(t, d, key, user).str("code")
		d.call(t, "UpdateKey", args{"id": keyID, "scopes": []string{"users:read"}}, bearer(access)).want(t, 200, "")
		refused(ofKey, "was made by a key that may not mint any more")
		d.call(t, "UpdateKey", args{"id": keyID, "scopes": []string{"tokens:write"}, "enabled": false}, bearer(access)).want(t, 200, "")
		refused(ofKey, "was made by a key that is disabled")
		d.call(t, "UpdateKey", args{"id": keyID, "enabled": true}, bearer(access)).want(t, 200, "")
		redeem(t, d, ofKey)

		_, email, theirs := n.join(t, d)
		ofThem := n.pairingCode(t, d, theirs, user).str("code")
		d.call(t, "RevokeOtherSessions", nil, bearer(theirs)).want(t, 204, "")
		refused(ofThem, "was made before other sessions were ended")
		ofThem = n.pairingCode(t, d, theirs, user).str("code")
		if err := n.server.Auth().Developers.Disable(t.Context(), email); err != nil {
			t.Fatal(err)
		}
		if err := n.server.Auth().Developers.Enable(t.Context(), email); err != nil {
			t.Fatal(err)
		}
		refused(ofThem, "was made by a developer who was disabled")
	}, unlimited)
}

// TestPairedPhoneEnds checks with what the tokens of a paired phone end, and with what not.
func TestPairedPhoneEnds(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		user := n.newUser(t, d, access)
		id, _, theirs := n.join(t, d)
		byDeveloper := redeem(t, d, n.pairingCode(t, d, theirs, user).str("code"))
		keyID, key := n.newKey(t, d, access, nil)
		byKey := redeem(t, d, n.pairingCode(t, d, key, user).str("code"))
		status := func(pair answer) int {
			t.Helper()
			return d.call(t, "GetUser", args{"id": user}, bearer(pair.str("access_token"))).Status
		}
		d.call(t, "Logout", nil, bearer(theirs)).want(t, 200, "")
		if got := status(byDeveloper); got != 200 {
			t.Errorf("the developer's logout ends the phone: %d", got)
		}
		d.call(t, "DeleteDeveloper", args{"id": id}, bearer(access)).want(t, 200, "")
		if got := status(byDeveloper); got != 401 {
			t.Errorf("without its developer, the phone is answered %d", got)
		}
		d.call(t, "RefreshToken", args{"refresh_token": byDeveloper.str("refresh_token")}).want(t, 401, "invalid_refresh_token")
		if got := status(byKey); got != 200 {
			t.Errorf("another developer's end ends the phone: %d", got)
		}
		d.call(t, "DeleteKey", args{"id": keyID}, bearer(access)).want(t, 200, "")
		if got := status(byKey); got != 401 {
			t.Errorf("without its key, the phone is answered %d", got)
		}
	}, unlimited)
}

// TestPairingCodeIsRetried checks that an app which lost the answer gets it again.
func TestPairingCodeIsRetried(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		code := args{"code": n.pairingCode(t, d, access, n.newUser(t, d, access)).str("code")}
		first := d.call(t, "RedeemPairingCode", code, idempotent("k")).want(t, 200, "")
		again := d.call(t, "RedeemPairingCode", args{"code": strings.ToLower(code["code"].(string))}, idempotent("k")).want(t, 200, "")
		if first.str("refresh_token") != again.str("refresh_token") || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Error("the retry got another session")
		}
		d.call(t, "RedeemPairingCode", code, idempotent("other")).want(t, 404, "not_found")
		d.call(t, "RedeemPairingCode", args{"code": "ABCDEFGH"}, idempotent("k")).want(t, 404, "not_found")
		n.clock.advance(11 * time.Minute)
		d.call(t, "RedeemPairingCode", code, idempotent("k")).want(t, 404, "not_found")
	}, unlimited)
}

// TestPairingCodeHasOneWinner lets contenders redeem each of some codes at once, on two nodes.
func TestPairingCodeHasOneWinner(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2, unlimited)
	drivers := []driver{nodes[0].drivers()[0], nodes[1].drivers()[1]}
	access, _ := nodes[0].login(t, drivers[0])
	for range 5 {
		user := nodes[0].newUser(t, drivers[0], access)
		code := nodes[0].pairingCode(t, drivers[0], access, user).str("code")
		var won, late atomic.Int64
		concurrently(24, func(i int) {
			switch a := drivers[i%2].call(t, "RedeemPairingCode", args{"code": code}); a.Status {
			case 200:
				won.Add(1)
			case 404:
				late.Add(1)
			default:
				t.Errorf("answer %d %s", a.Status, a.Reason)
			}
		})
		if won.Load() != 1 || late.Load() != 23 {
			t.Errorf("%d won, %d were late", won.Load(), late.Load())
		}
		sessions := drivers[1].call(t, "ListUserSessions", args{"user_id": user}, bearer(access)).want(t, 200, "").Body.([]any)
		if len(sessions) != 1 {
			t.Errorf("the user has %d sessions", len(sessions))
		}
	}
}

// TestPairingRacesWithTheEndOfItsDeveloper checks that no phone outlives the developer who paired it.
func TestPairingRacesWithTheEndOfItsDeveloper(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2, unlimited)
	a, b := nodes[0].drivers()[0], nodes[1].drivers()[0]
	access, _ := nodes[0].login(t, a)
	for range 4 {
		id, _, theirs := nodes[0].join(t, a)
		const phones = 6
		var codes, users [phones]string
		for i := range phones {
			users[i] = nodes[0].newUser(t, a, access)
			codes[i] = nodes[0].pairingCode(t, a, theirs, users[i]).str("code")
		}
		var paired [phones]answer
		concurrently(phones+1, func(i int) {
			if i == phones {
				a.call(t, "DeleteDeveloper", args{"id": id}, bearer(access)).want(t, 200, "")
			} else if paired[i] = b.call(t, "RedeemPairingCode", args{"code": codes[i]}); paired[i].Status != 200 && paired[i].Status != 404 {
				t.Errorf("answer %d %s", paired[i].Status, paired[i].Reason)
			}
		})
		for i, p := range paired {
			if p.Status == 200 {
				b.call(t, "GetUser", args{"id": users[i]}, bearer(p.str("access_token"))).want(t, 401, "invalid_token")
			}
		}
	}
}

// TestPairingGuessesAreLimited checks that refused codes spend the limit of their address and that of
// all addresses, and that good ones spend neither.
func TestPairingGuessesAreLimited(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, behindLoopbackProxy, func(c *server.Config) {
		c.Auth.Limits.Pairing.Limit, c.Auth.Limits.Pairings.Limit = 4, 6
	})
	d := n.drivers()[0]
	access, _ := n.login(t, d)
	from := func(address, code string) answer {
		return d.call(t, "RedeemPairingCode", args{"code": code}, header("X-Forwarded-For", address))
	}
	user := n.newUser(t, d, access)
	for range 8 {
		from("192.0.2.1", n.pairingCode(t, d, access, user).str("code")).want(t, 200, "")
	}
	for range 4 {
		from("192.0.2.1", "ABCDEFGH").want(t, 404, "not_found")
	}
	good := n.pairingCode(t, d, access, user).str("code")
	from("192.0.2.1", good).want(t, 429, "rate_limited")
	for range 2 {
		from("192.0.2.2", "ABCDEFGH").want(t, 404, "not_found")
	}
	if a := from("192.0.2.3", good).want(t, 429, "rate_limited"); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	n.clock.advance(time.Minute)
	from("192.0.2.3", good).want(t, 200, "")
}
