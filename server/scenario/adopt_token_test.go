package scenario_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/auth"
)

// A refresh token of the upstream works once, brings its user and application along, and
// its successors are ours. The one that the upstream made for it is ended there.
func TestTokensAreAdopted(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		user := uuid.NewString()
		up.AddUser(user)
		app, secret := up.AddApplication("phone")
		token, other := up.AddToken(user, app), up.AddToken(user, "admin:"+uuid.NewString())
		refresh := func(token string) answer { return d.call(t, "RefreshToken", args{"refresh_token": token}) }
		first := refresh(token).want(t, 200, "")
		d.call(t, "GetUser", args{"id": user}, bearer(first.str("access_token"))).want(t, 200, "")
		refresh(token).want(t, 401, "refresh_token_used")
		second := refresh(first.str("refresh_token")).want(t, 200, "")
		if up.Live(token) || up.LiveTokens() != 2 { // the other one, and the service's
			t.Errorf("%d tokens are live upstream", up.LiveTokens())
		}
		admin, _ := n.login(t, d)
		d.call(t, "GetApplication", args{"app_id": app}, bearer(admin)).want(t, 200, "")
		d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}).want(t, 200, "")

		d.call(t, "RevokeUserTokens", args{"user_id": user}, bearer(admin)).want(t, 204, "")
		refresh(second.str("refresh_token")).want(t, 401, "invalid_refresh_token")
		refresh(other).want(t, 401, "invalid_refresh_token") // though it was never seen before
		refresh(other).want(t, 401, "invalid_refresh_token")
		refresh("rt-"+randomDigits(32)).want(t, 401, "invalid_refresh_token")
	})
}

// What was spent upstream is not lost if the rest fails: a later call finishes it.
func TestSpentTokenOutlivesTheUpstream(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		user := uuid.NewString()
		up.AddUser(user)
		app, _ := up.AddApplication("phone")
		token := up.AddToken(user, app)
		for _, path := range []string{"/users", "/applications"} {
			up.Break(failing(path))
			d.call(t, "RefreshToken", args{"refresh_token": token}).want(t, 503, "unavailable")
		}
		if up.Live(token) {
			t.Error("the token is not spent")
		}
		n.stop()
		up.Break(nil)
		n.boot(t, unlimited, up.adopting)
		d.call(t, "RefreshToken", args{"refresh_token": token}).want(t, 200, "")
		d.call(t, "RefreshToken", args{"refresh_token": token}).want(t, 401, "refresh_token_used")
	})
}

// Tokens and keys that only the upstream knows end here too, by whoever revokes or reports
// them, and those of a maker who was ended here are never adopted.
func TestWhatEndedIsNotAdopted(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		user := uuid.NewString()
		up.AddUser(user)
		app, secret := up.AddApplication("phone")
		late := up.AddToken(user, app)
		d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}).want(t, 200, "")
		admin, _ := n.login(t, d)
		d.call(t, "DeleteApplication", args{"app_id": app}, bearer(admin)).want(t, 204, "")
		d.call(t, "RefreshToken", args{"refresh_token": late}).want(t, 401, "invalid_refresh_token")

		revoked, reported, key := up.AddToken(user, ""), up.AddToken(user, ""), up.AddKey()
		d.call(t, "RevokeToken", args{"refresh_token": revoked}).want(t, 204, "")
		d.call(t, "RefreshToken", args{"refresh_token": revoked}).want(t, 401, "invalid_refresh_token")
		d.call(t, "ReportCredential", args{"credential": reported}).want(t, 204, "")
		d.call(t, "RefreshToken", args{"refresh_token": reported}).want(t, 401, "invalid_refresh_token")
		d.call(t, "ReportCredential", args{"credential": key}).want(t, 204, "")
		d.call(t, "ListUsers", args{}, apiKey(key)).want(t, 401, "invalid_api_key")
	})
}

// A later import of the database leaves alone what was adopted: the token was used there by
// this server.
func TestImportAfterAdoption(t *testing.T) {
	t.Parallel()
	up := newLossy(t)
	n := start(t, unlimited, up.adopting)
	d, user := n.drivers()[0], uuid.NewString()
	up.AddUser(user)
	next := d.call(t, "RefreshToken", args{"refresh_token": up.AddToken(user, "")}).want(t, 200, "").str("refresh_token")
	ids, err := n.server.Auth().Imports.After(t.Context(), auth.ImportedSession, "")
	if err != nil || len(ids) != 2 { // the successor upstream is one too, so that it is never brought
		t.Fatalf("%q, %v", ids, err)
	}
	if r := n.bring(t, auth.ImportBatch{Kind: auth.ImportedSession, Gone: ids}); r.Ended != 0 {
		t.Errorf("%+v", r)
	}
	d.call(t, "RefreshToken", args{"refresh_token": next}).want(t, 200, "")
}

// Other services learn of keys that only the upstream knows, and a dry run adopts nothing.
func TestVerificationsAdopt(t *testing.T) {
	onEachAdopting(t, func(t *testing.T, n *node, d driver, up *lossy) {
		admin, _ := n.login(t, d)
		key := up.AddKey()
		explained := d.call(t, "ExplainAccess", args{"credential": key}, bearer(admin)).want(t, 200, "")
		if v, ok := explained.Body.(map[string]any)["verification"].(map[string]any); ok && v["valid"] == true {
			t.Errorf("a dry run adopts: %v", v)
		}
		up.Requests()
		for _, in := range []args{{"credential": key, "spend": true}, {"credential": key}} {
			if v := d.call(t, "VerifyCredential", in, bearer(admin)).want(t, 200, ""); v.Body.(map[string]any)["valid"] != true {
				t.Errorf("the verification is %v", v.Body)
			}
		}
		if asked := up.credentialAsked(); asked != 1 {
			t.Errorf("%d questions", asked)
		}
		if v := d.call(t, "VerifyCredential", args{"credential": randomKey()}, bearer(admin)).want(t, 200, ""); v.Body.(map[string]any)["valid"] != false {
			t.Errorf("the verification is %v", v.Body)
		}
	})
}

// Proxies that ask first learn of such a key too, and what is forwarded for a user who is
// only upstream arrives.
func TestProxiesAndGatewayAdopt(t *testing.T) {
	t.Parallel()
	up := newLossy(t)
	n := start(t, unlimited, up.adopting, forwarding(t, forwardPolicy, true))
	n.asked(t, "GET", "/spent", 200, "", bearer(up.AddKey()))
	n.asked(t, "GET", "/spent", 401, "invalid_api_key", bearer(randomKey()))
	user, key := uuid.NewString(), up.AddKey()
	up.AddUser(user)
	for id, want := range map[string]int{user: 200, uuid.NewString(): 404} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/api/v1/users/"+id+"/connections", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", id, answer.StatusCode, want)
		}
	}
	if n.countEffects(t, "user.create") != 1 {
		t.Error("not one user was adopted")
	}
}
