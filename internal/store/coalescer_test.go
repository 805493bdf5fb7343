package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowly makes a coalescer of one worker that takes a second for each batch, which it
// notes.
func slowly(t *testing.T, key func(*string) string, batches *[][]string) *coalescer[string, string] {
	c := newCoalescer(1, func() time.Duration { return time.Hour }, key, func(jobs []string) ([]result[string], error) {
		time.Sleep(time.Second)
		*batches = append(*batches, jobs)
		results := make([]result[string], len(jobs))
		for i, j := range jobs {
			results[i].value = j + "!"
		}
		return results, nil
	})
	c.patience = time.Minute
	t.Cleanup(c.close)
	return c
}

// come has the jobs come one after the other, while the first is run alone.
func come(t *testing.T, c *coalescer[string, string], jobs ...string) *sync.WaitGroup {
	var all sync.WaitGroup
	for _, job := range jobs {
		all.Go(func() {
			if got, err := c.do(t.Context(), job); err != nil || got != job+"!" {
				t.Errorf("%s got %q, %v", job, got, err)
			}
		})
		synctest.Wait()
	}
	return &all
}

// One job is run at once; those that come meanwhile are run together; of those with one
// key the later ones wait for the next batch.
func TestCoalescerRunsTogetherWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]string
		come(t, slowly(t, nil, &batches), "a", "b", "b", "c").Wait()
		wantEqual(t, batches, [][]string{{"a"}, {"b", "b", "c"}})
		batches = nil
		come(t, slowly(t, func(j *string) string { return *j }, &batches), "a", "b", "b", "c", "b").Wait()
		wantEqual(t, batches, [][]string{{"a"}, {"b", "c"}, {"b"}, {"b"}})
	})
}

// A caller who is gone, or has waited for long, leaves while its job waits. The others
// of the batch are run, and the time counts as that of the request.
func TestCoalescerCallersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]string
		c := slowly(t, nil, &batches)
		all := come(t, c, "a")
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := c.do(ctx, "gone")
			gone <- err
		}()
		synctest.Wait()
		others := come(t, c, "b")
		cancel()
		wantError(t, <-gone, context.Canceled)
		c.patience = 250 * time.Millisecond
		request := WithBudget(t.Context())
		_, err := c.do(request, "impatient")
		wantError(t, err, errNotShared)
		wantEqual(t, budgetFrom(request).used(), 250*time.Millisecond)
		all.Wait()
		others.Wait()
		wantEqual(t, batches, [][]string{{"a"}, {"b"}})
	})
}

// A caller whose job is run learns that its outcome is unknown once its own time is
// over; one whose job has no effect may go at once.
func TestCoalescerCallersDoNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		c := newCoalescer(1, func() time.Duration { return 3 * time.Second }, nil, func([]string) ([]result[string], error) {
			<-free
			return nil, errors.New("of all")
		})
		t.Cleanup(c.close)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := c.do(ctx, "a")
		wantError(t, err, errUncertain)
		wantEqual(t, time.Since(begun), 3*time.Second)
		close(free)
		_, err = c.do(t.Context(), "b")
		wantEqual(t, err.Error(), "of all")

		free, c.effectless = make(chan struct{}), true
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.do(ctx, "c")
		wantError(t, err, context.DeadlineExceeded)
		close(free)
	})
}

// A panic is the error of those who shared the statement, and ends no worker.
func TestCoalescerOutlivesPanics(t *testing.T) {
	c := newCoalescer(1, func() time.Duration { return time.Minute }, nil, func(jobs []string) ([]result[string], error) {
		if jobs[0] == "odd" {
			panic("what nobody thought of")
		}
		return make([]result[string], len(jobs)), nil
	})
	t.Cleanup(c.close)
	if _, err := c.do(t.Context(), "odd"); err == nil || !strings.Contains(err.Error(), "what nobody thought of") {
		t.Errorf("it got %v", err)
	}
	_, err := c.do(t.Context(), "even")
	wantEqual(t, err, nil)
}

// No more jobs wait than there is room for, and none once it was closed.
func TestCoalescerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]string
		c := slowly(t, nil, &batches)
		jobs := come(t, c, slices.Repeat([]string{"a"}, maxWaiting+1)...) // one of them is run
		refused := func(want error) {
			t.Helper()
			_, err := c.do(t.Context(), "late")
			wantError(t, err, want)
		}
		refused(errNotShared)
		jobs.Wait()
		for _, batch := range batches {
			if len(batch) > maxBatch {
				t.Errorf("a batch of %d", len(batch))
			}
		}
		c.close()
		refused(errClosed)
	})
}
