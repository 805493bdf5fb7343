package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/upstream"
)

// Config holds the settings of an operator.
type Config struct {
	// Allow names further routes, each as AllowFormat has it. Only developers may
	// call them.
	Allow []string
	// Streams is how many streams may be open at once. Each takes a connection of the
	// upstream to its database, of which it has 50 for all its callers: with none left,
	// all that it serves stands still.
	Streams int
	// Origin reports whether a provider may send its user back to a page of the origin.
	Origin func(origin string) bool
	// Own is the origin of this server, to whose pages it may too. "" is the host that
	// each request names.
	Own string
}

// Check returns an error that says what to change.
func (c *Config) Check() error {
	_, err := parseAllow(c.Allow, table())
	return err
}

// Ledger keeps reads of health data.
type Ledger interface {
	// Admit keeps a read, or reports false if it cannot. It does not block.
	Admit(a audit.Access) bool
}

// Ports is what a gateway needs from outside.
type Ports struct {
	Upstream *upstream.Client
	Ledger   Ledger
	// KnowsUser returns nil if there is such a user on both sides, problem.ErrNotFound if
	// there is none here, or the refusal. It is asked before each request that names one.
	KnowsUser func(ctx context.Context, userID string) error
	// Again returns the principal of the caller's credential as it is now, or the refusal
	// once it has ended.
	Again func(ctx context.Context, c *auth.Caller) (*auth.Principal, error)
	// Begin returns the context of a new piece of work for a request.
	Begin func(ctx context.Context) context.Context
	// Fail answers a refusal.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
	// Observe is told how each forwarded request ended and how long the upstream took
	// until its answer began.
	Observe func(c Class, o Outcome, took time.Duration)
	Now     func() time.Time
	Log     *slog.Logger
}

// Outcome is how a forwarded request ended.
type Outcome string

// The outcomes.
const (
	Answered    Outcome = "answered"
	Refused     Outcome = "refused"     // 400 to 499
	Failed      Outcome = "failed"      // 500 and above, or an answer that cannot be used
	Unreachable Outcome = "unreachable" // no connection, or no answer in time
	Busy        Outcome = "busy"        // too many at once; it was not forwarded
	GivenUp     Outcome = "given_up"    // by the client
)

// Outcomes lists them.
var Outcomes = []Outcome{Answered, Refused, Failed, Unreachable, Busy, GivenUp}

// Gateway forwards. Safe for concurrent use.
type Gateway struct {
	config  Config
	ports   Ports
	routes  []Route
	proxy   httputil.ReverseProxy
	slots   [Public + 1]*slots
	streams *streams
	silent  atomic.Bool // the upstream has not answered since it last kept a request waiting
	lost    atomic.Bool // the last request did not reach it

	first, next func(Class) time.Duration // Class.firstPatience and Class.patience

	end   context.CancelFunc
	ended context.Context
}

// New returns a gateway. config must pass Check.
func New(config Config, ports Ports) (*Gateway, error) {
	g := &Gateway{config: config, ports: ports, routes: table(), streams: newStreams(config.Streams), first: Class.firstPatience, next: Class.patience}
	allowed, err := parseAllow(config.Allow, g.routes)
	if err != nil {
		return nil, fmt.Errorf("--upstream-allow %w", err)
	}
	g.routes = append(g.routes, allowed...)
	for i := range g.routes {
		r := &g.routes[i]
		r.index, r.segments = i, split(r.Path)
		if r.target = r.segments; r.to != "" {
			r.target = split(r.to)
		}
	}
	for class, most := range inFlight {
		g.slots[class] = newSlots(most)
	}
	g.ended, g.end = context.WithCancel(context.Background())
	g.proxy = httputil.ReverseProxy{
		Rewrite: rewrite, Transport: g, ModifyResponse: g.receive, ErrorHandler: g.failed, BufferPool: &buffers{},
		ErrorLog: slog.NewLogLogger(ports.Log.Handler(), slog.LevelDebug),
	}
	return g, nil
}

// Routes returns every route that is forwarded, by its Index.
func (g *Gateway) Routes() []Route { return slices.Clone(g.routes) }

// Streams returns how many streams are open.
func (g *Gateway) Streams() int { return g.streams.open() }

// Reached reports whether the last request reached the upstream. It is true before the
// first.
func (g *Gateway) Reached() bool { return !g.lost.Load() }

// Close ends the streams, so that a server that drains need not wait for them, and
// refuses new ones.
func (g *Gateway) Close() { g.end() }
