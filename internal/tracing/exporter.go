package tracing

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Bounds of the export. A batch that no collector has taken by exportTimeout is
// lost; meanwhile the queue fills and then drops spans.
const (
	exportTimeout = 10 * time.Second
	logEvery      = time.Minute
)

// exporter sends batches over OTLP and HTTP. It counts what becomes of the spans,
// and logs failures at most once in logEvery. Safe for concurrent use.
type exporter struct {
	to     *otlptrace.Exporter
	log    *slog.Logger
	ending context.Context // ends what is under way
	end    context.CancelFunc
	busy   sync.Mutex // held while a batch is sent, of which the library sends one at a time

	sent, failed atomic.Uint64
	logged       atomic.Int64 // when the last failure was, in nanoseconds since 1970
	unlogged     atomic.Int64 // spans lost since then
}

func newExporter(ctx context.Context, log *slog.Logger, s settings) (*exporter, error) {
	to, err := otlptrace.New(ctx, newCollector(s))
	if err != nil {
		return nil, err
	}
	e := &exporter{to: to, log: log}
	e.ending, e.end = context.WithCancel(context.WithoutCancel(ctx))
	return e, nil
}

// ExportSpans implements sdk.SpanExporter. It returns no error, which the library
// would write to the standard error.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	e.busy.Lock()
	defer e.busy.Unlock()
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	defer context.AfterFunc(e.ending, cancel)()
	if err := e.to.ExportSpans(ctx, spans); err != nil {
		e.failed.Add(uint64(len(spans)))
		e.fail(err, len(spans))
		return nil
	}
	e.sent.Add(uint64(len(spans)))
	return nil
}

// Shutdown implements sdk.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error { return e.to.Shutdown(ctx) }

// stop gives up what is being sent.
func (e *exporter) stop() {
	e.end()
	e.busy.Lock()
	defer e.busy.Unlock()
}

func (e *exporter) fail(err error, spans int) {
	lost, last, now := e.unlogged.Add(int64(spans)), e.logged.Load(), time.Now().UnixNano()
	if last != 0 && now-last < int64(logEvery) || !e.logged.CompareAndSwap(last, now) {
		return
	}
	e.unlogged.Add(-lost)
	e.log.Warn("traces could not be sent and are lost: see that the collector runs and that OTEL_EXPORTER_OTLP_ENDPOINT names its port for HTTP",
		"spans", lost, "error", cause(err))
}

// maxCause bounds what the log says of a failure, in bytes.
const maxCause = 300

var address = regexp.MustCompile(`https?://[^\s"]*[^\s":]`)

// cause returns why an export failed. It leaves out the URL, which may hold a key of the
// collector.
func cause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text := address.ReplaceAllString(err.Error(), "the collector")
	return strings.ToValidUTF8(text[:min(len(text), maxCause)], "")
}
