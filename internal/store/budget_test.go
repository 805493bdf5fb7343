package store

import (
	"context"
	"testing"
	"time"
)

func TestCallsOfARequestShareOneBudget(t *testing.T) {
	request := WithBudget(t.Context())
	budgetFrom(request).use(time.Second)
	child, cancel := context.WithTimeout(context.WithoutCancel(request), time.Hour)
	defer cancel()
	budgetFrom(child).use(time.Minute)
	wantEqual(t, budgetFrom(request).used(), time.Minute+time.Second)
	wantEqual(t, budgetFrom(WithBudget(request)).used(), 0)
	budgetFrom(t.Context()).use(time.Second)
	wantEqual(t, budgetFrom(t.Context()).used(), 0)
}

func TestBudgetCostsOneAllocation(t *testing.T) {
	ctx := t.Context()
	var request context.Context
	if n := testing.AllocsPerRun(100, func() { request = WithBudget(ctx) }); n != 1 {
		t.Errorf("a request's budget takes %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { budgetFrom(request).use(time.Second) }); n != 0 {
		t.Errorf("a call in a budget takes %v allocations", n)
	}
}
