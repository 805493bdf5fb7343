package scenario_test

import (
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
	"time"
)

// invitationForm matches what is kept of an answer with an invitation.
var invitationForm = regexp.MustCompile(`"Token":"[0-9A-Za-z_-]{43}"`)

func someEmail() string { return strings.ToLower(rand.Text()) + "@example.com" }

// invite invites somebody.
func (n *node) invite(t *testing.T, d driver, access string) answer {
	t.Helper()
	return d.call(t, "CreateInvitation", args{"email": someEmail()}, bearer(access)).want(t, 201, "")
}

// acceptance accepts the invitation with the token.
func acceptance(token string) args {
	return args{"token": token, "first_name": "Grace", "last_name": "Hopper", "password": passphrase()}
}

// invited returns the invitation with the id as the list has it, or nil.
func invited(t *testing.T, d driver, access, id string) map[string]any {
	t.Helper()
	list, _ := d.call(t, "ListInvitations", nil, bearer(access)).want(t, 200, "").Body.([]any)
	for _, item := range list {
		if i := item.(map[string]any); i["id"] == id {
			return i
		}
	}
	return nil
}

// TestInvitationIsAccepted invites a person, who becomes a developer once.
func TestInvitationIsAccepted(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		made := d.call(t, "CreateInvitation", args{"email": " Grace@Example.com "}, bearer(access)).want(t, 201, "")
		if made.str("email") != "Grace@Example.com" || made.str("status") != "pending" || len(made.str("token")) != 43 {
			t.Fatalf("invited %v", made.Body)
		}
		me := d.call(t, "GetMe", nil, bearer(access)).want(t, 200, "")
		if made.str("invited_by_id") != me.str("id") {
			t.Errorf("invited by %s, want %s", made.str("invited_by_id"), me.str("id"))
		}
		if listed := invited(t, d, access, made.str("id")); listed == nil || listed["token"] != made.str("token") {
			t.Fatalf("listed %v, made %v", listed, made.Body)
		}
		in := acceptance(made.str("token"))
		joined := d.call(t, "AcceptInvitation", in).want(t, 201, "")
		if joined.str("email") != "Grace@Example.com" || joined.str("first_name") != "Grace" || joined.str("last_name") != "Hopper" {
			t.Fatalf("joined as %v", joined.Body)
		}
		d.call(t, "AcceptInvitation", in).want(t, 400, "invitation_accepted")
		d.call(t, "Login", args{"email": "grace@example.com", "password": in["password"]}).want(t, 200, "")
		if invited(t, d, access, made.str("id")) != nil {
			t.Error("an accepted invitation is listed")
		}
		d.call(t, "RevokeInvitation", args{"id": made.str("id")}, bearer(access)).want(t, 400, "invitation_accepted")
		d.call(t, "ResendInvitation", args{"id": made.str("id")}, bearer(access)).want(t, 400, "invitation_accepted")
		list := d.call(t, "ListDevelopers", nil, bearer(access)).want(t, 200, "").Body.([]any)
		if len(list) != 2 || list[1].(map[string]any)["id"] != joined.str("id") {
			t.Errorf("developers are %v", list)
		}
	})
}

