package store

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openwearables/openwearables/internal/auth"
)

// hold makes writes wait until release is called, or the test has ended: on SQLite they
// then share one commit, on PostgreSQL they run concurrently.
func (s *Store) hold(t testing.TB) (release func()) {
	t.Helper()
	defer func() { t.Cleanup(release) }()
	if p, ok := s.backend.(*pgPool); ok {
		return p.hold(t)
	}
	held, free := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.try(func(context.Context, auth.Tx) error {
			close(held)
			<-free
			return nil
		})
	}()
	receive(t, held)
	return sync.OnceFunc(func() {
		close(free)
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	})
}

// hold takes every connection.
func (p *pgPool) hold(t testing.TB) (release func()) {
	t.Helper()
	p.acquireTimeout, p.sharePatience = time.Minute, time.Minute
	conns := make([]*sql.Conn, p.pool.Stats().MaxOpenConnections)
	for i := range conns {
		conns[i] = must(p.pool.Conn(context.Background()))(t)
	}
	shared := make([]*pgxpool.Conn, p.shared.Config().MaxConns)
	for i := range shared {
		shared[i] = must(p.shared.Acquire(context.Background()))(t)
	}
	return sync.OnceFunc(func() {
		for _, c := range shared {
			c.Release()
		}
		for _, c := range conns {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// waiting returns the number of writes that wait for their turn; on PostgreSQL,
// that ever did.
func (s *Store) waiting() int {
	if p, ok := s.backend.(*pgPool); ok {
		return int(p.pool.Stats().WaitCount)
	}
	return len(s.backend.(*file).queue)
}

// queue starts n writes and returns once all of them wait behind the one that
// holds the writer.
func (s *Store) queue(t testing.TB, n int, f func(i int) error) (wait func() []error) {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	before := s.waiting()
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	eventually(t, "queued", func() bool { return s.waiting() >= before+n })
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	return func() []error {
		receive(t, done)
		return errs
	}
}

// closing reports whether the store refuses writes.
func (s *Store) closing() bool {
	if p, ok := s.backend.(*pgPool); ok {
		p.mu.RLock()
		defer p.mu.RUnlock()
		return p.closed
	}
	b := s.backend.(*file).batcher
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.closed
}
