package ratelimit_test

import (
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// A model is the specification of one id's bucket: what was spent, and how much
// time, steps back not counted, must have passed for that to be over.
type model struct {
	used int
	end  time.Duration
}

// FuzzMemory compares any sequence of calls on two ids and clock steps with a
// model of each.
func FuzzMemory(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 2, 3, 200, 0, 250, 0, 2, 0, 1})
	f.Add([]byte{0, 0, 8, 255, 0, 255, 8, 240, 0})
	f.Add([]byte("0\xb7\xb71\xff0"))
	f.Add([]byte("8\xfc9\xd08"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		c := newClock()
		m := ratelimit.NewMemory(c.now)
		models := map[string]*model{"a": {}, "b": {}}
		var passed time.Duration
		step := func(d time.Duration) {
			c.t = c.t.Add(d)
			passed += max(0, d)
			for id := range models {
				peek(t, m, minute, id)
			}
		}
		step(0)
		for i, op := range ops {
			id := string('a' + rune(op>>3&1))
			spec := models[id]
			if spec.end <= passed {
				*spec = model{}
			}
			used, admitted := spec.used, spec.used < minute.Limit
			var got ratelimit.Window
			switch {
			case op >= 240:
				step(-time.Duration(op-239) * 11 * time.Second)
				continue
			case op >= 128:
				step(time.Duration(op-127) * 739 * time.Millisecond)
				continue
			case op&3 == 2:
				giveBack(t, m, minute, id)
				if spec.used = used - 1; spec.used <= 0 {
					*spec = model{}
				}
				continue
			case op&3 == 1:
				got = peek(t, m, minute, id)
			default:
				got = take(t, m, minute, id)
				if admitted {
					spec.used++
				}
				if spec.end == 0 {
					spec.end = passed + got.Reset.Sub(c.t)
				}
			}
			if got.Remaining != minute.Limit-spec.used || got.Admitted != admitted {
				t.Fatalf("call %d (%d): %+v, the model spent %d", i, op, got, spec.used)
			}
			if left := got.Reset.Sub(c.t); left <= 0 || left > minute.Window || got.Reset.Nanosecond() != 0 {
				t.Fatalf("call %d (%d): reset %v ahead", i, op, left)
			}
		}
	})
}
