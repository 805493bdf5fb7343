package usage

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
)

const (
	// maxPending bounds the sources that wait to be written. Beyond it, clients and
	// networks are no longer told apart; beyond twice that, requests are lost.
	maxPending = 1 << 17
	// batchSize is how many sources one transaction writes.
	batchSize = 100
)

// Store keeps counts.
type Store interface {
	// AddUsage adds the counts, all or none, unless the writer has added a batch
	// of the same number or a later one before.
	AddUsage(ctx context.Context, writer string, number int64, counts []Count) error
}

// queue holds what was counted until it is written. A batch whose write has
// failed is written again as it is, under the same number, so that it counts once
// even if the failed write was done. Safe for concurrent use.
type queue struct {
	store  Store
	writer string

	mu      sync.Mutex // held while writing
	pending map[Source]Tally
	batch   []Count
	number  int64

	waiting, written, failures, rows atomic.Int64
}

func newQueue(store Store) *queue {
	return &queue{store: store, writer: rand.Text(), pending: make(map[Source]Tally)}
}

// Flush writes what was counted. What it cannot write, the next call writes.
func (m *Meter) Flush(ctx context.Context) error {
	q := m.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	m.take(func(s Source, t Tally) {
		if !q.add(s, t) {
			m.lost.Add(uint64(t.Requests))
		}
	})
	err := q.write(ctx)
	q.waiting.Store(int64(len(q.pending) + len(q.batch)))
	return err
}

// add reports whether there was room.
func (q *queue) add(s Source, t Tally) bool {
	old, ok := q.pending[s]
	if !ok && len(q.pending) >= maxPending {
		s.Client, s.Network = Other, Other
		if old, ok = q.pending[s]; !ok && len(q.pending) >= 2*maxPending {
			return false
		}
	}
	old.Add(t)
	q.pending[s] = old
	return true
}

func (q *queue) write(ctx context.Context) error {
	for {
		if len(q.batch) == 0 {
			q.next()
		}
		if len(q.batch) == 0 {
			return nil
		}
		if err := q.store.AddUsage(ctx, q.writer, q.number, q.batch); err != nil {
			q.failures.Add(1)
			return err
		}
		q.rows.Add(int64(len(q.batch)))
		for i := range q.batch {
			q.written.Add(q.batch[i].Requests)
		}
		q.batch = nil
	}
}

// next moves some of what is pending into a new batch.
func (q *queue) next() {
	for s, t := range q.pending {
		if len(q.batch) == batchSize {
			break
		}
		q.batch = append(q.batch, Count{s, t})
		delete(q.pending, s)
	}
	if len(q.batch) > 0 {
		q.number++
	}
}

// Stats describes the work of a meter since it was made, in requests except for
// Waiting and Rows, which are sources, and Failures, which are flushes.
type Stats struct{ Waiting, Written, Rows, Failures, Lost float64 }

// Stats returns the statistics of the meter.
func (m *Meter) Stats() Stats {
	q := m.queue
	return Stats{
		Waiting: float64(q.waiting.Load()), Written: float64(q.written.Load()),
		Rows: float64(q.rows.Load()), Failures: float64(q.failures.Load()), Lost: float64(m.lost.Load()),
	}
}
