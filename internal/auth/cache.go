package auth

import (
	"sync"

	"github.com/openwearables/openwearables/internal/credential"
)

// maxCached bounds the credentials kept in memory.
const maxCached = 1 << 16

// cache keeps the principals of verified credentials by the keyed hash of the
// credential. When forget returns, the cache holds no credential of the
// subject, and none whose verification began before can be put into it: put
// compares the epoch that get returned. So once a revocation has called forget
// and answered, no later request finds what it revoked. Safe for concurrent
// use.
type cache struct {
	mu       sync.RWMutex
	epoch    uint64 // counts calls of forget
	entries  map[credential.Hash]*Principal
	subjects map[string]map[credential.Hash]struct{}
}

func newCache() *cache {
	return &cache{
		entries:  make(map[credential.Hash]*Principal),
		subjects: make(map[string]map[credential.Hash]struct{}),
	}
}

// get returns the principal of the credential. If there is none, it returns the
// epoch to put with one that is verified from now on.
func (c *cache) get(h credential.Hash) (*Principal, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.entries[h], c.epoch
}

// size returns how many credentials are kept.
func (c *cache) size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}

// put keeps p unless forget was called since epoch.
func (c *cache) put(epoch uint64, h credential.Hash, p *Principal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != epoch {
		return
	}
	if len(c.entries) >= maxCached {
		c.evict()
	}
	c.drop(h)
	c.entries[h] = p
	if c.subjects[p.subject] == nil {
		c.subjects[p.subject] = make(map[credential.Hash]struct{})
	}
	c.subjects[p.subject][h] = struct{}{}
}

// forget drops every credential of the subject.
func (c *cache) forget(subject string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for h := range c.subjects[subject] {
		c.drop(h)
	}
}

// clear is forget for every subject.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	clear(c.entries)
	clear(c.subjects)
}

// remove drops one credential, after its own end.
func (c *cache) remove(h credential.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(h)
}

func (c *cache) drop(h credential.Hash) {
	p := c.entries[h]
	if p == nil {
		return
	}
	delete(c.entries, h)
	if delete(c.subjects[p.subject], h); len(c.subjects[p.subject]) == 0 {
		delete(c.subjects, p.subject)
	}
}

// evict drops an arbitrary entry: a map has no order.
func (c *cache) evict() {
	for h := range c.entries {
		c.drop(h)
		return
	}
}
