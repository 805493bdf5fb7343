package installation

import (
	"context"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// How old an answer may be. A reading that failed is not tried again sooner than
// after failedFor.
const (
	installationFor = 5 * time.Second
	statsFor        = time.Minute
	failedFor       = time.Second
)

// Reports answers developers. However many ask, it reads no more than once in the
// time for which an answer holds. Safe for concurrent use.
type Reports struct {
	Describe func(context.Context) (Installation, error)
	Count    func(context.Context) (Stats, error)
	Clock    func() time.Time // of this machine, for spans

	installation recent[Installation]
	stats        recent[Stats]
}

// Installation describes the installation.
func (r *Reports) Installation(ctx context.Context) (Installation, error) {
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return Installation{}, err
	}
	return r.installation.get(ctx, r.Clock, installationFor, r.Describe)
}

// Stats counts what the installation holds.
func (r *Reports) Stats(ctx context.Context) (Stats, error) {
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return Stats{}, err
	}
	return r.stats.get(ctx, r.Clock, statsFor, r.Count)
}

// recent is the last reading of a value, which its callers share.
type recent[T any] struct {
	mu    sync.Mutex
	until time.Time
	value T
	err   error
}

// get returns the last reading while it holds, or else reads again: for all who
// wait meanwhile, so that the end of one caller's request is not the reading's.
func (r *recent[T]) get(
	ctx context.Context, clock func() time.Time, life time.Duration, read func(context.Context) (T, error),
) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := clock(); now.After(r.until) || r.until.Sub(now) > life {
		if r.value, r.err = read(context.WithoutCancel(ctx)); r.err != nil {
			life = failedFor
		}
		r.until = clock().Add(life)
	}
	return r.value, r.err
}
