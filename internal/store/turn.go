package store

import "sync/atomic"

// turn is the turn of a job in a queue, which either comes or is given up. The zero
// value waits. Safe for concurrent use.
type turn struct{ state atomic.Int32 }

const (
	waiting int32 = iota
	started
	abandoned
)

// take reports whether the job may run: it was not given up.
func (t *turn) take() bool {
	return t.state.CompareAndSwap(waiting, started) || t.state.Load() == started
}

// leave reports whether the turn was given up before it came.
func (t *turn) leave() bool { return t.state.CompareAndSwap(waiting, abandoned) }

// left reports whether the turn was given up.
func (t *turn) left() bool { return t.state.Load() == abandoned }

// gather appends what else waits in the queue to the batch, up to most in all. It waits
// for nothing.
func gather[J any](batch []J, queue <-chan J, most int) []J {
	for len(batch) < most {
		select {
		case j, ok := <-queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}
