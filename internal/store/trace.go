package store

import (
	"context"
	"database/sql"

	"github.com/openwearables/openwearables/internal/tracing"
)

// traced is a backend whose transactions and statements are spans.
type traced struct {
	backend
	tracer *tracing.Tracer
	system string // as OpenTelemetry calls the database
}

// systems are the names of the engines by OpenTelemetry's conventions.
var systems = map[string]string{"sqlite": "sqlite", "postgres": "postgresql"}

// withTraces returns the backend, with spans if there is a tracer.
func withTraces(b backend, t *tracing.Tracer, engine string) backend {
	if t == nil {
		return b
	}
	all := traced{b, t, systems[engine]}
	if f, ok := b.(finder); ok {
		return tracedFinder{all, f}
	}
	return all
}

func (b traced) use(ctx context.Context, f func(context.Context, executor) error) error {
	if !b.tracer.Traces(ctx) {
		return b.backend.use(ctx, f)
	}
	return b.backend.use(ctx, b.reading(f))
}

func (b traced) scan(ctx context.Context, f func(context.Context, executor) error) error {
	if !b.tracer.Traces(ctx) {
		return b.backend.scan(ctx, f)
	}
	ctx, span := b.tracer.Start(ctx, "scan")
	err := b.backend.scan(ctx, b.reading(f))
	span.End(err)
	return err
}

func (b traced) reading(f func(context.Context, executor) error) func(context.Context, executor) error {
	return func(ctx context.Context, on executor) error { return f(ctx, tracedExecutor{on, b.tracer, b.system}) }
}

func (b traced) do(ctx context.Context, f func(context.Context, *tx) error) error {
	return b.transaction(ctx, b.backend.do, f)
}

func (b traced) doLong(ctx context.Context, f func(context.Context, *tx) error) error {
	return b.transaction(ctx, b.backend.doLong, f)
}

// doBulk makes one span of all parts.
func (b traced) doBulk(ctx context.Context, parts ...func(context.Context, *tx) error) error {
	if !b.tracer.Traces(ctx) {
		return b.backend.doBulk(ctx, parts...)
	}
	ctx, span := b.tracer.Start(ctx, "transaction")
	within := make([]func(context.Context, *tx) error, len(parts))
	for i, f := range parts {
		within[i] = b.writing(f)
	}
	err := b.backend.doBulk(ctx, within...)
	span.End(err)
	return err
}

// transaction runs f by do. The span has the wait for the turn and the commit in it.
func (b traced) transaction(
	ctx context.Context, do func(context.Context, func(context.Context, *tx) error) error, f func(context.Context, *tx) error,
) error {
	if !b.tracer.Traces(ctx) {
		return do(ctx, f)
	}
	ctx, span := b.tracer.Start(ctx, "transaction")
	err := do(ctx, b.writing(f))
	span.End(err)
	return err
}

func (b traced) writing(f func(context.Context, *tx) error) func(context.Context, *tx) error {
	return func(ctx context.Context, t *tx) error {
		if _, on := t.conn.executor.(tracedExecutor); !on { // by the part before
			t.conn.executor = tracedExecutor{t.conn.executor, b.tracer, b.system}
			t.runner = t.conn
		}
		return f(ctx, t)
	}
}

// tracedExecutor makes a span of each statement, without its arguments. The reading
// of its rows is not in it.
type tracedExecutor struct {
	executor
	tracer *tracing.Tracer
	system string
}

func (e tracedExecutor) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	within, span := e.tracer.Query(ctx, e.system, query)
	rows, err := e.executor.QueryContext(within, query, args...)
	span.End(err)
	return rows, err
}

func (e tracedExecutor) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	within, span := e.tracer.Query(ctx, e.system, query)
	res, err := e.executor.ExecContext(within, query, args...)
	span.End(err)
	return res, err
}

func (e tracedExecutor) query(ctx context.Context, s *prepared, args []any) (*sql.Rows, error) {
	within, span := e.tracer.Query(ctx, e.system, s.text)
	rows, err := e.executor.query(within, s, args)
	span.End(err)
	return rows, err
}

func (e tracedExecutor) exec(ctx context.Context, s *prepared, args []any) (sql.Result, error) {
	within, span := e.tracer.Query(ctx, e.system, s.text)
	res, err := e.executor.exec(within, s, args)
	span.End(err)
	return res, err
}
