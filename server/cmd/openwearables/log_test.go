package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// logLine is what a test reads of a line of the log.
type logLine struct {
	Level     string `json:"level"`
	Message   string `json:"msg"`
	RequestID string `json:"request_id"`
	Lines     int    `json:"lines"`
}

func logLines(t *testing.T, text string) (all []logLine) {
	t.Helper()
	for line := range strings.Lines(text) {
		var l logLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, l)
	}
	return all
}

// get sends a request with an id, and one of no interest to anybody in its User-Agent.
func (p *process) get(c *http.Client, id string) error {
	a, err := p.send(c, "GET", "/.well-known/jwks.json", "", nil, "X-Request-Id", id, "User-Agent", strings.Repeat("x", 255))
	if err == nil && a.status != 200 {
		err = fmt.Errorf("answered with %d", a.status)
	}
	return err
}

// A stop writes every line, also those of the requests that were answered last.
func TestStopLosesNoLine(t *testing.T) {
	p := install(t).serve("--limit-address", "1000000")
	var answered sync.Map
	var requests atomic.Int64
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("line-%d-%d", client, i)
				if p.get(http.DefaultClient, id) != nil {
					return // it is stopping
				}
				answered.Store(id, true)
				requests.Add(1)
			}
		})
	}
	eventually(t, "requests are answered", func() bool { return requests.Load() > 200 })
	if status := p.stop(); status != 0 {
		t.Fatalf("ended with %d\n%s", status, &p.stderr)
	}
	clients.Wait()
	for _, l := range logLines(t, p.stderr.String()) {
		answered.Delete(l.RequestID)
	}
	answered.Range(func(id, _ any) bool {
		t.Errorf("%v was answered and is not in the log", id)
		return true
	})
}

// A line waits for no other one, so that a kill loses the last ones alone.
func TestKillLosesNoOlderLine(t *testing.T) {
	p := install(t).serve()
	if err := p.get(http.DefaultClient, "older"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the line of a request is written", func() bool { return strings.Contains(p.stderr.String(), `"older"`) })
	p.kill()
	if lines := logLines(t, p.stderr.String()); lines[len(lines)-1].RequestID != "older" {
		t.Errorf("the log ends with %+v", lines[len(lines)-1])
	}
}

// While nobody reads the log, requests go on. What does not fit is lost, and counted.
func TestUnreadLog(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := install(t).serveLogging(w, "--limit-address", "1000000")
	w.Close()
	const requests = 4000 // of 0.5 KiB each: more than the pipe and the memory hold
	for i := range requests {
		if err := p.get(http.DefaultClient, fmt.Sprint("unread-", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	known, lost := 0, 0
	for in := bufio.NewScanner(r); lost == 0 && in.Scan(); {
		for _, l := range logLines(t, in.Text()) {
			lost += l.Lines
			if strings.HasPrefix(l.RequestID, "unread-") {
				known++
			}
		}
	}
	if lost == 0 || known+lost != requests {
		t.Errorf("%d lines are there and %d are said to be lost, of %d", known, lost, requests)
	}
	if err := p.get(http.DefaultClient, "after"); err != nil {
		t.Error(err)
	}
	r.Close()
	if status := p.stop(); status != 0 {
		t.Errorf("ended with %d", status)
	}
}

// Whoever read the log may end, and its disk be full.
func TestLogThatTakesNothing(t *testing.T) {
	for name, open := range map[string]func() (*os.File, error){
		"a closed pipe": func() (*os.File, error) {
			r, w, err := os.Pipe()
			if err == nil {
				err = r.Close()
			}
			return w, err
		},
		"a full disk": func() (*os.File, error) { return os.OpenFile("/dev/full", os.O_WRONLY, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			to, err := open()
			if err != nil {
				t.Fatal(err)
			}
			p := install(t).serveLogging(to)
			to.Close()
			for i := range 20 {
				if err := p.get(http.DefaultClient, fmt.Sprint("nowhere-", i)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Millisecond) // so that some of it is written meanwhile
			}
			if p.signal(syscall.SIGTERM); p.wait() != 0 {
				t.Errorf("ended with %d", p.cmd.ProcessState.ExitCode())
			}
		})
	}
}
