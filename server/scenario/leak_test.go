package scenario_test

import (
	"strings"
	"testing"
)

// TestReportedCredentialsEnd checks that whoever holds a credential can end it, whatever its kind,
// with what it minted, and that nothing else ends.
func TestReportedCredentialsEnd(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, refresh := n.login(t, d)
		_, another := n.login(t, d)
		user := n.newUser(t, d, admin)
		keyID, key := n.newKey(t, d, admin, nil)
		_, otherKey := n.newKey(t, d, admin, nil)
		app, secret := n.newApp(t, d, admin)
		ofKey := d.call(t, "CreateUserToken", args{"user_id": user}, bearer(key)).want(t, 200, "").str("access_token")
		ofApp, _ := n.exchange(t, d, user, app, secret)
		report := func(secret string) { // with whatever is in the header
			t.Helper()
			for range 2 {
				d.call(t, "ReportCredential", args{"credential": secret}, bearer("nonsense")).want(t, 204, "")
			}
		}
		exchange := func(secret string, status int, reason string) {
			t.Helper()
			d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}).want(t, status, reason)
		}

		report(" " + key + "\r\n") // as it is copied
		d.call(t, "ListUsers", nil, bearer(key)).want(t, 401, "invalid_api_key")
		d.call(t, "GetUser", args{"id": user}, bearer(ofKey)).want(t, 401, "invalid_token")
		renewed := d.call(t, "RotateKey", args{"id": keyID}, bearer(admin)).want(t, 201, "").str("key")
		d.call(t, "ListUsers", nil, bearer(renewed)).want(t, 200, "")
		d.call(t, "ListUsers", nil, bearer(key)).want(t, 401, "invalid_api_key")

		newest := d.call(t, "RotateKey", args{"id": keyID, "overlap_seconds": 3600}, bearer(admin)).want(t, 201, "").str("key")
		report(renewed)
		d.call(t, "ListUsers", nil, bearer(renewed)).want(t, 401, "invalid_api_key")
		d.call(t, "ListUsers", nil, bearer(newest)).want(t, 200, "")

		next := d.call(t, "RotateApplicationSecret", args{"app_id": app, "overlap_seconds": 3600}, bearer(admin)).want(t, 200, "").str("app_secret")
		report(next)
		exchange(next, 401, "invalid_app_credentials")
		exchange(secret, 200, "")
		report(secret)
		exchange(secret, 401, "invalid_app_credentials")
		d.call(t, "GetUser", args{"id": user}, bearer(ofApp)).want(t, 200, "")
		report(ofApp)
		d.call(t, "GetUser", args{"id": user}, bearer(ofApp)).want(t, 401, "invalid_token")

		report(another + "\n")
		d.call(t, "RefreshToken", args{"refresh_token": another}).want(t, 401, "invalid_refresh_token")
		for _, s := range []string{"x", " \n", "ow_live_" + strings.Repeat("0", 36), refresh + "0", "a.b.c", strings.Repeat("x", 8192)} {
			report(s)
		}
		for _, s := range []string{"", strings.Repeat("x", 8193)} {
			d.call(t, "ReportCredential", args{"credential": s}).want(t, 422, "invalid_request")
		}
		d.call(t, "ListUsers", nil, bearer(otherKey)).want(t, 200, "")
		d.call(t, "GetMe", nil, bearer(admin)).want(t, 200, "")

		var reports []string
		for _, row := range n.auditRows(t) {
			if row.action == "credential.report" {
				kind, _, _ := strings.Cut(row.subject, ":")
				reports = append(reports, kind+" "+row.outcome+" "+row.actor)
			}
		}
		want := "key ok anonymous, key ok anonymous, application ok anonymous, application ok anonymous, session ok anonymous, session ok anonymous"
		if got := strings.Join(reports, ", "); got != want {
			t.Errorf("the audit rows of reports are %s", got)
		}
	}, unlimited)
}
