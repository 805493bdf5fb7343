package scenario_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
)

// join makes a developer and returns its id, email and access token.
func (n *node) join(t *testing.T, d driver) (id, email, access string) {
	t.Helper()
	email, password := someEmail(), passphrase()
	id = n.addDeveloper(email, password).ID
	return id, email, d.call(t, "Login", args{"email": email, "password": password}).want(t, 200, "").str("access_token")
}

// TestDevelopersManageEachOther checks the list, and that others' names can be changed, their email
// and password not.
func TestDevelopersManageEachOther(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		admin := bearer(access)
		id, email, _ := n.join(t, d)
		list := d.call(t, "ListDevelopers", nil, admin).want(t, 200, "").Body.([]any)
		if len(list) != 2 || list[0].(map[string]any)["email"] != n.email || list[1].(map[string]any)["id"] != id {
			t.Fatalf("developers are %v", list)
		}
		renamed := d.call(t, "UpdateDeveloper", args{"id": id, "first_name": " Grace ", "last_name": "Hopper"}, admin).want(t, 200, "")
		if renamed.str("first_name") != "Grace" || renamed.str("last_name") != "Hopper" || renamed.str("email") != email {
			t.Errorf("renamed to %v", renamed.Body)
		}
		cleared := d.call(t, "UpdateDeveloper", args{"id": id, "first_name": nil, "email": "  " + email}, admin).want(t, 200, "")
		if cleared.str("first_name") != "" || cleared.str("last_name") != "Hopper" {
			t.Errorf("cleared to %v", cleared.Body)
		}
		sameAnswer(t, "GetDeveloper", cleared, d.call(t, "GetDeveloper", args{"id": id}, admin).want(t, 200, ""))
		if a := d.call(t, "UpdateDeveloper", args{"id": id, "email": someEmail()}, admin).want(t, 422, "invalid_request"); a.Fields[0] != "email" {
			t.Errorf("another email names %v", a.Fields)
		}
		if d.name() != "connect application/proto" { // whose messages have no such field
			a := d.call(t, "UpdateDeveloper", args{"id": id, "password": passphrase(), "update_mask": ""}, admin).want(t, 422, "invalid_request")
			if a.Fields[0] != "password" {
				t.Errorf("a password names %v", a.Fields)
			}
		}
		d.call(t, "UpdateDeveloper", args{"id": uuid.NewString(), "first_name": "A"}, admin).want(t, 404, "not_found")
	})
}

// TestDeletedDeveloperIsGone checks what ends with a developer, and what stays.
func TestDeletedDeveloperIsGone(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		admin := bearer(access)
		id, email, theirs := n.join(t, d)
		_, key := n.newKey(t, d, theirs, nil)
		user := n.newUser(t, d, theirs)
		minted := d.call(t, "CreateUserToken", args{"user_id": user}, bearer(theirs)).want(t, 200, "")
		own := n.invite(t, d, theirs)
		others := n.invite(t, d, access)

		deleted := d.call(t, "DeleteDeveloper", args{"id": id}, admin).want(t, 200, "")
		if deleted.str("id") != id || deleted.str("email") != email {
			t.Errorf("deleted %v", deleted.Body)
		}
		d.call(t, "GetMe", nil, bearer(theirs)).want(t, 401, "invalid_token")
		d.call(t, "GetUser", args{"id": user}, bearer(minted.str("access_token"))).want(t, 401, "invalid_token")
		d.call(t, "RefreshToken", args{"refresh_token": minted.str("refresh_token")}).want(t, 401, "invalid_refresh_token")
		d.call(t, "ListUsers", nil, bearer(key)).want(t, 200, "")
		d.call(t, "GetDeveloper", args{"id": id}, admin).want(t, 404, "not_found")
		d.call(t, "DeleteDeveloper", args{"id": id}, admin).want(t, 404, "not_found")

		d.call(t, "AcceptInvitation", acceptance(own.str("token"))).want(t, 400, "invitation_revoked")
		d.call(t, "AcceptInvitation", acceptance(others.str("token"))).want(t, 404, "not_found")
		fresh := invited(t, d, access, others.str("id"))
		if fresh == nil || fresh["status"] != "pending" || fresh["expires_at"] != others.Body.(map[string]any)["expires_at"] {
			t.Fatalf("the invitation of another is %v, was %v", fresh, others.Body)
		}
		joined := d.call(t, "AcceptInvitation", acceptance(fresh["token"].(string))).want(t, 201, "")

		// The invitation that made a developer goes with it.
		d.call(t, "DeleteDeveloper", args{"id": joined.str("id")}, admin).want(t, 200, "")
		d.call(t, "AcceptInvitation", acceptance(fresh["token"].(string))).want(t, 404, "not_found")
		d.call(t, "CreateInvitation", args{"email": email}, admin).want(t, 201, "")
	}, unlimited)
}

