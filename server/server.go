// Package server composes the product. It opens the store, derives the keys,
// builds the domain, and serves it over REST and RPC. Another program can embed
// it: New, Mount, and Run or Handler.
package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/gateway"
	"github.com/openwearables/openwearables/internal/installation"
	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/internal/tracing"
	"github.com/openwearables/openwearables/internal/upstream"
	"github.com/openwearables/openwearables/internal/usage"
	"github.com/openwearables/openwearables/internal/webhook"
	"github.com/openwearables/openwearables/server/front"
)

// Server is one node of an installation. It is safe for concurrent use.
type Server struct {
	config    Config
	now       func() time.Time
	unlock    func() error // of the database
	store     *store.Store
	nodes     *cluster.Nodes // nil on SQLite and in a process that is no node
	unshare   func() error   // ends what the nodes share beside the database's rows; may be called twice; nil on SQLite
	redis     *cluster.Redis // nil without Redis
	passwords *credential.Passwords
	metrics   nodeMetrics
	tracer    *tracing.Tracer // nil: no traces
	auth      *auth.Auth
	ledger    *audit.Queue
	unsigned  atomic.Bool // it was written to since its heads were signed
	usage     *usage.Meter
	workouts  *event.Workouts
	upstream  *upstream.Client // nil without one
	gateway   *gateway.Gateway // nil without an upstream
	webhooks  *webhook.Courier
	alerts    *alert.Evaluator
	policy    *forwardPolicy // nil: there is no /forward-auth
	front     *front.Front
	readiness readiness

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// New opens the database and returns a server on it. A SQLite database belongs
// to one process: New returns ErrInUse while another has it. Any number of
// servers may share a PostgreSQL database. The caller must call Close.
func New(ctx context.Context, config Config) (_ *Server, err error) {
	s := &Server{config: config, metrics: newNodeMetrics()}
	if s.config.Log == nil {
		s.config.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	}
	if err := s.config.Check(); err != nil {
		return nil, err
	}
	for _, w := range s.config.Warnings() {
		s.config.Log.WarnContext(ctx, w)
	}
	if err := s.checkFiles(); err != nil {
		return nil, err
	}
	if s.unlock, err = LockDatabase(s.config.SQLitePath()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release(), s.tracer.Close(ctx))
		}
	}()
	if s.config.Traces {
		if s.tracer, err = tracing.Open(ctx, s.config.Log); err != nil {
			return nil, err
		}
	}
	done := s.step("opening the database and bringing it up to this version")
	s.store, err = store.Open(ctx, s.config.Database, s.storeOptions())
	if done(); err != nil {
		return nil, err
	}
	s.now = s.store.Now
	for _, risk := range slices.Concat(s.store.Risks(), s.store.Intruders(), []string{s.store.Exposed()}) {
		if risk != "" {
			s.config.Log.WarnContext(ctx, risk)
		}
	}
	done = s.step("reading the keys, and meeting Redis and the other nodes")
	err = s.compose(ctx)
	if done(); err != nil {
		return nil, err
	}
	s.start()
	return s, nil
}

// compose builds the domain over the store, and the front over the domain.
func (s *Server) compose(ctx context.Context) error {
	master, err := masterSecret(&s.config)
	if err != nil {
		return err
	}
	vault, err := openVault(ctx, master, s.store)
	if err != nil {
		return err
	}
	concurrency := s.config.HashConcurrency
	if concurrency == 0 { // the other half serves those who have a token, however many log in
		concurrency = max(1, runtime.GOMAXPROCS(0)/2)
	}
	peers, err := s.peers(ctx)
	if err != nil {
		return err
	}
	s.config.Auth.IssuesNothing = s.config.Command
	if s.config.PublicURL != "" {
		s.config.Auth.Issuer = s.config.PublicURL
	}
	s.webhooks = webhook.NewCourier(webhook.Policy{PrivateNetworks: s.config.WebhookPrivateNetworks, Loopback: s.config.Dev},
		webhook.Ports{Store: s.store, Vault: vault, Now: s.now, Log: s.config.Log})
	users, err := s.openMirror(ctx)
	if err != nil {
		return err
	}
	s.passwords = credential.NewPasswords(concurrency, 16*concurrency)
	s.auth, err = auth.New(ctx, s.config.Auth, auth.Ports{
		Store: s.store, LastUses: s.store, Vault: vault,
		Passwords: s.passwords, Peers: peers, Webhooks: s.webhooks, Upstream: users, Adopt: s.credentials(), Now: s.now, Log: s.config.Log, Machine: s.config.machine(), Await: store.Await, Fresh: store.WithBudget,
	})
	if err != nil {
		return err
	}
	s.ledger = &audit.Queue{Append: func(ctx context.Context, entries []audit.Access) error {
		s.unsigned.Store(true)
		return s.store.AppendAccess(ctx, entries)
	}}
	s.usage = usage.NewMeter(s.store, s.now)
	s.alerts = &alert.Evaluator{
		Store: s.store, Signer: s.auth.Audits.Signer(), Every: s.config.AlertInterval, Hours: s.config.Retention.UsageHours,
		Now: time.Now, Since: time.Now(),
	}
	s.workouts = &event.Workouts{
		Store: s.store, Ledger: s.ledger, Cursors: vault, Now: s.now, Quota: s.config.Workouts, Limits: s.auth.Limits,
		Aside: s.upstream != nil, Fresh: store.WithBudget,
	}
	if err := s.openGateway(); err != nil {
		return err
	}
	s.front, err = s.newFront(&alert.Alerts{Store: s.store, Cursors: vault, Now: s.now})
	return err
}

