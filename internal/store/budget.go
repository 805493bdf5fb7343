package store

import (
	"context"
	"sync/atomic"
	"time"
)

// budget is the time that the store calls of one request share. It is itself
// the context that carries it, so that it costs a request one allocation. Safe
// for concurrent use.
type budget struct {
	context.Context
	spent atomic.Int64           // nanoseconds that the calls have taken so far
	turn  atomic.Pointer[func()] // ends the turn that the request has (see Store.Turn); nil: it has none
}

type budgetKey struct{}

// WithBudget returns a context whose store calls share one time budget:
// together they keep a request no longer than a single call may. Without it,
// each call has a budget of its own.
func WithBudget(ctx context.Context) context.Context { return &budget{Context: ctx} }

// Await returns a context for a request's wait for work that it shares with
// others, whose store calls count for nobody: it ends when the budget does, from
// which the time until cancel is taken.
func Await(ctx context.Context) (within context.Context, cancel context.CancelFunc) {
	begun, b := time.Now(), budgetFrom(ctx)
	within, end := context.WithTimeout(ctx, callTimeout-b.used())
	return within, func() {
		end()
		b.use(time.Since(begun))
	}
}

// Value returns the budget under its key.
func (b *budget) Value(key any) any {
	if _, ok := key.(budgetKey); ok {
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

func (b *budget) used() time.Duration { return time.Duration(b.spent.Load()) }

// leave ends the turn that the request has, if any.
func (b *budget) leave() {
	if end := b.turn.Swap(nil); end != nil {
		(*end)()
	}
}

func (b *budget) use(d time.Duration) { b.spent.Add(int64(d)) }
