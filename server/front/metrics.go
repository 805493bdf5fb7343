package front

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/openwearables/openwearables/internal/usage"
	"github.com/openwearables/openwearables/server/call"
)

// metrics counts requests. No label holds personal data.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refusals *prometheus.CounterVec
	foreign  *prometheus.CounterVec
}

// newMetrics returns the metrics of the front, with those of the meter, a gauge of the
// bytes of uploads and, unless they are nil, of redisLost and of split.
func newMetrics(uploads func() int64, meter *usage.Meter, redisLost, split func() bool) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openwearables_requests_total", Help: "Requests answered, by operation and HTTP status.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "openwearables_request_seconds", Help: "Time from the request's header to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"operation"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openwearables_refusals_total", Help: "Refusals, by their reason.",
		}, []string{"reason"}),
		foreign: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openwearables_foreign_secrets_total", Help: "Requests with a secret that this server has not made, by operation. They leave no audit row.",
		}, []string{"operation"}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.refusals, m.foreign,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "openwearables_upload_bytes", Help: "Bytes of bodies above 64 KiB in flight, of --upload-memory.",
		}, func() float64 { return float64(uploads()) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.countUsage(meter)
	m.gauge("openwearables_redis_lost", "1 while Redis is lost: each node counts its share of every limit and reads the database for every request.", redisLost)
	m.gauge("openwearables_cluster_split", "1 while nodes of the database share no Redis with this one: give every node the same --redis.", split)
	return m
}

// gauge adds a gauge that is 1 while holds returns true, unless that is nil.
func (m *metrics) gauge(name, help string, holds func() bool) {
	if holds == nil {
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		if holds() {
			return 1
		}
		return 0
	}))
}

func (m *metrics) observe(c *call.Call, took time.Duration) {
	operation := named(c.Operation)
	m.requests.WithLabelValues(operation, strconv.Itoa(c.Status)).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
	if c.Failure != nil {
		m.refusals.WithLabelValues(c.Failure.Reason).Inc()
	}
	if c.Foreign {
		m.foreign.WithLabelValues(operation).Inc()
	}
}

// named returns the name under which requests of an operation are counted.
func named(operation string) string {
	if operation == "" {
		return "none"
	}
	return operation
}

// countUsage adds what the meter says of itself.
func (m *metrics) countUsage(meter *usage.Meter) {
	add := func(name, help string, value func(usage.Stats) float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return value(meter.Stats()) }))
	}
	add("openwearables_usage_written_total", "Requests whose count was written.", func(s usage.Stats) float64 { return s.Written })
	add("openwearables_usage_lost_total", "Requests that are missing in the usage: too many different ones came before they could be written.",
		func(s usage.Stats) float64 { return s.Lost })
	add("openwearables_usage_flush_failures_total", "Failed attempts to write the usage, which are made again.", func(s usage.Stats) float64 { return s.Failures })
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "openwearables_usage_waiting", Help: "Counts of requests that the last attempt left to be written.",
	}, func() float64 { return meter.Stats().Waiting }))
}

// countLostReads adds how many reads of health data the ledgers lack.
func (m *metrics) countLostReads(lost func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "openwearables_access_ledger_lost_total",
		Help: "Reads of health data that are missing in the access ledgers: too many came while the database was away.",
	}, func() float64 { return float64(lost()) }))
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
