package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/gateway"
	"github.com/openwearables/openwearables/internal/privatefile"
	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/internal/upstream"
	"github.com/openwearables/openwearables/server/front"
)

// Upstream says to which backend of Open Wearables requests for data are forwarded, and
// what that knows this server by.
type Upstream struct {
	URL      string // "http://HOST:PORT"; "" = there is none
	Key      string // of the service
	Email    string // of the service's developer
	Password string
	Streams  int      // event streams that are open at once
	Adopt    bool     // credentials that are unknown here are asked for there, once, and are ours then
	Allow    []string // further paths to forward for developers, each "METHOD /api/v1/path/{value}"
}

func (u *Upstream) client() upstream.Config {
	return upstream.Config{URL: u.URL, Key: u.Key, Email: u.Email, Password: u.Password}
}

// ReadUpstreamFiles reads the key and the developer of the upstream from files that
// nobody else may read. A path that is "" is not read.
func (c *Config) ReadUpstreamFiles(keyFile, developerFile string) error {
	if keyFile != "" {
		content, err := privatefile.ReadSecret(keyFile, maxSecretFile)
		if err != nil {
			return fmt.Errorf("--upstream-key-file: %w", err)
		}
		c.Upstream.Key = string(bytes.TrimSpace(content))
	}
	if developerFile != "" {
		content, err := privatefile.ReadSecret(developerFile, maxSecretFile)
		if err != nil {
			return fmt.Errorf("--upstream-developer-file: %w", err)
		}
		email, password, _ := bytes.Cut(bytes.TrimSpace(content), []byte("\n"))
		c.Upstream.Email, c.Upstream.Password = string(bytes.TrimSpace(email)), string(bytes.Trim(password, "\r\n"))
	}
	return nil
}

// checkUpstream refuses an upstream of which something is missing.
func (c *Config) checkUpstream() error {
	u := &c.Upstream
	if u.URL == "" {
		if u.Key != "" || u.Email != "" || len(u.Allow) > 0 || u.Adopt {
			return errors.New("--upstream-key-file, --upstream-developer-file, --upstream-allow and --adopt go with --upstream")
		}
		return nil
	}
	if u.Streams < 1 || u.Streams > 1000 {
		return errors.New("--upstream-streams must be 1 to 1000")
	}
	config := u.client()
	if err := config.Check(); err != nil {
		return fmt.Errorf("--upstream with --upstream-key-file and --upstream-developer-file: %w", err)
	}
	if err := (&gateway.Config{Allow: u.Allow}).Check(); err != nil {
		return fmt.Errorf("--upstream-allow %w", err)
	}
	return nil
}

// VerifyUpstream returns nil if the upstream is there and knows both credentials, or an
// error that says what is wrong. The configuration must have passed [Config.Check].
func VerifyUpstream(ctx context.Context, config Config) error {
	c := upstream.New(config.Upstream.client(), slog.New(slog.DiscardHandler))
	defer c.Close()
	return c.Verify(ctx)
}

// openGateway makes what forwards to the upstream, if there is one.
func (s *Server) openGateway() (err error) {
	if s.config.Upstream.URL == "" || s.config.Command {
		return nil
	}
	s.gateway, err = gateway.New(gateway.Config{
		Allow: s.config.Upstream.Allow, Streams: s.config.Upstream.Streams, Origin: front.OriginCheck(s.config.AllowedOrigins, s.config.Dev),
		Own: s.config.publicOrigin(),
	}, gateway.Ports{
		Upstream: s.upstream, Ledger: s.ledger, KnowsUser: s.auth.Mirror.Ensure, Again: s.auth.Authenticator.Again, Begin: store.WithBudget,
		Fail: front.Refuse, Observe: s.metrics.forwarded, Now: s.now, Log: s.config.Log,
	})
	return err
}

// closeGateway ends the streams, for which a stop would wait in vain.
func (s *Server) closeGateway() {
	if s.gateway != nil {
		s.gateway.Close()
		s.upstream.Close()
	}
}

// credentials returns what asks the upstream for unknown credentials, nil if nobody does.
func (s *Server) credentials() auth.UpstreamCredentials {
	if s.upstream == nil || !s.config.Upstream.Adopt {
		return nil
	}
	return upstream.Credentials{Client: s.upstream}
}

// adoptionMetrics are the questions for unknown credentials.
func adoptionMetrics(a *auth.Adoptions) (all []prometheus.Collector) {
	a.Counts(func(kind, outcome string, count func() float64) {
		all = append(all, counter("openwearables_adoptions_total",
			"Credentials and users that were unknown here and asked for upstream, by what came of it.", count, "kind", kind, "outcome", outcome))
	})
	return all
}

func newUpstreamSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "openwearables_upstream_seconds", Help: "Time until the upstream began to answer a forwarded request.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60},
	}, []string{"class", "outcome"})
}

func (m *nodeMetrics) forwarded(c gateway.Class, o gateway.Outcome, took time.Duration) {
	m.upstreamSeconds.WithLabelValues(c.String(), string(o)).Observe(took.Seconds())
}

// gatewayMetrics are what is forwarded, and whether that arrives.
func gatewayMetrics(g *gateway.Gateway, seconds prometheus.Collector) []prometheus.Collector {
	return []prometheus.Collector{
		seconds,
		gauge("openwearables_upstream_up", "1 if the last forwarded request reached the upstream.", isTrue(g.Reached)),
		gauge("openwearables_upstream_streams", "Event streams from the upstream that are open, of --upstream-streams.", func() float64 { return float64(g.Streams()) }),
	}
}
