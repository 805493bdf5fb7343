// Package server composes the product: it opens the store, derives the keys,
// builds the domain and serves it over REST and RPC behind one middleware.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/ratelimit"
	"github.com/openwearables/openwearables/internal/store"
)

var (
	errDraining       = errors.New("server: draining")
	errUnknownService = errors.New("unknown service")
	// ErrInUse means that another process serves the database.
	ErrInUse = errors.New("another openwearables process is using this database")
)

// Server is one node. Safe for concurrent use.
type Server struct {
	config   Config
	now      func() time.Time
	lock     *flock.Flock
	store    *store.Store
	auth     *auth.Auth
	workouts *event.Workouts
	ledger   *audit.Queue
	metrics  *metrics
	mux      *http.ServeMux
	handler  http.Handler
	draining atomic.Bool

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// New opens the database, which no other process may have open, and returns a
// server of it. The caller must Close it.
func New(ctx context.Context, config Config) (_ *Server, err error) {
	s := &Server{config: config, now: config.Now, metrics: newMetrics()}
	if s.now == nil {
		s.now = time.Now
	}
	if s.config.Log == nil {
		s.config.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	}
	if err := s.config.check(); err != nil {
		return nil, err
	}
	path, err := s.config.sqlitePath()
	if err != nil {
		return nil, err
	}
	if s.lock, err = lockDatabase(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if s.store, err = store.Open(ctx, s.config.Database, store.Options{Now: s.now, Log: s.config.Log}); err != nil {
		return nil, err
	}
	if err := s.compose(ctx, path); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	s.start()
	return s, nil
}

// lockDatabase makes this process the only one to use the file.
func lockDatabase(path string) (*flock.Flock, error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", path+".lock", err)
	}
	if !held {
		return nil, fmt.Errorf("%w: stop it, or use another --database than %s", ErrInUse, path)
	}
	return lock, nil
}

// compose builds the domain over the store.
func (s *Server) compose(ctx context.Context, database string) error {
	master, err := masterSecret(&s.config, database)
	if err != nil {
		return err
	}
	vault, err := openVault(ctx, master, s.store)
	if err != nil {
		return err
	}
	lanes := s.config.HashLanes
	if lanes == 0 {
		lanes = max(1, runtime.GOMAXPROCS(0))
	}
	s.auth, err = auth.New(ctx, s.config.Auth, auth.Ports{
		Store: s.store, LastUses: s.store, Vault: vault,
		Passwords: credential.NewPasswords(lanes, 16*lanes),
		Peers:     auth.Alone(ratelimit.NewMemory(s.now)), Now: s.now, Log: s.config.Log,
	})
	if err != nil {
		return err
	}
	s.ledger = &audit.Queue{Append: s.store.AppendAccess}
	s.workouts = &event.Workouts{Store: s.store, Ledger: s.ledger, Cursors: s.auth.Users, Now: s.now}
	return nil
}

// Handler serves the public listener.
func (s *Server) Handler() http.Handler { return s.handler }

// Auth is the domain, for the operator's commands.
func (s *Server) Auth() *auth.Auth { return s.auth }

// start writes what is kept in memory each second, and drops what is over each
// hour.
func (s *Server) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.every(ctx, time.Second, "flush", s.flush)
	s.every(ctx, time.Hour, "purge", s.store.Purge)
}

func (s *Server) every(ctx context.Context, d time.Duration, name string, f func(context.Context) error) {
	s.stopped.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := f(ctx); err != nil && ctx.Err() == nil {
					s.config.Log.ErrorContext(ctx, name+" failed, it will be tried again", "error", err)
				}
			}
		}
	})
}

func (s *Server) flush(ctx context.Context) error {
	return errors.Join(s.auth.Flush(ctx), s.ledger.Flush(ctx))
}

// Close writes what is kept in memory and closes the database. No request may
// be under way.
func (s *Server) Close() error {
	s.stop()
	s.stopped.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return errors.Join(s.flush(ctx), s.release())
}

func (s *Server) release() error {
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	return errors.Join(err, s.lock.Unlock())
}
