package openwearables_test

import (
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

// A service that may verify credentials, and nothing else, learns what they stand for and why
// one is refused, and leaves the conditions as they were.
func TestCredentialsAreVerified(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	asks, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{Scopes: []string{"credentials:verify"}})
	check(t, err)
	asked, err := world.dev.Keys.Create(ctx, &owv1.CreateKeyRequest{Scopes: []string{"workouts:read"}})
	check(t, err)
	service := newClient(t, world.url, openwearables.WithAPIKey(asks.Secret.Reveal()))

	operation := "ListWorkouts"
	conditions := &owv1.VerifyCredentialRequest{Operation: &operation}
	got, err := service.Credentials.Verify(ctx, asked.Secret, conditions)
	check(t, err)
	if !got.GetValid() || got.GetSubject() != "key:"+asked.Key.GetId() || got.GetLimit().GetLimit() == 0 || conditions.GetCredential() != "" {
		t.Errorf("verified as %v, with the conditions %v", got, conditions)
	}
	got, err = service.Credentials.Verify(ctx, openwearables.NewSecret("nonsense"), nil)
	check(t, err)
	if got.GetValid() || got.GetReason() != "malformed" {
		t.Errorf("nonsense is verified as %v", got)
	}

	many, err := service.Credentials.VerifyMany(ctx,
		&owv1.CredentialCheck{Credential: "nonsense"}, &owv1.CredentialCheck{Credential: asked.Secret.Reveal()})
	check(t, err)
	if len(many) != 2 || many[0].GetValid() || !many[1].GetValid() {
		t.Errorf("two are verified as %v", many)
	}
	if _, err := service.Credentials.VerifyMany(ctx); !openwearables.IsInvalid(err) {
		t.Errorf("none are verified with %v", err)
	}

	other := "CreateKey"
	why, err := service.Credentials.Explain(ctx, asked.Secret, &owv1.ExplainAccessRequest{Operation: &other})
	check(t, err)
	for _, c := range why.GetChecks() {
		if (c.GetOutcome() == "failed") != (c.GetName() == "kind") {
			t.Errorf("%s is %s", c.GetName(), c.GetOutcome())
		}
	}
	if _, err := service.Credentials.Explain(ctx, asked.Secret, nil); err != nil {
		t.Error(err)
	}
}
