package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every work on a stock is answered as it must be, whichever of its rows it meets; a day
// of its users is replayed, its application ends, and the page tells of all that.
func TestStockOnSQLite(t *testing.T) {
	const size = 200
	l := newTestLab(t)
	var chosen []work
	for _, w := range scaleWorks(size) {
		if w.on == sqlite {
			chosen = append(chosen, w)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r := &result{chosen: chosen, about: about{Rounds: 1, Slice: 0.1}}
	var err error
	if r.samples, err = l.rounds(ctx, chosen, 1, 100*time.Millisecond, t.Output()); err != nil {
		t.Fatal(err)
	}
	day, err := l.day(ctx, sqlite, size, time.Second, r)
	if err != nil {
		t.Fatal(err)
	}
	once, err := l.moments(ctx, sqlite, size)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	file := filepath.Join(root, scaleFile)
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("before\n"+scaleBegins+"old\n"+scaleEnds+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.writeScale(root, size, append(once, day)); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"before\n" + scaleBegins, "\n" + scaleEnds + "after\n", "200 keys, 200 users, 2,000 sessions",
		"| deletion of an application with 200 sessions | SQLite | 200 | answered 204", "1,000 calls in ",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not hold %q:\n%s", want, page)
		}
	}
}

// The calls of a day begin at its begin, end at its end, and half of them are over at noon.
func TestDayTime(t *testing.T) {
	for part, want := range map[float64]float64{0: 0, 0.5: 0.5, 1: 1} {
		if got := dayTime(part); math.Abs(got-want) > 1e-6 {
			t.Errorf("%v of the calls have begun after %v of the day, want %v", part, got, want)
		}
	}
	if got := dayCurve(dayTime(0.2)); math.Abs(got-0.2) > 1e-6 {
		t.Errorf("a fifth of the calls is %v", got)
	}
}