// TestDisabledDeveloperInvitesNobody checks that the operator's end of a developer ends its
// invitations too.
func TestDisabledDeveloperInvitesNobody(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.roundRobin()
	_, email, theirs := n.join(t, d)
	own := n.invite(t, d, theirs)
	if err := n.server.Auth().Developers.Disable(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	d.call(t, "AcceptInvitation", acceptance(own.str("token"))).want(t, 400, "invitation_revoked")
}

// TestLastDeveloperStays checks that nobody locks everybody out, also when developers delete each
// other at once.
func TestLastDeveloperStays(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		me := d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "").str("id")
		disabled, email, _ := n.join(t, d)
		if err := n.server.Auth().Developers.Disable(t.Context(), email); err != nil {
			t.Fatal(err)
		}
		d.call(t, "DeleteDeveloper", args{"id": me}, bearer(access)).want(t, 409, "last_developer")
		d.call(t, "DeleteDeveloper", args{"id": disabled}, bearer(access)).want(t, 200, "")
		if rows := n.auditRows(t); !hasRow(rows, auditRow{action: "developer.delete", outcome: "last_developer", subject: "developer:" + me}) {
			t.Error("the refusal left no audit row")
		}

		ids, tokens := []string{me}, []string{access}
		for range 3 {
			id, _, token := n.join(t, d)
			ids, tokens = append(ids, id), append(tokens, token)
		}
		var deleted atomic.Int64
		concurrently(len(ids), func(i int) {
			a := d.call(t, "DeleteDeveloper", args{"id": ids[(i+1)%len(ids)]}, bearer(tokens[i]))
			switch a.Status {
			case http.StatusOK:
				deleted.Add(1)
			case http.StatusConflict, http.StatusUnauthorized, http.StatusNotFound:
			default:
				t.Errorf("answer %d %s", a.Status, a.Reason)
			}
		})
		left := 0
		for _, token := range tokens {
			if d.call(t, "GetMe", nil, bearer(token)).Status == http.StatusOK {
				left++
			}
		}
		if left == 0 || left != len(ids)-int(deleted.Load()) {
			t.Errorf("%d are left after %d were deleted", left, deleted.Load())
		}
	}, unlimited)
}

// hasRow reports whether a row has the action, outcome and subject.
func hasRow(rows []auditRow, want auditRow) bool {
	for _, r := range rows {
		if r.action == want.action && r.outcome == want.outcome && r.subject == want.subject {
			return true
		}
	}
	return false
}

// TestDevelopersAreBounded checks that there may be 1000 developers, whoever makes them.
func TestDevelopersAreBounded(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		token := n.invite(t, d, access).str("token")
		n.exec(t, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
			INSERT INTO developers (id, email, email_folded, created_at, updated_at, password_hash, disabled)
			SELECT '00000000-0000-4000-8000-' || CAST(100000000000 + i AS TEXT), 'a' || CAST(i AS TEXT) || '@example.com',
			'a' || CAST(i AS TEXT) || '@example.com', 1, 1, 'none', true FROM n`)
		d.call(t, "AcceptInvitation", acceptance(token)).want(t, 403, "quota_exceeded")
		if _, err := n.server.Auth().Developers.Create(t.Context(), someEmail(), passphrase()); err == nil {
			t.Error("the operator made one more")
		}
		if list := d.call(t, "ListDevelopers", nil, bearer(access)).want(t, 200, "").Body.([]any); len(list) != 1000 {
			t.Errorf("%d are listed", len(list))
		}
		n.exec(t, "DELETE FROM developers WHERE email = 'a1@example.com'")
		d.call(t, "AcceptInvitation", acceptance(token)).want(t, 201, "")
	}, unlimited)
}
