package store

import (
	"context"
	"sync/atomic"
	"time"
)

// budget is the time that the calls of one request share. It is the context in
// which they find it, so that a request costs one allocation. Safe for
// concurrent use.
type budget struct {
	context.Context
	spent atomic.Int64 // nanoseconds that the calls have taken so far
}

type budgetKey struct{}

// WithBudget returns a context whose calls to a store share one time budget: all
// of them together keep a request for no longer than one alone may. Calls in a
// context without a budget have one each.
func WithBudget(ctx context.Context) context.Context { return &budget{Context: ctx} }

// Value returns the budget under its key.
func (b *budget) Value(key any) any {
	if key == (budgetKey{}) {
		return b
	}
	return b.Context.Value(key)
}

// budgetFrom returns the budget of ctx, or a new one.
func budgetFrom(ctx context.Context) *budget {
	if b, ok := ctx.Value(budgetKey{}).(*budget); ok {
		return b
	}
	return new(budget)
}

func (b *budget) taken() time.Duration { return time.Duration(b.spent.Load()) }

func (b *budget) take(d time.Duration) { b.spent.Add(int64(d)) }
