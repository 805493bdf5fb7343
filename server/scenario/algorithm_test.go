package scenario_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// TestSigningAcrossRestarts checks that a restart and a change of the algorithm keep every token
// valid, and that a start with another algorithm changes nothing and says so.
func TestSigningAcrossRestarts(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	tokens := []string{}
	access, _ := n.login(t, d)
	user := n.newUser(t, d, access)
	for _, algorithm := range []string{credential.HS256, credential.HS256, credential.ES256, credential.EdDSA, credential.HS256} {
		n.stop()
		n.boot(t, unlimited, signedWith(algorithm))
		if used := n.algorithm(t, access, user); used != algorithm {
			if said := "--jwt-alg " + algorithm + " is not the algorithm in use, which stays " + used; !strings.Contains(n.log.String(), said) {
				t.Errorf("%q is not said", said)
			}
			if err := n.server.Auth().Signing.RotateTo(t.Context(), algorithm); err != nil {
				t.Fatal(err)
			}
		}
		access = d.call(t, "CreateUserToken", args{"user_id": user}, bearer(access)).want(t, 200, "").str("access_token")
		if got := tokenPart(t, access, 0)["alg"]; got != algorithm {
			t.Errorf("under %s a token is signed with %v", algorithm, got)
		}
		tokens = append(tokens, access)
		access, _ = n.login(t, d)
		for _, token := range tokens {
			d.call(t, "GetUser", args{"id": user}, bearer(token)).want(t, 200, "")
		}
		keys := n.jwks(t)
		for _, token := range tokens {
			if symmetric := tokenPart(t, token, 0)["alg"] == credential.HS256; !symmetric && !verifies(t, keys, token) {
				t.Error("a token that is valid is not verifiable any more")
			}
		}
	}
	if kids := []any{tokenPart(t, tokens[0], 0)["kid"], tokenPart(t, tokens[1], 0)["kid"]}; kids[0] != kids[1] {
		t.Errorf("a restart alone changed the key from %v to %v", kids[0], kids[1])
	}
}

// algorithm returns the algorithm of a new token of the user.
func (n *node) algorithm(t *testing.T, access, user string) string {
	t.Helper()
	token := n.drivers()[0].call(t, "CreateUserToken", args{"user_id": user}, bearer(access)).want(t, 200, "").str("access_token")
	used, _ := tokenPart(t, token, 0)["alg"].(string)
	return used
}

// TestStartsDoNotRotate checks that nodes with different algorithms do not change the signing key
// at their starts, and that the table of keys does not grow.
func TestStartsDoNotRotate(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, []func(*server.Config){nil, signedWith(credential.ES256), signedWith(credential.EdDSA)}, unlimited)
	access, _ := nodes[0].login(t, nodes[0].drivers()[0])
	for range 2 {
		for i, n := range nodes {
			n.stop()
			n.boot(t, unlimited, signedWith([]string{"", credential.ES256, credential.EdDSA}[i]))
			if status := n.statusOf(t, access); status != 200 {
				t.Errorf("a token from before the start is %d", status)
			}
		}
	}
	nodes[0].query(t, func(db *sql.DB) error {
		var keys, active int
		err := db.QueryRow("SELECT count(*), count(*) FILTER (WHERE state = 'active' AND algorithm = 'HS256') FROM signing_keys").
			Scan(&keys, &active)
		if err == nil && (keys != 2 || active != 1) {
			t.Errorf("there are %d signing keys, of which %d are active with HS256", keys, active)
		}
		return err
	})
}
