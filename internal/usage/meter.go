package usage

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

const (
	maxCells = 1 << 17 // of all shards
	minCells = 1 << 9  // of one shard
	// idleFor is how long a cell without requests is kept.
	idleFor = 10 * time.Minute
)

// Meter counts requests. Count never waits; Flush writes what was counted. Safe
// for concurrent use.
type Meter struct {
	now    func() time.Time
	most   int // cells of a shard
	shards []shard
	queue  *queue

	lost atomic.Uint64 // requests that nothing was left to count with
}

// NewMeter returns a meter that writes to the store. now is the store's time.
func NewMeter(store Store, now func() time.Time) *Meter {
	n := 1
	for n < 4*runtime.GOMAXPROCS(0) {
		n *= 2
	}
	m := &Meter{now: now, most: max(minCells, maxCells/n), shards: make([]shard, n), queue: newQueue(store)}
	for i := range m.shards {
		m.shards[i].cells = make(map[cellKey]*cell)
	}
	return m
}

// Outcome is how a request was answered.
type Outcome uint8

const (
	succeeded Outcome = iota
	refused
	limited
	failed
	outcomes
)

// OutcomeOf returns the outcome that an HTTP status tells.
func OutcomeOf(status int) Outcome {
	switch {
	case status == 429:
		return limited
	case status >= 500:
		return failed
	case status >= 400:
		return refused
	default:
		return succeeded
	}
}

// Count counts one request of the caller, unless it has proved no credential.
func (m *Meter) Count(c *auth.Caller, operation string, outcome Outcome) {
	h := c.Holder()
	if h.Kind == 0 {
		return
	}
	if !strings.HasPrefix(h.AppID, string(credential.AppID)) { // a developer or a key has minted the token
		h.AppID = ""
	}
	k := cellKey{holder: h, operation: operation}
	if outcome == limited { // the limit would not bound how many different ones there are
		k.other = true
	} else {
		k.client, k.network = c.Client, network(c.Address)
	}
	m.count(k, m.now(), outcome)
}

// count goes from shard to shard until it finds one that nobody holds. There are
// more of them than goroutines that run.
func (m *Meter) count(k cellKey, at time.Time, outcome Outcome) {
	for i := rand.Uint32(); ; i++ {
		s := &m.shards[int(i)&(len(m.shards)-1)]
		if !s.mu.TryLock() {
			continue
		}
		counted := s.count(k, at, outcome, m.most)
		s.mu.Unlock()
		if !counted {
			m.lost.Add(1)
		}
		return
	}
}

// network returns the /24 of an address, or its /48 for IPv6; zero if it is
// unknown.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // the zero address has no prefix
	return p
}

// shard is a part of what is counted. Any shard may hold any key.
type shard struct {
	mu    sync.Mutex
	cells map[cellKey]*cell
	_     [64]byte // keeps the mutexes of two shards out of one cache line
}

// cellKey tells requests apart as they come. What costs time is taken from it
// later: see cell.
type cellKey struct {
	holder    auth.Holder
	operation string
	client    string // User-Agent
	network   netip.Prefix
	other     bool // client and network are not told apart
}

// cell counts the requests of one key. It stays when it was taken, so that the
// next request allocates nothing.
type cell struct {
	slots    [2]slot // of even and odd minutes
	lastUsed int64   // microseconds since 1970

	client, network string // as they are stored; "" until the cell is first taken
}

type slot struct {
	minute int64
	counts [outcomes]int64
}

func (s *slot) sum() int64 { return s.counts[0] + s.counts[1] + s.counts[2] + s.counts[3] }

// count counts one request and reports whether there was room.
func (s *shard) count(k cellKey, at time.Time, outcome Outcome, most int) bool {
	c := s.cells[k]
	if c == nil && len(s.cells) >= most {
		k.client, k.network, k.other = "", netip.Prefix{}, true
		if c = s.cells[k]; c == nil && len(s.cells) >= 2*most {
			return false
		}
	}
	if c == nil {
		c = new(cell)
		k.client = strings.Clone(k.client) // which is part of a whole header
		s.cells[k] = c
	}
	micros := at.UnixMicro()
	minute := micros / int64(time.Minute/time.Microsecond)
	slot := &c.slots[minute&1]
	if slot.minute != minute && slot.sum() == 0 {
		slot.minute = minute // else it was not taken for two minutes, and keeps the older
	}
	slot.counts[outcome]++
	c.lastUsed = max(c.lastUsed, micros)
	return true
}

// take calls f with what was counted since the last call, and drops cells that
// are idle.
func (m *Meter) take(f func(Source, Tally)) {
	idleSince := m.now().Add(-idleFor).UnixMicro()
	for i := range m.shards {
		m.shards[i].take(f, idleSince, m.most)
	}
}

func (s *shard) take(f func(Source, Tally), idleSince int64, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	crowded := len(s.cells) > most/2
	for k, c := range s.cells {
		idle := true
		for i := range c.slots {
			slot := &c.slots[i]
			if slot.sum() == 0 {
				continue
			}
			idle = false
			f(c.source(&k, slot.minute), slot.tally(c.lastUsed))
			slot.counts = [outcomes]int64{}
		}
		if idle && (crowded || c.lastUsed < idleSince) {
			delete(s.cells, k)
		}
	}
}

// source returns the source of the requests of one minute.
func (c *cell) source(k *cellKey, minute int64) Source {
	if c.client == "" {
		c.client, c.network = ClientName(k.client), Unknown
		if k.network.IsValid() {
			c.network = k.network.String()
		}
		if k.other {
			c.client, c.network = Other, Other
		}
	}
	return Source{Holder: k.holder, Operation: k.operation, Client: c.client, Network: c.network, Minute: minute}
}

func (s *slot) tally(lastUsed int64) Tally {
	return Tally{
		Requests: s.sum(), Refused: s.counts[refused], Limited: s.counts[limited], Failed: s.counts[failed],
		LastUsedAt: time.UnixMicro(lastUsed).UTC(),
	}
}
