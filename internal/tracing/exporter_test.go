package tracing

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestFailuresHoldNoSecret checks that the log of a failed export says why, and neither the
// URL of the collector nor what that answered.
func TestFailuresHoldNoSecret(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	for name, c := range map[string]struct {
		status int // 0: the collector is away
		says   string
	}{
		"refused":   {http.StatusUnauthorized, "failed to send to the collector: 401 Unauthorized"},
		"not found": {http.StatusNotFound, "404 Not Found"},
		"busy":      {http.StatusServiceUnavailable, "traces could not be sent"},
		"away":      {0, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			testFailure(t, c.status, away.URL, c.says)
		})
	}
}

func testFailure(t *testing.T, status int, at, says string) {
	if status != 0 {
		collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "cannot POST "+r.URL.Path+strings.Repeat(" hidden", 1000), status)
		}))
		defer collector.Close()
		at = collector.URL
	}
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", at+"/hidden/v1/traces")
	var log bytes.Buffer
	tracer, err := Open(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	tracer.Answered(tracer.Request(t.Context(), nil), Answer{Operation: "GetMe"})
	if err := tracer.Close(t.Context()); err != nil {
		t.Error(err)
	}
	text := log.String()
	if !strings.Contains(text, says) || strings.Contains(text, "hidden") || strings.Count(text, "\n") != 1 || len(text) > 1000 {
		t.Errorf("the log says %q", text)
	}
}
