package store

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/tracing"
)

// openTracer returns a tracer whose collector takes everything.
func openTracer(t *testing.T) *tracing.Tracer {
	t.Helper()
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracer := must(tracing.Open(t.Context(), slog.New(slog.DiscardHandler)))(t)
	t.Cleanup(func() { wantError(t, tracer.Close(context.Background()), nil) })
	return tracer
}

// Each part of a bulk write, and each attempt of a transaction, makes one span of each
// statement.
func TestEachAttemptIsTracedOnce(t *testing.T) {
	tracer := openTracer(t)
	for name, s := range map[string]*Store{
		"sqlite": openStore(t, sqliteDSN(t), Options{}), "postgres": openStore(t, pgtest.New(t), Options{}),
	} {
		t.Run(name, func(t *testing.T) {
			b := withTraces(s.backend, tracer, s.engine.name)
			ctx := tracer.Request(t.Context(), nil)
			attempts, retried := 0, s.engine.name == postgresEngine.name
			part := func(ctx context.Context, x *tx) error {
				attempts++
				before, _, _ := tracer.Spans()
				_, err := x.exec(ctx, x.db.NewRaw("SELECT 1").Conn(x.conn))
				if after, _, _ := tracer.Spans(); after != before+1 {
					t.Errorf("a statement made %d spans", after-before)
				}
				if err == nil && retried && attempts == 1 {
					_, err = x.exec(ctx, x.db.NewRaw("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$").Conn(x.conn))
				}
				return err
			}
			wantError(t, b.doBulk(ctx, part, part), nil)
			wantEqual(t, attempts, map[bool]int{false: 2, true: 3}[retried])
			tracer.Answered(ctx, tracing.Answer{Operation: "UpsertWorkouts"})
		})
	}
}
