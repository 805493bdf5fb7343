package tracing

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// export sends one span, and returns how many were sent and failed, and the log.
func export(t *testing.T) (sent, failed uint64, log string) {
	t.Helper()
	var text bytes.Buffer
	tracer, err := Open(t.Context(), slog.New(slog.NewTextHandler(&text, nil)))
	if err != nil {
		t.Fatal(err)
	}
	tracer.Answered(tracer.Request(t.Context(), nil), Answer{Operation: "GetMe"})
	if err := tracer.provider.ForceFlush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Error(err)
	}
	_, sent, failed = tracer.Spans()
	return sent, failed, text.String()
}

// spansOf returns the spans of a request of OTLP.
func spansOf(t *testing.T, r *http.Request) (names []string) {
	t.Helper()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(r.Body); err != nil {
			t.Error(err)
			return nil
		}
	}
	raw, err := io.ReadAll(body)
	var request collectorpb.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(raw, &request) != nil || r.Header.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("not OTLP: %v, %q", err, r.Header)
	}
	for _, from := range request.GetResourceSpans() {
		for _, scope := range from.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				names = append(names, span.GetName())
			}
		}
	}
	return names
}

// TestVariablesOfTheCollector checks that spans go where the variables say, and as they say.
func TestVariablesOfTheCollector(t *testing.T) {
	for name, c := range map[string]struct {
		variables string // AT is the collector
		target    string
		zipped    bool
		key       string
	}{
		"everything":        {"OTEL_EXPORTER_OTLP_ENDPOINT=AT/a/", "/a/v1/traces", false, ""},
		"traces first":      {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1 OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=AT", "/", false, ""},
		"as it is":          {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=AT/own?a=b", "/own?a=b", false, ""},
		"compressed":        {"OTEL_EXPORTER_OTLP_ENDPOINT=AT OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "/v1/traces", true, ""},
		"not compressed":    {"OTEL_EXPORTER_OTLP_ENDPOINT=AT OTEL_EXPORTER_OTLP_COMPRESSION=gzip OTEL_EXPORTER_OTLP_TRACES_COMPRESSION=none", "/v1/traces", false, ""},
		"a header":          {"OTEL_EXPORTER_OTLP_ENDPOINT=AT OTEL_EXPORTER_OTLP_HEADERS=other=1,x-key=a%20b%2C=", "/v1/traces", false, "a b,="},
		"a header of these": {"OTEL_EXPORTER_OTLP_ENDPOINT=AT OTEL_EXPORTER_OTLP_HEADERS=x-key=a OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-key=b", "/v1/traces", false, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if zipped := r.Header.Get("Content-Encoding") != ""; r.URL.String() != c.target || zipped != c.zipped || r.Header.Get("X-Key") != c.key {
					t.Errorf("%s %q, want %+v", r.URL, r.Header, c)
				}
				if names := spansOf(t, r); len(names) != 1 || names[0] != "GetMe" {
					t.Errorf("spans %q", names)
				}
			}))
			defer collector.Close()
			for pair := range strings.FieldsSeq(c.variables) {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, strings.Replace(value, "AT", collector.URL, 1))
			}
			if sent, failed, log := export(t); sent != 1 || failed != 0 || calls.Load() != 1 {
				t.Errorf("%d sent, %d failed in %d calls: %s", sent, failed, calls.Load(), log)
			}
		})
	}
}

// TestAnswersOfTheCollector checks that a busy collector is asked again, that what it refuses
// counts as failed, and that nothing follows it elsewhere.
func TestAnswersOfTheCollector(t *testing.T) {
	refused, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{
		PartialSuccess: &collectorpb.ExportTracePartialSuccess{RejectedSpans: 7, ErrorMessage: "hidden"},
	})
	if err != nil {
		t.Fatal(err)
	}
	warned, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{
		PartialSuccess: &collectorpb.ExportTracePartialSuccess{ErrorMessage: "only a warning"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		statuses []int // of one call after the other
		body     []byte
		sent     uint64
		said     string
	}{
		"taken":       {[]int{200}, nil, 1, ""},
		"with a word": {[]int{200}, warned, 1, ""},
		"in part":     {[]int{200}, refused, 0, "the collector refused 7 spans"},
		"cut":         {[]int{200}, []byte{0x0a, 0x7f}, 1, ""},
		"busy":        {[]int{503, 200}, nil, 1, ""},
		"elsewhere":   {[]int{307}, nil, 0, "307 Temporary Redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := int(calls.Add(1))
				if n > len(c.statuses) {
					t.Errorf("call %d of %s", n, r.URL)
					return
				}
				w.Header().Set("Content-Type", "application/x-protobuf")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.statuses[n-1])
				_, _ = w.Write(c.body)
			}))
			defer collector.Close()
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
			sent, failed, log := export(t)
			if sent != c.sent || sent+failed != 1 || !strings.Contains(log, c.said) || strings.Contains(log, "hidden") {
				t.Errorf("%d sent, %d failed: %s", sent, failed, log)
			}
		})
	}
}

// TestCertificatesOfTheCollector checks that a collector is known by the given authority,
// and knows this process by the given certificate.
func TestCertificatesOfTheCollector(t *testing.T) {
	collector := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			t.Error("no certificate of the client")
		}
	}))
	collector.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	collector.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	collector.StartTLS()
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	if sent, _, log := export(t); sent != 0 || !strings.Contains(log, "certificate") {
		t.Errorf("an unknown authority took %d spans: %s", sent, log)
	}
	own := collector.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "file.pem")
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, file)
	}
	write("OTEL_EXPORTER_OTLP_CERTIFICATE", "CERTIFICATE", collector.Certificate().Raw)
	write("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "CERTIFICATE", own.Certificate[0])
	write("OTEL_EXPORTER_OTLP_CLIENT_KEY", "PRIVATE KEY", key)
	if sent, failed, log := export(t); sent != 1 || failed != 0 {
		t.Errorf("%d sent, %d failed: %s", sent, failed, log)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	if _, err := Open(t.Context(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("certificates for an endpoint in plain text: %v", err)
	}
}
