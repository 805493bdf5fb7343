package main

import (
	"sync"
	"time"
)

// doze is how long the watch of the machine sleeps at a time.
const doze = 5 * time.Millisecond

// stalls watches how late this program is woken, which is how long the machine
// keeps everybody waiting. The function that it returns ends the watch and
// returns the worst.
func stalls() func() time.Duration {
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
			begun := time.Now()
			time.Sleep(doze)
			worst = max(worst, time.Since(begun)-doze)
		}
	})
	return func() time.Duration {
		close(stop)
		done.Wait()
		return worst
	}
}
