package auth

import (
	"sync"
	"time"
)

// knownUsers are users who were found upstream within the last minute. The zero value is
// ready to use.
type knownUsers struct {
	mu    sync.Mutex
	until map[string]time.Time
}

const (
	maxKnownUsers = 10_000
	knownFor      = time.Minute
)

func (k *knownUsers) has(id string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return now.Before(k.until[id])
}

func (k *knownUsers) add(id string, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until == nil || len(k.until) >= maxKnownUsers {
		k.until = make(map[string]time.Time)
	}
	k.until[id] = now.Add(knownFor)
}

func (k *knownUsers) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.until, id)
}