func (s *Server) newFront(alerts *alert.Alerts) (*front.Front, error) {
	ports := front.Ports{
		Auth: s.auth, Workouts: s.workouts, Usage: s.usage, Reports: &usage.Reports{Store: s.store, Now: s.now}, Alerts: alerts,
		Gateway:      s.gateway,
		Installation: &installation.Reports{Describe: s.describe, Count: s.store.CountAll, Clock: s.config.machine()},
		Begin:        store.WithBudget, Turn: s.store.Turn, Now: s.now, Log: s.config.Log,
		Ready:    func(ctx context.Context) error { return s.readiness.check(ctx, s.store.Ping) },
		Degraded: func() bool { return len(s.Risks()) > 0 || s.redis != nil && s.redis.Lost() },
		Tracer:   s.tracer, Metrics: s.collectors(),
	}
	if s.config.ForwardAuthPolicy != "" {
		s.policy = &forwardPolicy{config: &s.config}
		if err := s.policy.load(context.Background()); err != nil {
			return nil, err
		}
		ports.Policy = s.policy.current.Load
	}
	return front.New(front.Config{
		AllowedOrigins: s.config.AllowedOrigins, AllowedHeaders: s.config.AllowedHeaders, AllowLocalhost: s.config.Dev,
		TrustedProxies: s.config.TrustedProxies, ClientHeader: s.config.clientHeader(), Reflection: s.config.Reflection, Dashboard: s.config.Dashboard,
		UploadMemory: int64(s.config.UploadMemory) << 20, UploadsPerCaller: s.config.UploadsPerCaller,
		ReadTimeout: s.config.Connections.Read, PublicURL: s.config.PublicURL,
	}, ports), nil
}

// Handler returns the handler of the public listener.
func (s *Server) Handler() http.Handler { return s.front.Handler() }

// Mount serves h at the pattern. Before h, a request gets its id and spends its
// limit, and its body is read: at most 4 KiB, not compressed, and well-formed if
// it is JSON or a gRPC message. The request is logged after h returns. h itself
// checks credentials. Call Mount before the first request.
func (s *Server) Mount(pattern string, h http.Handler) { s.front.Mount(pattern, h) }

// MountStream is Mount for a handler that reads the body itself. h must limit its
// size, also after decompression, and the time that it takes.
func (s *Server) MountStream(pattern string, h http.Handler) { s.front.MountStream(pattern, h) }

// Patterns returns the pattern of every route, as http.ServeMux has it.
func (s *Server) Patterns() []string { return s.front.Patterns() }

// Auth returns the services of the domain, for the commands of an operator.
func (s *Server) Auth() *auth.Auth { return s.auth }

// RemoveDeleted removes the data of deleted users, which a node that runs does in small
// steps. It may leave some to other nodes that are at it.
func (s *Server) RemoveDeleted(ctx context.Context) error { return s.store.Remove(ctx) }

// Risks returns the settings of the database under which acknowledged writes may
// be lost, each with its remedy.
func (s *Server) Risks() []string { return s.store.Risks() }

// Intruders says of each other role of the database that could run code as this
// server what it may do, and how to end that.
func (s *Server) Intruders() []string { return s.store.Intruders() }

// How often the signing keys are read: on PostgreSQL another node may have ended
// or rotated them; on SQLite only the time of a retired one may be over.
const (
	signingReloadShared = auth.SigningKeysFor / 2
	signingReloadAlone  = time.Minute
)

