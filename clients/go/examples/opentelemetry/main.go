// Opentelemetry traces every request of the SDK, in one trace with the work that it is for.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/sdk/trace"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	// An app sends its spans to a collector, by otlptracehttp; here they are printed.
	provider := trace.NewTracerProvider(trace.WithSyncer(printer{}))
	defer func() { _ = provider.Shutdown(ctx) }()

	base := os.Getenv("OPENWEARABLES_BASE_URL")
	if base == "" {
		base = "http://localhost:8000"
	}
	transport := otelhttp.NewTransport(http.DefaultTransport, otelhttp.WithTracerProvider(provider),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.URL.Path }))
	c, err := openwearables.New(base, openwearables.WithAPIKey(os.Getenv("OPENWEARABLES_API_KEY")), openwearables.WithTransport(transport))
	if err != nil {
		return err
	}
	ctx, span := provider.Tracer("example").Start(ctx, "nightly report")
	defer span.End()
	page, err := c.Users.Page(ctx, nil)
	if err != nil {
		return err
	}
	fmt.Println(len(page.GetItems()), "users")
	return nil
}

// printer prints each span with the span that it is part of.
type printer struct{}

func (printer) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	for _, s := range spans {
		fmt.Printf("trace %s  span %s  parent %s  %s\n", s.SpanContext().TraceID(), s.SpanContext().SpanID(), s.Parent().SpanID(), s.Name())
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }
