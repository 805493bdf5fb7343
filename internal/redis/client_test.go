package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/internal/redis"
)

func client(t testing.TB, s *redistest.Server, timeout time.Duration) *redis.Client {
	c := redis.New(redis.Options{Network: "tcp", Addrs: []string{s.Addr()}, Timeout: timeout})
	t.Cleanup(c.Close)
	return c
}

func echo(ctx context.Context, c *redis.Client, text string) error {
	v, err := c.Do(ctx, "ECHO", text)
	if got, _ := v.Text(); err == nil && got != text {
		err = fmt.Errorf("%q was answered %q", text, got)
	}
	return err
}

// However many call at once, each gets its own answer, over one connection.
func TestCallersShareAConnection(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := client(t, s, 10*time.Second)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for j := range 200 {
				if err := echo(t.Context(), c, fmt.Sprint(i, "-", j)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := strings.Count(s.Do("CLIENT", "LIST"), "id="); n != 2 { // with the one that asks
		t.Errorf("%d connections", n)
	}
	answers, err := c.Pipeline(t.Context(), [][]string{{"SET", "k", "1"}, {"LPUSH", "k", "x"}, {"GET", "k"}})
	if err != nil || len(answers) != 3 || answers[1].Err() == nil {
		t.Fatalf("%+v, %v", answers, err)
	}
	if text, _ := answers[2].Text(); text != "1" {
		t.Errorf("after one that failed: %q", text)
	}
}

// A server that does not answer in time costs one connection, all of whose callers get
// the same error; then there is another one.
func TestOverdueCallEndsTheConnectionOnce(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := client(t, s, 300*time.Millisecond)
	if err := echo(t.Context(), c, "before"); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	errs := make([]error, 20)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = echo(t.Context(), c, "paused") })
	}
	all.Wait()
	first, ok := errors.AsType[*redis.LostError](errs[0])
	for _, err := range errs {
		if lost, is := errors.AsType[*redis.LostError](err); !ok || !is || lost != first {
			t.Errorf("%v, not %v", err, first)
		}
	}
	if n := c.Stats().Late; n != 1 {
		t.Errorf("%d connections were late", n)
	}
	s.Continue()
	for end := time.Now().Add(10 * time.Second); echo(t.Context(), c, "after") != nil; {
		if time.Now().After(end) {
			t.Fatal("it does not connect again")
		}
	}
}

// A caller that leaves gets its own error at once, and disturbs nobody's answers.
func TestCallersMayLeave(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := client(t, s, 20*time.Second)
	if err := echo(t.Context(), c, "before"); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	stays := make(chan error)
	ctx, leave := context.WithCancel(t.Context())
	go func() { stays <- echo(t.Context(), c, "stays") }()
	gone := make(chan error)
	for i := range 10 {
		go func() { gone <- echo(ctx, c, fmt.Sprint("leaves ", i)) }()
	}
	leave()
	for range 10 {
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	s.Continue()
	if err := <-stays; err != nil {
		t.Error(err)
	}
	for i := range 10 {
		if err := echo(t.Context(), c, fmt.Sprint("after ", i)); err != nil {
			t.Error(err)
		}
	}
}

// A connection that the server ends, also between two calls, fails at most the calls
// under way.
func TestEndedConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := client(t, s, 10*time.Second)
	for range 5 {
		if err := echo(t.Context(), c, "one"); err != nil {
			t.Fatal(err)
		}
		s.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		for end := time.Now().Add(10 * time.Second); c.Stats().Connections > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it does not notice")
			}
		}
	}
	c.Close()
	if err := echo(t.Context(), c, "closed"); err == nil {
		t.Error("it goes on after its end")
	}
}

// A script that the server does not know, or has forgotten, is sent again.
func TestScriptsAreKnownAgain(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := client(t, s, 10*time.Second)
	script := redis.NewScript("return {KEYS[1], tonumber(ARGV[1])}")
	for range 3 {
		v, err := script.Run(t.Context(), c, []string{"a"}, "7")
		if err != nil || len(v.List()) != 2 {
			t.Fatal(v, err)
		}
		if n, ok := v.List()[1].Number(); !ok || n != 7 {
			t.Error(v)
		}
		s.Do("SCRIPT", "FLUSH")
	}
}

func BenchmarkCalls(b *testing.B) {
	s := redistest.Start(b)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			c := client(b, s, 10*time.Second)
			b.SetParallelism(callers) // times the processors
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := echo(b.Context(), c, "bench"); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