// start starts the background jobs: each second, buffered writes are flushed, the
// clock of a shared database is measured, data of deleted users is removed and webhooks
// are sent; each minute, windows are purged, and each hour other expired rows; each
// AlertInterval, one node looks for what needs an alert; from time to time, the signing
// keys are reloaded.
func (s *Server) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if !s.config.Command {
		s.stopped.Go(func() { s.webhooks.Run(ctx) })
		s.every(ctx, countWebhooks, "counting the webhooks that wait", s.webhooks.Count)
	}
	s.every(ctx, time.Second, "writing last uses and sums of refusals", s.auth.Flush)
	s.every(ctx, time.Second, "writing the access ledgers", s.ledger.Flush)
	s.every(ctx, time.Second, "writing the usage", s.usage.Flush)
	s.every(ctx, time.Hour, "purge", s.purge)
	s.every(ctx, s.config.AlertInterval, "looking for what needs an alert", s.alerts.Evaluate)
	s.every(ctx, time.Second, "removing what was deleted", s.store.Remove)
	if s.upstream != nil {
		s.every(ctx, time.Second, "changing users upstream", s.auth.Users.Reconcile)
		s.every(ctx, countMirrorTasks, "counting the changes of users that wait for the upstream", s.auth.Mirror.Count)
	}
	s.after(ctx, time.Minute, "signing the heads of the access ledgers", s.auth.Audits.SignHeads)
	s.every(ctx, time.Hour, "signing the heads of the access ledgers", s.auth.Audits.SignHeads)
	reload := signingReloadAlone
	if s.config.SQLitePath() == "" {
		s.every(ctx, time.Second, "measuring the database's clock", s.measure)
		s.every(ctx, time.Minute, "purge of windows", s.store.PurgeWindows)
		reload = signingReloadShared
	}
	s.every(ctx, reload, "reading the signing keys", s.auth.Signing.Reload)
	if s.policy != nil {
		s.every(ctx, recheckPolicy, "reading the policy of /forward-auth", s.policy.load)
	}
}

// storeOptions returns what the store is opened with.
func (s *Server) storeOptions() store.Options {
	return store.Options{Now: s.config.Now, Machine: s.config.machine(), Log: s.config.Log, Committed: s.metrics.committed, Tracer: s.tracer}
}

// after runs f once, unless ctx ends before.
func (s *Server) after(ctx context.Context, d time.Duration, name string, f func(context.Context) error) {
	f = s.metrics.measured(name, f)
	s.stopped.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(d):
		}
		if err := f(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.ErrorContext(ctx, name+" failed, it will be tried again", "error", err)
		}
	})
}

func (s *Server) every(ctx context.Context, d time.Duration, name string, f func(context.Context) error) {
	f = s.metrics.measured(name, f)
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

// measure measures how far this machine's clock is from the database's, which
// changes when somebody sets either. That the database is away shows elsewhere.
func (s *Server) measure(ctx context.Context) error {
	_ = s.store.Ping(ctx)
	return nil
}

// Close stops the background jobs, flushes buffered writes and closes the
// database. It waits at most 3 seconds for the first two, of which the jobs have one. No
// request may be in flight.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	s.closeGateway()
	return errors.Join(s.stopJobs(ctx), together(ctx, s.auth.Close, s.usage.Flush, func(ctx context.Context) error {
		return errors.Join(s.ledger.Flush(ctx), s.signHeads(ctx))
	}), s.release(), s.tracer.Close(ctx))
}

// together calls all at once, so that none takes the time of another, and returns their
// errors.
func together(ctx context.Context, all ...func(context.Context) error) error {
	var running sync.WaitGroup
	errs := make([]error, len(all))
	for i, f := range all {
		running.Go(func() { errs[i] = f(ctx) })
	}
	running.Wait()
	return errors.Join(errs...)
}

func (s *Server) purge(ctx context.Context) error {
	keep := s.config.Retention
	keep.Signer = s.auth.Audits.Signer()
	return s.store.Purge(ctx, keep)
}

// signHeads signs the heads of the access ledgers that this process may have made
// longer since it did so last. What there is no time for, the next start does.
func (s *Server) signHeads(ctx context.Context) error {
	if !s.unsigned.Swap(false) {
		return nil
	}
	err := s.auth.Audits.SignHeads(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// stopJobs ends the jobs of start. It returns an error if they still run after a third of
// the time to close.
func (s *Server) stopJobs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout/3)
	defer cancel()
	s.stop()
	ended := make(chan struct{})
	go func() {
		if s.unshare != nil {
			_ = s.unshare() // release returns the error
		}
		s.stopped.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return errors.New("the background jobs did not end in time")
	}
}

func (s *Server) release() error {
	var err error
	if s.unshare != nil {
		err = s.unshare()
	}
	if s.nodes != nil {
		s.leave()
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	return errors.Join(err, s.unlock())
}
