package main

import (
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/prove/record"
)

// The watch of the machine sleeps for a doze at a time. It is notable when it is
// woken so much later.
const (
	doze    = 5 * time.Millisecond
	notable = 100 * time.Millisecond
)

// stalls watches how late this program is woken, which is how long the machine
// keeps everybody waiting, and notes it in the record. The function that it
// returns ends the watch and returns the worst.
func stalls(log *record.Recorder) func() time.Duration {
	var worst time.Duration
	stop := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			begun := log.Now()
			time.Sleep(doze)
			due, woken := begun+int64(doze), log.Now()
			late := time.Duration(woken - due)
			worst = max(worst, late)
			if late > notable {
				log.Add(record.Call{Client: "harness", Op: "stall", Start: due, End: woken})
			}
		}
	})
	return func() time.Duration {
		close(stop)
		done.Wait()
		return worst
	}
}
