package audit

import (
	"context"
	"sync"
)

const (
	maxQueued   = 1 << 16 // reads that wait to be written
	maxAppended = 200     // reads that are written at once
)

// Queue keeps reads of health data until they are written. If Flush is called
// every second, they are written within a second; what is left when the process
// ends must be flushed. Safe for concurrent use.
type Queue struct {
	// Append writes some entries in their order, all or none.
	Append func(ctx context.Context, entries []Access) error

	mu      sync.Mutex
	waiting []Access
	dropped uint64
	writing sync.Mutex
}

// Read adds a read to the queue, or counts it as dropped if the queue is full.
// It does not block.
func (q *Queue) Read(a Access) {
	if !q.Admit(a) {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.dropped++
	}
}

// Admit adds a read to the queue, or reports false if the queue is full. It does not
// block.
func (q *Queue) Admit(a Access) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxQueued {
		return false
	}
	q.waiting = append(q.waiting, a)
	return true
}

// Flush writes the queue. If that fails, the reads stay in it, in their order.
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
	for len(batch) > 0 {
		n := min(len(batch), maxAppended)
		if err := q.Append(ctx, batch[:n]); err != nil {
			q.mu.Lock()
			q.waiting = append(batch, q.waiting...)
			q.mu.Unlock()
			return err
		}
		batch = batch[n:]
	}
	return nil
}

// Waiting returns how many reads are in the queue.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Dropped returns how many reads were not kept because the queue was full.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
