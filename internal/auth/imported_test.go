package auth

import (
	"testing"

	"github.com/openwearables/openwearables/internal/credential"
)

func TestDecideImport(t *testing.T) {
	t.Parallel()
	old, changed, ours := credential.Hash{1}, credential.Hash{2}, credential.Hash{3}
	before := &Imported{Digest: old}
	for name, c := range map[string]struct {
		before  *Imported
		next    credential.Hash
		current *credential.Hash
		want    importVerdict
	}{
		"never seen":               {nil, old, nil, importNew},
		"made here":                {nil, old, &ours, importSame},
		"as it was":                {before, old, &old, importSame},
		"deleted here":             {before, old, nil, importSame},
		"changed there, gone here": {before, changed, nil, importSame},
		"changed here":             {before, old, &ours, importSame},
		"changed there":            {before, changed, &old, importChanged},
		"changed on both sides":    {before, changed, &ours, importKept},
	} {
		if got := decideImport(c.before, c.next, c.current); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestHasNoApplication(t *testing.T) {
	t.Parallel()
	for appID, want := range map[string]bool{"": true, "admin:x": true, "invite:x": true, "app_x": false, "administrator": false} {
		if HasNoApplication(appID) != want {
			t.Errorf("%q", appID)
		}
	}
}