// TestInvitationsThatCannotBeMade checks the refusals, which only developers see.
func TestInvitationsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		a := d.call(t, "CreateInvitation", args{"email": "DEV@example.com"}, bearer(access)).want(t, 400, "developer_exists")
		if a.Detail != "A developer with this email already exists" {
			t.Errorf("detail %q", a.Detail)
		}
		made := d.call(t, "CreateInvitation", args{"email": "émile@exämple.com"}, bearer(access)).want(t, 201, "")
		a = d.call(t, "CreateInvitation", args{"email": "ÉMILE@xn--exmple-cua.com"}, bearer(access)).want(t, 400, "invitation_pending")
		if a.Detail != "A pending invitation already exists for this email" {
			t.Errorf("detail %q", a.Detail)
		}
		for _, bad := range []string{"", "nobody", "a b@example.com", "a@", strings.Repeat("a", 250) + "@example.com"} {
			d.call(t, "CreateInvitation", args{"email": bad}, bearer(access)).want(t, 422, "invalid_request")
		}
		n.addDeveloper("émile@exämple.com", passphrase())
		d.call(t, "ResendInvitation", args{"id": made.str("id")}, bearer(access)).want(t, 400, "developer_exists")
		d.call(t, "AcceptInvitation", acceptance(made.str("token"))).want(t, 400, "developer_exists")
		d.call(t, "AcceptInvitation", acceptance("unknown")).want(t, 404, "not_found")
		d.call(t, "AcceptInvitation", acceptance("")).want(t, 422, "invalid_request")

		next := n.invite(t, d, access)
		for field, bad := range map[string]string{
			"password": "too short", "first_name": " ", "last_name": strings.Repeat("x", 101),
		} {
			in := acceptance(next.str("token"))
			in[field] = bad
			if a := d.call(t, "AcceptInvitation", in).want(t, 422, "invalid_request"); len(a.Fields) != 1 || a.Fields[0] != field {
				t.Errorf("a bad %s names %v", field, a.Fields)
			}
		}
		in := acceptance(next.str("token"))
		in["password"] = next.str("email") + "1"
		d.call(t, "AcceptInvitation", in).want(t, 422, "invalid_request")
		d.call(t, "AcceptInvitation", acceptance(next.str("token"))).want(t, 201, "")
	}, unlimited)
}

// TestInvitationEnds checks how invitations expire, are sent again and are revoked.
func TestInvitationEnds(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		admin := func() option { access, _ = n.login(t, d); return bearer(access) }
		made := n.invite(t, d, access)
		id := args{"id": made.str("id")}
		again := d.call(t, "ResendInvitation", id, admin()).want(t, 200, "")
		if again.str("token") == made.str("token") || again.str("status") != "pending" || again.str("created_at") != made.str("created_at") {
			t.Errorf("sent again as %v, before %v", again.Body, made.Body)
		}
		d.call(t, "AcceptInvitation", acceptance(made.str("token"))).want(t, 404, "not_found")

		n.clock.advance(7 * 24 * time.Hour)
		d.call(t, "AcceptInvitation", acceptance(again.str("token"))).want(t, 400, "invitation_expired")
		d.call(t, "RevokeInvitation", id, admin()).want(t, 400, "invitation_expired")
		if listed := invited(t, d, access, made.str("id")); listed == nil || listed["status"] != "expired" {
			t.Errorf("an expired invitation is listed as %v", listed)
		}
		third := d.call(t, "ResendInvitation", id, admin()).want(t, 200, "")
		revoked := d.call(t, "RevokeInvitation", id, admin()).want(t, 200, "")
		if revoked.str("status") != "revoked" {
			t.Errorf("revoked as %v", revoked.Body)
		}
		d.call(t, "RevokeInvitation", id, admin()).want(t, 400, "invitation_revoked")
		d.call(t, "ResendInvitation", id, admin()).want(t, 400, "invitation_revoked")
		d.call(t, "AcceptInvitation", acceptance(third.str("token"))).want(t, 400, "invitation_revoked")
		if invited(t, d, access, made.str("id")) != nil {
			t.Error("a revoked invitation is listed")
		}

		// A new invitation takes the place of one that has expired.
		first := d.call(t, "CreateInvitation", args{"email": made.str("email")}, admin()).want(t, 201, "")
		n.clock.advance(8 * 24 * time.Hour)
		second := d.call(t, "CreateInvitation", args{"email": made.str("email")}, admin()).want(t, 201, "")
		d.call(t, "ResendInvitation", args{"id": first.str("id")}, admin()).want(t, 400, "invitation_revoked")
		d.call(t, "AcceptInvitation", acceptance(second.str("token"))).want(t, 201, "")
	}, unlimited)
}
