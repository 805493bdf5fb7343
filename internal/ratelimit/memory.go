package ratelimit

import (
	"context"
	"hash/maphash"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// classWindows is how many windows of one policy name are kept.
const classWindows = 1 << 17

// classShards is how many locks the windows of one policy name are spread over.
const classShards = 64

// candidates is how many windows are compared to find one to drop.
const candidates = 64

// A Memory is a Counter for one process. It is exact under concurrency, never
// blocks, ignores its contexts and returns no errors.
//
// It keeps at most 131072 windows of each policy name. When that many are kept,
// a new window takes the place of one that is over, or else of the least used of
// the 64 in its shard that opened first. A full window of a policy that Locks is
// never dropped: if all in a shard are full, Take refuses new ids until one ends.
// Windows of other names are not touched. Policy names must therefore be a closed
// set.
//
// Windows are measured on the monotonic clock if the times of now carry one, so
// that setting the wall clock neither ends nor lengthens a window. If they do
// not, a step back counts as no time passing.
type Memory struct {
	now     func() time.Time
	seed    maphash.Seed
	mu      sync.Mutex // held to add a class
	classes atomic.Pointer[map[string]*class]
}

// NewMemory returns an empty counter. A nil now is time.Now.
func NewMemory(now func() time.Time) *Memory {
	if now == nil {
		now = time.Now
	}
	m := &Memory{now: now, seed: maphash.MakeSeed()}
	m.classes.Store(&map[string]*class{})
	return m
}

// Take implements Counter.
func (m *Memory) Take(_ context.Context, p Policy, id string) (Window, error) {
	s := m.shard(p.Name, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.read(m.now())
	b := s.find(id, t)
	if b == nil {
		if p.Limit <= 0 {
			return p.window(0, p.reset(t.wall), false), nil
		}
		if b = s.open(p, id, t); b == nil {
			return p.window(0, s.first.resetAt(p, t), false), nil
		}
	}
	admitted := b.used+p.Units() <= p.Limit
	if admitted {
		b.used += p.Units()
	}
	return p.window(b.used, b.resetAt(p, t), admitted), nil
}

// Peek implements Counter.
func (m *Memory) Peek(_ context.Context, p Policy, id string) (Window, error) {
	s := m.shard(p.Name, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.read(m.now())
	b := s.find(id, t)
	if b == nil {
		return p.Fresh(t.wall), nil
	}
	return p.window(b.used, b.resetAt(p, t), b.used+p.Units() <= p.Limit), nil
}

// Return implements Counter.
func (m *Memory) Return(_ context.Context, p Policy, id string) error {
	s := m.shard(p.Name, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.find(id, s.read(m.now())); b != nil {
		if b.used--; b.used <= 0 {
			s.drop(b)
		}
	}
	return nil
}

// Spent is what was spent in one open window.
type Spent struct {
	Policy string // its name
	ID     string
	Used   int
	Left   time.Duration // until the window ends
}

// Spent returns at most so many of the open windows in which something was spent,
// first those that last for more than a minute.
func (m *Memory) Spent(most int) []Spent {
	var list []Spent
	for _, long := range []bool{true, false} {
		for name, c := range *m.classes.Load() {
			for i := range c {
				list = c[i].appendSpent(list, m.now, name, long, most)
			}
		}
	}
	return list
}

// Clear forgets all windows.
func (m *Memory) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.classes.Store(&map[string]*class{})
}

func (m *Memory) shard(name, id string) *shard {
	c := (*m.classes.Load())[name]
	if c == nil {
		c = m.addClass(name)
	}
	return &c[maphash.String(m.seed, id)%classShards]
}

func (m *Memory) addClass(name string) *class {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.classes.Load()
	if c := old[name]; c != nil {
		return c
	}
	classes := maps.Clone(old)
	classes[name] = new(class)
	m.classes.Store(&classes)
	return classes[name]
}

// A class holds the windows of one policy name.
type class [classShards]shard

// A shard holds a class's windows of some ids, in a list in the order of their
// opening. All windows of a class have one length, so the first is also the
// first to end.
type shard struct {
	mu      sync.Mutex
	clock   reading // the latest
	buckets map[string]*bucket
	first   *bucket
	last    *bucket
}

// A reading is one look at the clock: steady for measuring, wall for reporting.
type reading struct {
	steady time.Duration // elapsed for this shard; never decreases
	wall   time.Time
}

// A bucket is one id's window.
type bucket struct {
	id         string
	used       int
	end        time.Duration // on the steady clock
	reset      int64         // the same moment in unix seconds, as the wall clock stood at the opening
	prev, next *bucket
}

// read reads the clock. The shard must be locked, and now taken under that
// lock.
func (s *shard) read(now time.Time) reading {
	if !s.clock.wall.IsZero() {
		s.clock.steady += max(0, now.Sub(s.clock.wall))
	}
	s.clock.wall = now
	return s.clock
}

// appendSpent appends the open windows in which something was spent and that last
// for more than a minute, or those that do not, until the list has most.
func (s *shard) appendSpent(list []Spent, now func() time.Time, policy string, long bool, most int) []Spent {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.read(now())
	for id, b := range s.buckets {
		left := b.end - t.steady
		if len(list) < most && b.used > 0 && left > 0 && (left > time.Minute) == long {
			list = append(list, Spent{policy, id, b.used, left})
		}
	}
	return list
}

// find returns id's open window, or nil.
func (s *shard) find(id string, t reading) *bucket {
	if b := s.buckets[id]; b != nil && b.end > t.steady {
		return b
	}
	return nil
}

// open gives id a window with nothing spent, in place of the one it had, or
// returns nil if there is no room.
func (s *shard) open(p Policy, id string, t reading) *bucket {
	b := s.buckets[id]
	if b == nil {
		if !s.makeRoom(p, t) {
			return nil
		}
		b = &bucket{id: strings.Clone(id)}
		if s.buckets == nil {
			s.buckets = make(map[string]*bucket)
		}
		s.buckets[b.id] = b
	} else {
		s.unlink(b)
	}
	reset := p.reset(t.wall)
	b.used, b.reset, b.end = 0, reset.Unix(), t.steady+reset.Sub(t.wall)
	s.link(b)
	return b
}

// makeRoom drops up to two windows that are over, so that they go faster than
// new ones come. If the shard is still full, it drops one that is not. It returns
// false if there is none that may go.
func (s *shard) makeRoom(p Policy, t reading) bool {
	for range 2 {
		if s.first == nil || s.first.end > t.steady {
			break
		}
		s.drop(s.first)
	}
	if len(s.buckets) < classWindows/classShards {
		return true
	}
	b := s.leastUsed(p)
	if b != nil {
		s.drop(b)
	}
	return b != nil
}

// leastUsed returns the least used of the windows that opened first, those apart
// that may not be dropped, or nil if there is no other.
func (s *shard) leastUsed(p Policy) *bucket {
	var least *bucket
	n := 0
	for b := s.first; b != nil && n < candidates; b = b.next {
		if p.Locks && b.used >= p.Limit {
			continue
		}
		if n++; least == nil || b.used < least.used {
			least = b
		}
		if least.used <= 1 { // no window is kept in which nothing is spent
			break
		}
	}
	return least
}

func (s *shard) drop(b *bucket) {
	s.unlink(b)
	delete(s.buckets, b.id)
}

func (s *shard) link(b *bucket) {
	b.prev, b.next = s.last, nil
	if s.last == nil {
		s.first = b
	} else {
		s.last.next = b
	}
	s.last = b
}

func (s *shard) unlink(b *bucket) {
	if b.prev == nil {
		s.first = b.next
	} else {
		b.prev.next = b.next
	}
	if b.next == nil {
		s.last = b.prev
	} else {
		b.next.prev = b.prev
	}
}

// resetAt returns the window's end by the wall clock of t. It is the end that was
// fixed at the opening, unless the wall clock was set since so that this end is
// past, or further ahead than the window is long.
func (b *bucket) resetAt(p Policy, t reading) time.Time {
	reset := time.Unix(b.reset, 0)
	if left := reset.Sub(t.wall); left > 0 && left <= p.Length() {
		return reset
	}
	reset = ceilSecond(t.wall.Add(b.end - t.steady))
	if latest := p.reset(t.wall); reset.After(latest) {
		return latest
	}
	return reset
}
