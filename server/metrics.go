package server

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/openwearables/openwearables/internal/alert"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/tracing"
	"github.com/openwearables/openwearables/internal/usage"
	"github.com/openwearables/openwearables/internal/webhook"
)

// nodeMetrics are the metrics that a node writes itself. All others are read where
// the work is done, when somebody asks.
type nodeMetrics struct {
	commitSize, commitSeconds prometheus.Histogram
	jobSeconds                *prometheus.HistogramVec
	jobFailures               *prometheus.CounterVec
	upstreamSeconds           *prometheus.HistogramVec
}

func newNodeMetrics() nodeMetrics {
	return nodeMetrics{
		upstreamSeconds: newUpstreamSeconds(),
		commitSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "openwearables_commit_transactions", Help: "Transactions that share one commit of SQLite.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "openwearables_commit_seconds", Help: "Time of one commit of SQLite, with its transactions.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}),
		jobSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "openwearables_job_seconds", Help: "Time of one run of a background job.", Buckets: []float64{.001, .005, .025, .1, .5, 1, 5, 30, 120},
		}, []string{"job"}),
		jobFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openwearables_job_failures_total", Help: "Runs of a background job that failed. Each is made again.",
		}, []string{"job"}),
	}
}

func (m *nodeMetrics) committed(transactions int, took time.Duration) {
	m.commitSize.Observe(float64(transactions))
	m.commitSeconds.Observe(took.Seconds())
}

// measured returns f with its time and its failures measured under the name.
func (m *nodeMetrics) measured(name string, f func(context.Context) error) func(context.Context) error {
	seconds, failures := m.jobSeconds.WithLabelValues(name), m.jobFailures.WithLabelValues(name)
	return func(ctx context.Context) error {
		begun := time.Now()
		err := safely(ctx, f)
		seconds.Observe(time.Since(begun).Seconds())
		if err != nil && ctx.Err() == nil {
			failures.Inc()
		}
		return err
	}
}

// safely makes a panic of f an error, so that no job ends the process.
func safely(ctx context.Context, f func(context.Context) error) (err error) {
	defer problem.CatchPanic(&err)
	return f(ctx)
}

// collectors returns what /metrics says beside the requests. Whatever is added here
// also belongs into the table of server/README.md.
func (s *Server) collectors() []prometheus.Collector {
	name, pool := s.store.Pool()
	all := []prometheus.Collector{
		buildInfo(), s.metrics.jobSeconds, s.metrics.jobFailures, collectors.NewDBStatsCollector(pool, name),
		gauge("openwearables_authentication_cache_entries", "Verified credentials that are kept in memory.",
			func() float64 { return float64(s.auth.Authenticator.CacheStats().Entries) }),
	}
	if s.config.SQLitePath() != "" {
		all = append(all, s.metrics.commitSize, s.metrics.commitSeconds)
	}
	all = append(all, authMetrics(s.auth)...)
	all = append(all, s.passwordMetrics()...)
	all = append(all, s.queueMetrics()...)
	all = append(all, usageMetrics(s.usage)...)
	all = append(all, webhookMetrics(s.webhooks)...)
	all = append(all, alertMetrics(s.alerts)...)
	if s.gateway != nil {
		all = append(all, gatewayMetrics(s.gateway, s.metrics.upstreamSeconds)...)
	}
	if s.auth.Mirror != nil {
		all = append(all, mirrorMetrics(s.auth.Mirror))
	}
	if s.auth.Adoptions != nil {
		all = append(all, adoptionMetrics(s.auth.Adoptions)...)
	}
	if s.tracer != nil {
		all = append(all, traceMetrics(s.tracer)...)
	}
	if s.redis != nil {
		all = append(all, redisMetrics(s.redis)...)
	}
	if s.nodes != nil {
		all = append(all, gauge("openwearables_cluster_split",
			"1 while nodes of the database share no Redis with this one: give every node the same --redis.", isTrue(s.nodes.Split)))
	}
	return all
}

