package auth

import (
	"sync"

	"github.com/openwearables/openwearables/internal/credential"
)

// maxCached bounds the credentials kept in memory.
const maxCached = 1 << 16

// cache keeps proved credentials by their keyed hash. forget(subject) returns
// only after no credential of the subject is in it, and a proof that was under
// way meanwhile is not put into it: so once a revocation that called forget
// has answered, no later request finds what it revoked. Safe for concurrent
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

// get returns the principal of the credential, or nil and the epoch with which
// one that is proved from now on may be put.
func (c *cache) get(h credential.Hash) (*Principal, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.entries[h], c.epoch
}

// put keeps p unless something was forgotten since epoch.
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

// remove drops one credential, for its time is over.
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

// evict makes room by dropping some entry: a map's order is arbitrary.
func (c *cache) evict() {
	for h := range c.entries {
		c.drop(h)
		return
	}
}
