package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	logDelay   = 100 * time.Millisecond // from a line to its write, at most
	logBatch   = 32 << 10               // bytes that are written without a delay
	maxLog     = 1 << 20                // bytes that wait while nothing can be written
	logTimeout = time.Second            // for what is left at the end
)

// logWriter writes lines to a file or pipe, many at once: when 32 KiB of them wait, after
// 100 ms, at a call of hurry, and at its close. Nobody waits for it: while nothing can be
// written it keeps 1 MiB and loses what comes then, which it says once it can write
// again. Safe for concurrent use.
type logWriter struct {
	to      io.Writer
	first   chan struct{} // a line waits
	now     chan struct{} // and is to be written without a delay
	closing chan struct{}
	closed  chan struct{}

	mu      sync.Mutex
	waiting []byte
	lost    int // lines since the last write

	// Of run alone.
	spare []byte
	torn  bool // the last line that was written has no end
}

// newLogWriter returns a writer, which the caller must close.
func newLogWriter(to io.Writer) *logWriter {
	l := &logWriter{
		to: to, first: make(chan struct{}, 1), now: make(chan struct{}, 1), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go l.run()
	return l
}

// Write takes whole lines. It never fails.
func (l *logWriter) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(lines) > maxLog {
		l.lost += bytes.Count(lines, newline)
		return len(lines), nil
	}
	if len(l.waiting) == 0 {
		notify(l.first)
	}
	if l.waiting = append(l.waiting, lines...); len(l.waiting) >= logBatch {
		notify(l.now)
	}
	return len(lines), nil
}

var newline = []byte("\n")

// notify tells whoever receives next, once.
func notify(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

// hurry has what waits written without a delay.
func (l *logWriter) hurry() { notify(l.now) }

// Close writes what waits, for a second at most.
func (l *logWriter) Close() error {
	close(l.closing)
	select {
	case <-l.closed:
		return nil
	case <-time.After(logTimeout):
		return errors.New("the end of the log could not be written in time")
	}
}

func (l *logWriter) run() {
	defer close(l.closed)
	for open := true; open; {
		select {
		case <-l.first:
		case <-l.closing:
		}
		select {
		case <-time.After(logDelay):
		case <-l.now:
		case <-l.closing:
			open = false
		}
		l.flush()
	}
}

// flush writes what waits. Of a write that fails, the rest is lost.
func (l *logWriter) flush() {
	l.mu.Lock()
	batch, lost := l.waiting, l.lost
	l.waiting, l.lost = l.spare[:0], 0
	l.mu.Unlock()
	l.spare = batch
	if lost > 0 {
		batch = append(batch, lossLine(lost)...)
	}
	if len(batch) == 0 {
		return
	}
	if l.torn {
		batch = append([]byte("\n"), batch...)
	}
	n, err := l.to.Write(batch)
	if n > 0 {
		l.torn = batch[n-1] != '\n'
	}
	if err != nil {
		missing := bytes.Count(bytes.TrimPrefix(batch[n:], newline), newline)
		if lost > 0 && missing > 0 { // the last of these says so
			missing += lost - 1
		}
		l.mu.Lock()
		l.lost += missing
		l.mu.Unlock()
	}
}

// lossLine returns the line that says how many lines are missing before it.
func lossLine(lines int) []byte {
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, nil)).Error("lines of this log were lost, since it could not be written", "lines", lines)
	return line.Bytes()
}

// logHandler writes warnings and errors without a delay.
type logHandler struct {
	slog.Handler
	to *logWriter
}

func newLogger(to *logWriter, level slog.Level) *slog.Logger {
	return slog.New(logHandler{slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level}), to})
}

// Handle implements slog.Handler.
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.to.hurry()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(attrs), h.to}
}

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.Handler.WithGroup(name), h.to}
}