// buildInfo returns a gauge that is always 1, whose labels name what runs.
func buildInfo() prometheus.Collector {
	b := ReadBuild()
	return gauge("openwearables_build_info", "Always 1; its labels say what runs.", func() float64 { return 1 },
		"version", b.Version, "revision", b.Revision, "go_version", b.Go)
}

// authMetrics are the decisions of the domain.
func authMetrics(a *auth.Auth) (all []prometheus.Collector) {
	for _, o := range auth.RefreshOutcomes() {
		all = append(all, counter("openwearables_refreshes_total", "Refreshes that were decided, by their outcome.",
			func() float64 { return float64(a.RefreshTokens.Count(o)) }, "outcome", o.String()))
	}
	a.Limits.Counts(func(name string, allowed, limited func() float64) {
		const help = "What each limit has decided; one request may spend several."
		all = append(all, counter("openwearables_limit_decisions_total", help, allowed, "limit", name, "decision", "allowed"),
			counter("openwearables_limit_decisions_total", help, limited, "limit", name, "decision", "limited"))
	})
	for name, value := range map[string]func(auth.CacheStats) uint64{
		"hit":      func(s auth.CacheStats) uint64 { return s.Hits },
		"miss":     func(s auth.CacheStats) uint64 { return s.Misses },
		"outdated": func(s auth.CacheStats) uint64 { return s.Outdated },
	} {
		all = append(all, counter("openwearables_authentication_cache_total",
			"Looks into the cache of verified credentials; outdated are hits that were verified again.",
			func() float64 { return float64(value(a.Authenticator.CacheStats())) }, "result", name))
	}
	return all
}

func (s *Server) passwordMetrics() []prometheus.Collector {
	const name, help = "openwearables_password_hashes", "Passwords that are being hashed, or wait for it."
	return []prometheus.Collector{
		gauge(name, help, func() float64 { running, _, _ := s.passwords.Load(); return float64(running) }, "state", "running"),
		gauge(name, help, func() float64 { _, waiting, _ := s.passwords.Load(); return float64(waiting) }, "state", "waiting"),
		counter("openwearables_password_hashes_refused_total", "Passwords that were turned away with 503, since too many came at once.",
			func() float64 { _, _, busy := s.passwords.Load(); return float64(busy) }),
	}
}

// alertMetrics are the open alerts of the installation: each node counts them after one
// of them has looked.
func alertMetrics(e *alert.Evaluator) (all []prometheus.Collector) {
	for _, rule := range alert.All() {
		all = append(all, gauge("openwearables_alerts_open", "Alerts of the installation that are open, by their rule. Each node counts all of them.",
			func() float64 { return float64(e.Open(rule)) }, "rule", rule))
	}
	return all
}

// countWebhooks is how often the webhooks that wait are counted.
const countWebhooks = 15 * time.Second

// webhookMetrics are what this node has sent, and what waits for any of them.
func webhookMetrics(c *webhook.Courier) []prometheus.Collector {
	const name, help = "openwearables_webhook_deliveries_total", "Attempts to send a message to a webhook endpoint; most of those that failed are made again."
	return []prometheus.Collector{
		counter(name, help, func() float64 { return float64(c.Stats().Delivered) }, "outcome", "delivered"),
		counter(name, help, func() float64 { return float64(c.Stats().Failed) }, "outcome", "failed"),
		counter("openwearables_webhooks_disabled_total", "Webhook endpoints that were disabled, since they failed for a day or are gone.",
			func() float64 { return float64(c.Stats().Disabled) }),
		gauge("openwearables_webhook_queue", "Messages that wait for webhook endpoints, also for their next attempt. Each node counts all of them.",
			func() float64 { return float64(c.Waiting()) }),
	}
}

