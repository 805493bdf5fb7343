package scenario_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/credential"
)

// keyIDOf returns the kid of a token.
func keyIDOf(t *testing.T, token string) string {
	t.Helper()
	kid, _ := tokenPart(t, token, 0)["kid"].(string)
	return kid
}

// TestEndedSigningKeyIsRefusedAtOnce ends the signing key of tokens that are cached on every
// surface. No token of the key is accepted any more, sessions live on, and another key signs.
func TestEndedSigningKeyIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, signedWith(credential.EdDSA))
	ds := n.drivers()
	signing := n.server.Auth().Signing
	access, refresh := n.login(t, ds[0])
	_, key := n.newKey(t, ds[0], access, nil)
	for round := range 3 {
		for _, d := range ds {
			d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "")
		}
		kid := keyIDOf(t, access)
		if err := signing.Revoke(t.Context(), kid); err != nil {
			t.Fatal(err)
		}
		for _, d := range ds {
			d.call(t, "GetMe", nil, bearer(access)).want(t, 401, "invalid_token")
			d.call(t, "ListUsers", nil, bearer(key)).want(t, 200, "")
		}
		ds[round].call(t, "RevokeToken", args{"refresh_token": access}).want(t, 204, "") // ends nothing
		pair := ds[round].call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
		access, refresh = pair.str("access_token"), pair.str("refresh_token")
		if keys := n.jwks(t); len(keys) != 2 || keys[kid].Kid != "" || keys[keyIDOf(t, access)].Kid == "" {
			t.Errorf("published are %v", keys)
		}
	}
	err := signing.Revoke(t.Context(), "nothing")
	if err == nil || !strings.Contains(fmt.Sprint(err), keyIDOf(t, access)+" (active)") {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestEndOfEachSigningKey ends keys that do not sign: the next one is replaced, a retired one takes
// its tokens along, and the active one signs on. Each end leaves an audit row.
func TestEndOfEachSigningKey(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, signedWith(credential.ES256))
	d := n.drivers()[0]
	signing := n.server.Auth().Signing
	old, _ := n.login(t, d)
	if err := signing.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	access, _ := n.login(t, d)
	retired, active, next := keyIDOf(t, old), keyIDOf(t, access), ""
	for kid := range n.jwks(t) {
		if kid != retired && kid != active {
			next = kid
		}
	}
	d.call(t, "GetMe", nil, bearer(old)).want(t, 200, "")
	for _, kid := range []string{next, retired} {
		if err := signing.Revoke(t.Context(), kid); err != nil {
			t.Fatal(err)
		}
	}
	d.call(t, "GetMe", nil, bearer(old)).want(t, 401, "invalid_token")
	d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "")
	if again, _ := n.login(t, d); keyIDOf(t, again) != active {
		t.Error("the end of another key changed the active one")
	}
	if keys := n.jwks(t); len(keys) != 2 || keys[active].Kid == "" || keys[next].Kid != "" {
		t.Errorf("published are %v", keys)
	}
	var rows []string
	for _, r := range n.auditRows(t) {
		if r.action == "signing_key.revoke" {
			rows = append(rows, r.outcome+" "+r.actor+" "+r.subject)
		}
	}
	if want := []string{"ok operator signing_key:" + next, "ok operator signing_key:" + retired}; !slices.Equal(rows, want) {
		t.Errorf("recorded are %v, want %v", rows, want)
	}
}

// TestRetiredSigningKeyEndsInTime forges tokens with a retired key. They are accepted while its own
// tokens may be, and refused from then on without another rotation.
func TestRetiredSigningKeyEndsInTime(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	access, _ := n.login(t, d)
	_, secret := n.signingKey(t)
	f := forger{secret, tokenPart(t, access, 0), tokenPart(t, access, 1)}
	if err := n.server.Auth().Signing.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		later  time.Duration
		status int
	}{{0, 200}, {24 * time.Hour, 200}, {2 * time.Minute, 401}} {
		n.clock.advance(c.later)
		now := n.clock.now().Unix()
		forged := f.withClaims(t, args{"iat": now, "nbf": now, "exp": now + 3600})
		if a := d.call(t, "GetMe", nil, bearer(forged)); a.Status != c.status {
			t.Errorf("after another %v a token of the retired key is %d %s", c.later, a.Status, a.Reason)
		}
	}
}

// TestEndedSigningKeyIsRefusedOnEveryNode ends a signing key on one node. The others refuse its
// tokens, cached or not, within the time that the command waits, and sign with the same new key.
func TestEndedSigningKeyIsRefusedOnEveryNode(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 3, func(t *testing.T, nodes []*node) {
		access, refresh := nodes[0].login(t, nodes[0].drivers()[0])
		unused, _ := nodes[1].login(t, nodes[1].drivers()[0])
		use := func(until time.Time) {
			for time.Now().Before(until) {
				for _, n := range nodes {
					n.statusOf(t, access)
				}
			}
		}
		use(time.Now().Add(time.Second))
		for _, n := range nodes {
			if status := n.statusOf(t, access); status != http.StatusOK {
				t.Errorf("before the end a token is %d", status)
			}
		}
		if err := nodes[0].server.Auth().Signing.Revoke(t.Context(), keyIDOf(t, access)); err != nil {
			t.Fatal(err)
		}
		if status := nodes[0].statusOf(t, access); status != http.StatusUnauthorized {
			t.Errorf("on its own node a token of the ended key is %d", status)
		}
		use(time.Now().Add(auth.SigningKeysFor + cluster.Lease))
		for _, n := range nodes {
			for _, token := range []string{access, unused} {
				if status := n.statusOf(t, token); status != http.StatusUnauthorized {
					t.Errorf("a token of the ended key is %d", status)
				}
			}
			pair := n.drivers()[0].call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 200, "")
			refresh = pair.str("refresh_token")
			for _, other := range nodes {
				if status := other.statusOf(t, pair.str("access_token")); status != http.StatusOK {
					t.Errorf("a token of the new key is %d", status)
				}
			}
		}
	}, unlimited)
}
