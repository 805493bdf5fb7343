package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain is, with the variable set, a floor.
func TestMain(m *testing.M) {
	if addr := os.Getenv(floorVariable); addr != "" {
		fmt.Fprintln(os.Stderr, serveFloor(addr, os.Args[1:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// newTestLab builds the product and returns a lab for it.
func newTestLab(t *testing.T) *lab {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "openwearables")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-o", binary, "./server/cmd/openwearables")
	cmd.Dir = filepath.Join("..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := newLab(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// Every work that needs no PostgreSQL is answered as it must be, as often as it is
// asked, and so is what memory is measured after; a page tells of it.
func TestShortRunOnSQLite(t *testing.T) {
	l := newTestLab(t)
	l.users = sessions
	var chosen []work
	for _, w := range works {
		if w.on == none || w.on == sqlite {
			chosen = append(chosen, w)
		}
	}
	if len(chosen) < 15 {
		t.Fatalf("only %d works need no PostgreSQL", len(chosen))
	}
	var progress strings.Builder
	samples, err := l.rounds(t.Context(), chosen, 1, 100*time.Millisecond, &progress)
	if err != nil {
		t.Fatal(err)
	}
	r := &result{about: about{Commit: "2026-01-01 10:00 aaa", Rounds: 1, Slice: 0.1, Whole: true}, samples: samples}
	if r.Memory, err = l.memory(t.Context(), memory{Requests: 200, Logins: 4}); err != nil {
		t.Fatal(err)
	}
	m := r.Memory
	if m.Ready <= 0 || m.After <= 0 || m.Second <= 0 || m.Rested <= 0 {
		t.Errorf("memory is %+v", m)
	}
	if taken, err := l.processorTime(); err != nil || taken < tick {
		t.Errorf("the lab took %v, %v", taken, err)
	}
	rows := r.rows()
	if len(rows) != len(chosen) || strings.Count(progress.String(), "\n") != len(chosen) {
		t.Fatalf("%d of %d works have a row, %d were told of", len(rows), len(chosen), strings.Count(progress.String(), "\n"))
	}
	text := r.text() + r.page()
	for _, one := range rows {
		if s := one.median; one.rate <= 0 || s.P50 <= 0 || s.P99 < s.P50 || s.Resident <= 0 {
			t.Errorf("%s: %+v", one.id(), one)
		}
		if len(one.ratios) != len(one.floors) || strings.Count(text, one.name) < 2 {
			t.Errorf("%s has %d ratios to %d floors:\n%s", one.id(), len(one.ratios), len(one.floors), text)
		}
		for _, ratio := range one.ratios {
			if ratio <= 0 {
				t.Errorf("%s has the ratios %v", one.id(), one.ratios)
			}
		}
	}
}

// serve serves a handler and returns what measure needs to call it.
func serve(t *testing.T, handler http.HandlerFunc) target {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler}
	go s.Serve(listener)
	t.Cleanup(func() { s.Close() })
	return target{addr: listener.Addr().String(), server: os.Getpid(), databases: []int{os.Getpid()}}
}

// An answer with another status, or with another body, ends a run by the name of the
// work; a body that may hold a secret is not told.
func TestRefusalsFailByName(t *testing.T) {
	for _, c := range []struct {
		says   string
		answer func(w http.ResponseWriter)
	}{
		{`read, SQLite, 3: answered 429, want 200: {"detail":"Too many"}`, func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"detail":"Too many"}`)
		}},
		{"read, SQLite, 3: answered 201, want 200", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "secret")
		}},
		{`read, SQLite, 3: an answer of 4 bytes does not hold "user"`, func(w http.ResponseWriter) { _, _ = io.WriteString(w, "none") }},
	} {
		var calls atomic.Int64
		at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) < 50 {
				_, _ = io.WriteString(w, "the user")
				return
			}
			c.answer(w)
		})
		w := work{"read", sqlite, 3, nil, func(ctx context.Context, _ *lab, clients int, d time.Duration) (sample, error) {
			return measure(ctx, at, inTurns([]question{{request(at.addr, "GET", "/", "", ""), []byte("user")}}, clients), d)
		}}
		if _, err := w.run(t.Context(), nil, time.Minute); err == nil || err.Error() != c.says {
			t.Errorf("ended with %v, want %s", err, c.says)
		}
	}
}

// Answers of a length, in chunks and without a body are read to their ends, on one
// connection.
func TestAnswersOnOneConnection(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunks":
			for range 10 {
				_, _ = io.WriteString(w, long[:10_000])
				w.(http.Flusher).Flush()
			}
		case "/length":
			body, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprintf(w, "%s %s", r.Header.Get("Authorization"), body)
		case "/none":
			w.WriteHeader(http.StatusConflict)
		}
	})
	c, err := dial(at.addr, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 2 {
		for _, want := range []struct {
			method, path, body string
			status             int
			answer             string
		}{
			{"GET", "/chunks", "", 200, long}, {"POST", "/length", "{}", 200, "Bearer key {}"}, {"POST", "/none", "", 409, ""},
		} {
			status, body, err := c.do(request(at.addr, want.method, want.path, "key", want.body))
			if err != nil || status != want.status || string(body) != want.answer {
				t.Fatalf("%s answered %d and %d bytes, %v", want.path, status, len(body), err)
			}
		}
	}
}

func TestArgumentsAreChecked(t *testing.T) {
	for args, says := range map[string]string{
		"-rounds 0":           "-rounds 0 must be 1 to 100",
		"-slice 1ms":          "-slice 1ms must be 100ms to 1m",
		"-page -only refresh": "-page goes without -only",
		"-only nothing":       "refresh, SQLite, 64", // is listed
		"now":                 `no argument "now"`,
		"-only login":         "run make build first",
	} {
		if err := run(t.Context(), append([]string{"-root", t.TempDir()}, strings.Fields(args)...)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"-root", t.TempDir(), "-page"}); err != errDirty {
		t.Errorf("a page of no commit: %v", err)
	}
}

// Works are chosen together with their floors.
func TestChosenWorks(t *testing.T) {
	chosen, err := choose(works, "exchange, list of")
	var names []string
	for _, w := range chosen {
		names = append(names, w.id())
	}
	const want = "bare page, SQLite, 16; list of 20 users, SQLite, 16; tx of pgbench, PostgreSQL, 16; " +
		"exchange of one application, PostgreSQL, Redis, 16; tx of pgbench, PostgreSQL, 64; exchange of one application, PostgreSQL, Redis, 64"
	if got := strings.Join(names, "; "); err != nil || got != want {
		t.Errorf("chosen are %s, %v", got, err)
	}
	seen := make(map[string]bool)
	for _, id := range ids(works) {
		if seen[id] {
			t.Errorf("two works are %s", id)
		}
		seen[id] = true
	}
}
