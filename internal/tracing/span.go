package tracing

import (
	"context"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Span is one span below that of a request. The zero value is none.
type Span struct{ span trace.Span }

// End ends the span. Of an error it tells only that there was one, since its text
// may hold what a caller sent.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}

// ofRequests are the options of every span of a request, never changed.
var ofRequests = []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer)}

// Request starts the span of a request, whose context it returns. The trace is a new
// one, and its own sampler decides about it: a caller who is not known yet must not
// be able to have everything recorded. What the caller names in a traceparent header
// becomes a link; its flags, tracestate and baggage are not read.
func (t *Tracer) Request(ctx context.Context, h http.Header) context.Context {
	if t == nil {
		return ctx
	}
	options := ofRequests
	if sent := h["Traceparent"]; len(sent) == 1 {
		from := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": sent[0]})
		if c := trace.SpanContextFromContext(from); c.IsValid() {
			c = trace.NewSpanContext(trace.SpanContextConfig{TraceID: c.TraceID(), SpanID: c.SpanID(), Remote: true})
			options = append(slices.Clip(options), trace.WithLinks(trace.Link{SpanContext: c}))
		}
	}
	ctx, span := t.tracer.Start(ctx, "request", options...)
	t.count(span)
	return ctx
}

func (t *Tracer) count(span trace.Span) {
	if span.SpanContext().IsSampled() {
		t.made.Add(1)
	}
}

// Answer is what the span of a request tells of it. Empty texts are left out.
type Answer struct {
	Operation  string // names the span
	Method     string
	Route      string // the pattern, never the path
	Status     int    // that tells how the request ended
	Reason     string // of a refusal
	Credential string // the kind of what was presented
	Client     string // the family of the caller's software
	HTTP2, TLS bool
}

// methods are the methods of HTTP that a span tells.
var methods = []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

// Answered ends the span of the request in ctx. It returns the id of the trace if
// it is recorded, or else "".
func (t *Tracer) Answered(ctx context.Context, a Answer) (id string) {
	if t == nil {
		return ""
	}
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return ""
	}
	span.SetName(a.Operation)
	span.SetAttributes(a.attributes()...)
	if a.Status >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End()
	return span.SpanContext().TraceID().String()
}

func (a *Answer) attributes() []attribute.KeyValue {
	if !slices.Contains(methods, a.Method) {
		a.Method = "_OTHER"
	}
	scheme, version := "http", "1.1"
	if a.TLS {
		scheme = "https"
	}
	if a.HTTP2 {
		version = "2"
	}
	all := make([]attribute.KeyValue, 0, 10)
	all = append(all, attribute.String("http.request.method", a.Method), attribute.Int("http.response.status_code", a.Status),
		attribute.String("url.scheme", scheme), attribute.String("network.protocol.version", version))
	for _, optional := range [...][2]string{
		{"http.route", a.Route},
		{"openwearables.reason", a.Reason},
		{"openwearables.credential", a.Credential},
		{"openwearables.client", a.Client},
	} {
		if optional[1] != "" {
			all = append(all, attribute.String(optional[0], optional[1]))
		}
	}
	if a.Status >= 500 {
		all = append(all, attribute.String("error.type", a.Reason))
	}
	return all
}

// Traces reports whether there is a span in ctx that others may be below of.
func (t *Tracer) Traces(ctx context.Context) bool {
	return t != nil && trace.SpanFromContext(ctx).IsRecording()
}

// Start starts a span of the given name below the one in ctx, and returns the
// context for what is below it. Without a span that is recorded there is none.
func (t *Tracer) Start(ctx context.Context, name string) (context.Context, Span) {
	return t.start(ctx, name)
}

// Query is Start for a statement of SQL, whose arguments it leaves out. system is
// the database's name by OpenTelemetry's conventions.
func (t *Tracer) Query(ctx context.Context, system, text string) (context.Context, Span) {
	if !t.Traces(ctx) {
		return ctx, Span{}
	}
	text = withoutArguments(text)
	return t.start(ctx, summary(text), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", system), attribute.String("db.query.text", text)))
}

// Command is Start for a command of Redis, of which it takes only the name.
func (t *Tracer) Command(ctx context.Context, name string) (context.Context, Span) {
	if !t.Traces(ctx) {
		return ctx, Span{}
	}
	return t.start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", name)))
}

func (t *Tracer) start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, Span) {
	if !t.Traces(ctx) {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, name, options...)
	t.count(span)
	return ctx, Span{span}
}
