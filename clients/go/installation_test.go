package openwearables_test

import (
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func TestInstallation(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	i, err := world.dev.Installation.Get(ctx)
	check(t, err)
	if i.GetApiVersion() != "v1" || i.GetDatabase() != "sqlite" || i.GetNodes() != 1 || len(i.GetLimits()) == 0 || i.GetSigningAlgorithm() == "" {
		t.Errorf("the installation is %v", i)
	}
	stats, err := world.dev.Installation.Stats(ctx)
	check(t, err)
	if stats.GetDevelopers().GetCount() < 1 || stats.GetEventRecords() == nil {
		t.Errorf("the numbers are %v", stats)
	}
	_, secret := newKey(t)
	if _, err := newClient(t, world.url, openwearables.WithAPIKey(secret)).Installation.Get(ctx); !openwearables.IsForbidden(err) {
		t.Errorf("a key reads the installation: %v", err)
	}
}

func TestSessionsOfAUser(t *testing.T) {
	t.Parallel()
	ctx, p, tokens := t.Context(), newPerson(t), world.dev.Tokens
	_, err := tokens.Create(ctx, p.id)
	check(t, err)
	ids := func() (ids []string) {
		for s, err := range tokens.Sessions(ctx, p.id) {
			check(t, err)
			if s.GetMinterId() == "" || s.GetExpiresAt() == nil {
				t.Errorf("a session is %v", s)
			}
			ids = append(ids, s.GetId())
		}
		return ids
	}
	before := ids()
	if len(before) == 0 {
		t.Fatal("no session is listed")
	}
	check(t, tokens.RevokeSession(ctx, p.id, before[0]))
	if after := ids(); len(after) != len(before)-1 {
		t.Errorf("of %d sessions, %d are left", len(before), len(after))
	}
	if err := tokens.RevokeSession(ctx, p.id, before[0]); !openwearables.IsNotFound(err) {
		t.Errorf("ending it twice: %v", err)
	}
}
