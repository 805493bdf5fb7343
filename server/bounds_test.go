package server

import (
	"log/slog"
	"testing"
	"time"
)

// TestB13Bounds: no listener waits for a peer without an end.
func TestB13Bounds(t *testing.T) {
	s := &Server{config: Config{Log: slog.New(slog.DiscardHandler)}, metrics: newMetrics()}
	public, err := s.public()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ is, most time.Duration }{
		"header":          {public.ReadHeaderTimeout, 5 * time.Second},
		"read":            {public.ReadTimeout, 30 * time.Second},
		"write":           {public.WriteTimeout, time.Minute},
		"idle":            {public.IdleTimeout, 2 * time.Minute},
		"metrics":         {s.private(s.metrics.handler()).ReadHeaderTimeout, 5 * time.Second},
		"drain and close": {drainTimeout + closeTimeout, 9 * time.Second},
	} {
		if c.is <= 0 || c.is > c.most {
			t.Errorf("%s: %v", name, c.is)
		}
	}
	if public.MaxHeaderBytes != 16<<10 || maxConnections > 10_000 {
		t.Errorf("%d bytes of header, %d connections", public.MaxHeaderBytes, maxConnections)
	}
}
