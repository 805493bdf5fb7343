package front

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/openwearables/openwearables/server/call"
)

// metrics counts requests. No label holds personal data, and each has a bounded
// number of values: the operations that were registered, the statuses and reasons
// below. A request finds its handles by number and looks no label up.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	foreign    *prometheus.CounterVec
	operations []*operationMetrics // by call.Call.Counted
	refusals   map[string]prometheus.Counter
	inFlight   atomic.Int64
}

// operationMetrics holds the handles of one operation.
type operationMetrics struct {
	of       *metrics
	name     string
	seconds  prometheus.Observer
	foreign  prometheus.Counter
	requests [len(statuses) + 1]atomic.Pointer[prometheus.Counter] // as statusIndex tells; nil until the first
}

// statuses are those that are told apart. All others are "other".
var statuses = [...]int{
	200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 411, 412, 413, 415, 417, 422, 426, 429, 431, 499,
	500, 501, 502, 503, 504, 505,
}

var statusIndex = func() (index [600]uint8) {
	for i := range index {
		index[i] = uint8(len(statuses))
	}
	for i, status := range statuses {
		index[status] = uint8(i)
	}
	return index
}()

// reasons are those of refusals. A test holds that no other is in use.
var reasons = []string{
	"ambiguous_request", "body_too_large", "canceled", "credential_not_allowed", "cross_origin", "deadline_exceeded", "developer_exists", "email_taken",
	"external_user_id_taken", "header_too_large", "http2_required", "idempotency_in_progress", "idempotency_key_reused", "incorrect_password",
	"insufficient_scope", "internal", "invalid_api_key", "invalid_app_credentials", "invalid_credentials", "invalid_refresh_token", "invalid_request",
	"invalid_setup_token", "invalid_token", "invitation_accepted", "invitation_expired", "invitation_pending", "invitation_revoked", "key_in_browser",
	"last_developer", "malformed_path", "method_not_allowed", "missing_credential", "missing_credentials", "multiple_credentials",
	"network_not_allowed", "not_found", "other_user", "path_not_allowed", "proxy_not_trusted", "quota_exceeded", "rate_limited", "refresh_token_reused",
	"refresh_token_used", "request_timeout", "test_in_progress", "token_expired", "too_many_streams", "too_many_uploads", "unavailable",
	"unsupported_media_type", "upstream_failed", "upstream_refused", "user_not_upstream", "workouts_upstream",
}

const otherLabel = "other"

// newMetrics returns the metrics of the front with those of the collectors, and a
// gauge of the bytes of uploads.
func newMetrics(uploads func() int64, more []prometheus.Collector) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openwearables_requests_total", Help: "Requests answered, by operation and HTTP status.",
		}, []string{"operation", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "openwearables_request_seconds", Help: "Time from the request's header to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"operation"}),
		foreign: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "openwearables_foreign_secrets_total", Help: "Requests with a secret that this server has not made, by operation. They leave no audit row.",
		}, []string{"operation"}),
		refusals: make(map[string]prometheus.Counter),
	}
	refusals := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "openwearables_refusals_total", Help: "Refusals, by their reason.",
	}, []string{"reason"})
	for _, reason := range append([]string{otherLabel}, reasons...) {
		m.refusals[reason] = refusals.WithLabelValues(reason)
	}
	m.registry.MustRegister(m.requests, m.seconds, refusals, m.foreign,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "openwearables_requests_in_flight", Help: "Requests that are being answered.",
		}, func() float64 { return float64(m.inFlight.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "openwearables_upload_bytes", Help: "Bytes of bodies above 64 KiB in flight, of --upload-memory.",
		}, func() float64 { return float64(uploads()) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(more...)
	m.operation("") // has the number 0
	return m
}

// operation returns the number under which requests of the operation are counted.
// It must not be called after the first request.
func (m *metrics) operation(name string) int {
	name = named(name)
	for i, o := range m.operations {
		if o.name == name {
			return i
		}
	}
	m.operations = append(m.operations, &operationMetrics{
		of: m, name: name, seconds: m.seconds.WithLabelValues(name), foreign: m.foreign.WithLabelValues(name),
	})
	return len(m.operations) - 1
}

// begin counts a request as in flight until observe.
func (m *metrics) begin() { m.inFlight.Add(1) }

func (m *metrics) observe(c *call.Call, took time.Duration) {
	m.inFlight.Add(-1)
	o := m.operations[c.Counted]
	o.answered(c.Status).Inc()
	o.seconds.Observe(took.Seconds())
	if c.Failure != nil {
		m.refused(c.Failure.Reason).Inc()
	}
	if c.Foreign {
		o.foreign.Inc()
	}
}

// answered returns the counter of the answers with the status. It makes it at the
// first one, since most operations never have most statuses.
func (o *operationMetrics) answered(status int) prometheus.Counter {
	if status < 0 || status >= len(statusIndex) {
		status = 0
	}
	at := statusIndex[status]
	if made := o.requests[at].Load(); made != nil {
		return *made
	}
	label := otherLabel
	if int(at) < len(statuses) {
		label = strconv.Itoa(statuses[at])
	}
	made := o.of.requests.WithLabelValues(o.name, label)
	o.requests[at].Store(&made)
	return made
}

func (m *metrics) refused(reason string) prometheus.Counter {
	if known := m.refusals[reason]; known != nil {
		return known
	}
	return m.refusals[otherLabel]
}

// named returns the name under which requests of an operation are counted.
func named(operation string) string {
	if operation == "" {
		return "none"
	}
	return operation
}

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
