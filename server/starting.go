package server

import (
	"sync"
	"time"
)

// A start says what it is doing once a step takes longer than slowStep, and again
// after each repeatStep.
const (
	slowStep   = time.Second
	repeatStep = 10 * time.Second
)

// step notes what the start is doing from now on, until done is called.
func (s *Server) step(name string) (done func()) {
	begun, ended := time.Now(), make(chan struct{})
	go func() {
		for wait := slowStep; ; wait = repeatStep {
			timer := time.NewTimer(wait)
			select {
			case <-ended:
				timer.Stop()
				return
			case <-timer.C:
				s.config.Log.Info("the start is at a step that takes long", "step", name, "seconds", int(time.Since(begun)/time.Second))
			}
		}
	}()
	return sync.OnceFunc(func() { close(ended) })
}
