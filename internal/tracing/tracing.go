// Package tracing sends spans of requests to a collector of OpenTelemetry, as its
// standard variables say. It is the only package that knows OpenTelemetry.
//
// A span holds nothing of a person and no credential: only what this package is
// given, which are names from the code, numbers and statements without their
// arguments. A *Tracer that is nil traces nothing and costs nothing.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// closeTimeout bounds how long Close waits for the last spans to be sent.
const closeTimeout = time.Second

// Tracer makes spans. Safe for concurrent use.
type Tracer struct {
	tracer   trace.Tracer
	provider *sdk.TracerProvider
	exporter *exporter
	made     atomic.Uint64
}

// Open returns a tracer as the variables of the process say, or nil if they ask for
// none. Spans wait in a queue of bounded length (OTEL_BSP_MAX_QUEUE_SIZE) and are
// dropped when it is full, so that no request waits for the collector.
func Open(ctx context.Context, log *slog.Logger) (*Tracer, error) {
	if on, err := wanted(); !on || err != nil {
		return nil, err
	}
	to, err := readSettings()
	if err != nil {
		return nil, err
	}
	about, err := about(ctx)
	if err != nil {
		return nil, err
	}
	e, err := newExporter(ctx, log, to)
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { e.fail(err, 0) }))
	t := &Tracer{exporter: e, provider: sdk.NewTracerProvider(sdk.WithBatcher(e), sdk.WithResource(about))}
	t.tracer = t.provider.Tracer("github.com/openwearables/openwearables")
	return t, nil
}

// about describes this process: a name and version, unless the variables give
// others. It names neither the machine nor the command line.
func about(ctx context.Context) (*resource.Resource, error) {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	own := resource.NewSchemaless(attribute.String("service.name", "openwearables"), attribute.String("service.version", version))
	given, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES must be NAME=VALUE,NAME=VALUE: %w", err)
	}
	return resource.Merge(own, given)
}

// Close sends what is left, for at most a second, and ends the tracer.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what could not be sent is counted, and logged
	t.exporter.stop()
	return nil
}

// Spans returns how many spans were made since the start, how many a collector has
// taken, and how many none has taken in time. The rest waits, or was dropped from a
// full queue.
func (t *Tracer) Spans() (made, sent, failed uint64) {
	return t.made.Load(), t.exporter.sent.Load(), t.exporter.failed.Load()
}
