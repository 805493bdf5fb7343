package store

import (
	"context"
	"testing"
	"time"
)

func TestCallsOfARequestShareOneBudget(t *testing.T) {
	request := WithBudget(t.Context())
	budgetFrom(request).take(time.Second)
	child, cancel := context.WithTimeout(context.WithoutCancel(request), time.Hour)
	defer cancel()
	budgetFrom(child).take(time.Minute)
	wantEqual(t, budgetFrom(request).taken(), time.Minute+time.Second)
	wantEqual(t, budgetFrom(WithBudget(request)).taken(), 0)
	budgetFrom(t.Context()).take(time.Second)
	wantEqual(t, budgetFrom(t.Context()).taken(), 0)
}

func TestBudgetCostsOneAllocation(t *testing.T) {
	ctx := t.Context()
	var request context.Context
	if n := testing.AllocsPerRun(100, func() { request = WithBudget(ctx) }); n != 1 {
		t.Errorf("a request's budget takes %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { budgetFrom(request).take(time.Second) }); n != 0 {
		t.Errorf("a call in a budget takes %v allocations", n)
	}
}
