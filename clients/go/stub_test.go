package openwearables_test

import (
	"sync"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// A new client makes nothing of the services that nobody has called: all of them would be
// ten times as much.
func TestServicesAreMadeWhenCalled(t *testing.T) {
	made := testing.AllocsPerRun(10, func() {
		if _, err := openwearables.New(world.url, openwearables.WithAPIKey("k")); err != nil {
			t.Fatal(err)
		}
	})
	if made > 500 {
		t.Errorf("New allocates %v times", made)
	}
}

// Calls of one service may begin at the same time.
func TestFirstCallsOfAService(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	c := newClient(t, world.url, openwearables.WithStore(seeded(t, world.url, p.pair, fresh)))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := c.Users.Get(t.Context(), p.id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
