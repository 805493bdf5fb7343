package audit

import (
	"context"
	"sync"
)

// maxQueued bounds the reads that wait to be written.
const maxQueued = 1 << 16

// Queue keeps reads of health data until they are written: within a second
// where Flush is called each second, and all of them where it is called before
// the process ends. Safe for concurrent use.
type Queue struct {
	// Append writes entries in their order, all or none.
	Append func(ctx context.Context, entries []Access) error

	mu      sync.Mutex
	waiting []Access
	dropped uint64
	writing sync.Mutex
}

// Read takes note of a read. It does not block.
func (q *Queue) Read(a Access) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxQueued {
		q.dropped++
		return
	}
	q.waiting = append(q.waiting, a)
}

// Flush writes what waits. What could not be written waits on.
func (q *Queue) Flush(ctx context.Context) error {
	q.writing.Lock()
	defer q.writing.Unlock()
	q.mu.Lock()
	batch := q.waiting
	q.waiting = nil
	q.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := q.Append(ctx, batch)
	if err != nil {
		q.mu.Lock()
		q.waiting = append(batch, q.waiting...)
		q.mu.Unlock()
	}
	return err
}

// Dropped returns how many reads were not kept because too many waited.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
