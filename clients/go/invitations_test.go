package openwearables_test

import (
	"crypto/rand"
	"strings"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

func TestTeam(t *testing.T) {
	t.Parallel()
	ctx, team, invitations := t.Context(), world.dev.Developers, world.dev.Invitations
	email := strings.ToLower(rand.Text()) + "@example.com"
	made, err := invitations.Create(ctx, email)
	check(t, err)
	again, err := invitations.Resend(ctx, made.GetId())
	check(t, err)
	listed := false
	for i, err := range invitations.List(ctx) {
		check(t, err)
		listed = listed || i.GetId() == made.GetId() && i.GetToken() == again.GetToken() && i.GetStatus() == "pending"
	}
	if !listed || made.GetToken() == again.GetToken() {
		t.Errorf("made %v, sent again %v, listed %t", made, again, listed)
	}
	join := &owv1.AcceptInvitationRequest{Token: again.GetToken(), FirstName: "Grace", LastName: "Hopper", Password: "Q" + rand.Text()}
	joined, err := newClient(t, world.url).Invitations.Accept(ctx, join)
	check(t, err)
	_, err = openwearables.Login(ctx, world.url, email, join.GetPassword())
	check(t, err)
	name := "Ada"
	renamed, err := team.Update(ctx, &owv1.UpdateDeveloperRequest{Id: joined.GetId(), FirstName: &name})
	check(t, err)
	if renamed.GetFirstName() != name || renamed.GetLastName() != "Hopper" || renamed.GetEmail() != email {
		t.Errorf("renamed to %v", renamed)
	}
	found := false
	for d, err := range team.List(ctx) {
		check(t, err)
		found = found || d.GetId() == joined.GetId()
	}
	deleted, err := team.Delete(ctx, joined.GetId())
	check(t, err)
	if _, err = team.Get(ctx, joined.GetId()); !found || deleted.GetId() != joined.GetId() || !openwearables.IsNotFound(err) {
		t.Errorf("listed %t, deleted %v, then %v", found, deleted, err)
	}
	last, err := invitations.Create(ctx, email)
	check(t, err)
	revoked, err := invitations.Revoke(ctx, last.GetId())
	check(t, err)
	if revoked.GetStatus() != "revoked" {
		t.Errorf("revoked to %v", revoked)
	}
}
