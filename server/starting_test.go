package server

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// text keeps what a log holds. It is safe for concurrent use.
type text struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *text) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

func TestSlowStepOfAStartIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log text
		s := &Server{config: Config{Log: slog.New(slog.NewTextHandler(&log, nil))}}
		said := func() int {
			synctest.Wait()
			return strings.Count(log.String(), `step="opening a database"`)
		}
		s.step("quick")()
		done := s.step("opening a database")
		defer done()
		time.Sleep(slowStep - time.Nanosecond)
		if said() != 0 {
			t.Errorf("a quick step is named: %s", &log)
		}
		time.Sleep(time.Nanosecond)
		if said() != 1 {
			t.Errorf("a slow step is not named once: %s", &log)
		}
		time.Sleep(3 * repeatStep)
		if said() != 4 {
			t.Errorf("a slow step is not named again: %s", &log)
		}
		done()
		time.Sleep(3 * repeatStep)
		if said() != 4 || strings.Contains(log.String(), "quick") {
			t.Errorf("a step that is over is named: %s", &log)
		}
	})
}