// queueMetrics are what waits, and what was lost since too much did.
func (s *Server) queueMetrics() []prometheus.Collector {
	length := func(queue string, value func() int) prometheus.Collector {
		return gauge("openwearables_queue_length", "What waits in a queue.", func() float64 { return float64(value()) }, "queue", queue)
	}
	all := []prometheus.Collector{
		length("access ledger", s.ledger.Waiting),
		length("refusals", func() int { waiting, _ := s.auth.UnwrittenRefusals(); return waiting }),
		length("usage", func() int { return int(s.usage.Stats().Waiting) }),
		counter("openwearables_access_ledger_lost_total", "Reads of health data that are missing in the access ledgers: too many came while the database was away.",
			func() float64 { return float64(s.ledger.Dropped()) }),
		counter("openwearables_audit_refusals_lost_total", "Refusals that are missing in the audit trail: too many different ones came while the database was away.",
			func() float64 { _, lost := s.auth.UnwrittenRefusals(); return float64(lost) }),
	}
	for queue, value := range s.store.Queues() {
		all = append(all, length(queue, value))
	}
	return all
}

func usageMetrics(m *usage.Meter) []prometheus.Collector {
	of := func(name, help string, value func(usage.Stats) float64) prometheus.Collector {
		return counter(name, help, func() float64 { return value(m.Stats()) })
	}
	return []prometheus.Collector{
		of("openwearables_usage_written_total", "Requests whose count was written.", func(s usage.Stats) float64 { return s.Written }),
		of("openwearables_usage_rows_total", "Counts that were written, each of the requests of one source and minute.",
			func(s usage.Stats) float64 { return s.Rows }),
		of("openwearables_usage_lost_total", "Requests that are missing in the usage: too many different ones came before they could be written.",
			func(s usage.Stats) float64 { return s.Lost }),
		of("openwearables_usage_flush_failures_total", "Failed attempts to write the usage, which are made again.",
			func(s usage.Stats) float64 { return s.Failures }),
	}
}

func redisMetrics(r *cluster.Redis) []prometheus.Collector {
	of := func(value func(cluster.Stats) float64) func() float64 {
		return func() float64 { return value(r.Stats()) }
	}
	const connections, help = "openwearables_redis_connections", "Connections to Redis."
	return []prometheus.Collector{
		gauge("openwearables_redis_lost", "1 while Redis is lost: each node counts its share of every limit and reads the database for every request.",
			isTrue(r.Lost)),
		gauge(connections, help, of(func(s cluster.Stats) float64 { return float64(s.Connections - min(s.Idle, s.Connections)) }), "state", "in_use"),
		gauge(connections, help, of(func(s cluster.Stats) float64 { return float64(s.Idle) }), "state", "idle"),
		counter("openwearables_redis_timeouts_total", "Connections to Redis that were ended since it did not answer a call in time.",
			of(func(s cluster.Stats) float64 { return float64(s.Timeouts) })),
		counter("openwearables_redis_failures_total", "Exchanges with Redis that failed.", of(func(s cluster.Stats) float64 { return float64(s.Failures) })),
		counter("openwearables_limit_local_total", "Decisions of limits that this node made by its share, since Redis did not answer.",
			of(func(s cluster.Stats) float64 { return float64(s.Local) })),
	}
}

func traceMetrics(t *tracing.Tracer) []prometheus.Collector {
	const name, help = "openwearables_trace_spans_total", "Spans that were made, sent to the collector, and lost since it did not take them."
	return []prometheus.Collector{
		counter(name, help, func() float64 { made, _, _ := t.Spans(); return float64(made) }, "outcome", "made"),
		counter(name, help, func() float64 { _, sent, _ := t.Spans(); return float64(sent) }, "outcome", "sent"),
		counter(name, help, func() float64 { _, _, failed := t.Spans(); return float64(failed) }, "outcome", "failed"),
	}
}

// isTrue returns the value of a gauge that is 1 while holds returns true.
func isTrue(holds func() bool) func() float64 {
	return func() float64 {
		if holds() {
			return 1
		}
		return 0
	}
}

// gauge returns a gauge whose labels are pairs of a name and a value.
func gauge(name, help string, value func() float64, labels ...string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: pairs(labels)}, value)
}

// counter is gauge for what only grows.
func counter(name, help string, value func() float64, labels ...string) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: pairs(labels)}, value)
}

func pairs(labels []string) prometheus.Labels {
	p := prometheus.Labels{}
	for i := 0; i+1 < len(labels); i += 2 {
		p[labels[i]] = labels[i+1]
	}
	return p
}
