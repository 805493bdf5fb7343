package cluster_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Of steps that are taken together, in Redis or by each node for itself, exactly those up
// to the first refused one count, however many contend.
func TestStepsAreTakenTogether(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string]func(*redistest.Server) int{
		"in Redis":  func(*redistest.Server) int { return 2 },
		"by itself": func(s *redistest.Server) int { s.Kill(); return 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t)
			counters := []*cluster.Redis{node(t, s, time.Now), node(t, s, time.Now)}
			counters = counters[:nodes(s)]
			take := func(name string, limit int) ratelimit.Step {
				return ratelimit.Step{Action: ratelimit.ToTake, Policy: ratelimit.Policy{Name: name, Limit: limit, Window: time.Minute}, ID: "a"}
			}
			address, guesses := take("address", 200), take("guesses", 2)
			back, gate := address, guesses
			back.Action, gate.Action = ratelimit.ToReturn, ratelimit.ToPeek
			app, user := take("app", 50), take("user", 30)
			for range 100 {
				if w, err := counters[0].Take(t.Context(), address.Policy, "a"); err != nil || !w.Admitted {
					t.Fatal(w, err)
				}
			}
			var taken [5]atomic.Int64
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					out, err := counters[i%len(counters)].Charge(t.Context(), true, gate, back, app, user)
					if err != nil {
						t.Error(err)
						return
					}
					for n, o := range out[:len(out)-1] {
						if n != 1 && !o.Window.Admitted {
							t.Errorf("step %d was refused and others followed", n)
						}
					}
					admitted := len(out)
					if !out[len(out)-1].Window.Admitted {
						admitted--
					}
					taken[admitted].Add(1)
				})
			}
			all.Wait()
			if taken[4].Load() != 30 || taken[3].Load() != 20 || taken[2].Load() != 50 {
				t.Errorf("%d were admitted by all, %d by the first limit alone, %d by none", taken[4].Load(), taken[3].Load(), taken[2].Load())
			}
			left := func(s ratelimit.Step) int {
				w, err := counters[0].Peek(t.Context(), s.Policy, s.ID)
				if err != nil {
					t.Error(err)
				}
				return w.Remaining
			}
			if left(address) != 200 || left(app) != 0 || left(user) != 0 || left(guesses) != 2 {
				t.Errorf("%d, %d, %d and %d remain", left(address), left(app), left(user), left(guesses))
			}

			for range 3 {
				_, _ = counters[0].Take(t.Context(), guesses.Policy, "a")
			}
			_, _ = counters[0].Take(t.Context(), address.Policy, "a")
			out, err := counters[0].Charge(t.Context(), true, gate, back, app, user)
			if err != nil || len(out) != 1 || out[0].Window.Admitted || left(address) != 199 {
				t.Errorf("behind a step that refuses: %+v, %v; %d remain", out, err, left(address))
			}
		})
	}
}
