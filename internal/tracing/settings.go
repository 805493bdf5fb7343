package tracing

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// samplers are the values of OTEL_TRACES_SAMPLER.
var samplers = []string{
	"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
}

// The beginnings of the names of variables: of those for traces, which go first, and of
// those for everything.
const (
	forTraces = "OTEL_EXPORTER_OTLP_TRACES_"
	forAll    = "OTEL_EXPORTER_OTLP_"
)

// settings are how to reach a collector.
type settings struct {
	url          string
	header       http.Header
	compressed   bool
	timeout      time.Duration // of one attempt
	authorities  *x509.CertPool
	certificates []tls.Certificate
}

// wanted reports whether the variables ask for traces.
func wanted() (bool, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	case "":
		_, endpoint := variable("ENDPOINT")
		return endpoint != "", nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER %q is not served: give otlp, or none", exporter)
	}
}

// variable returns the name and the value of the variable that holds, "" if none does.
func variable(name string) (full, value string) {
	for _, full := range []string{forTraces + name, forAll + name} {
		if value := strings.TrimSpace(os.Getenv(full)); value != "" {
			return full, value
		}
	}
	return "", ""
}

// readSettings reads the variables. Its error says which of them cannot be served, and
// what to give instead.
func readSettings() (settings, error) {
	s := settings{header: http.Header{"User-Agent": {"openwearables"}}, timeout: exportTimeout}
	if name, value := variable("PROTOCOL"); value != "" && value != "http/protobuf" {
		return s, fmt.Errorf("%s %q is not served: give http/protobuf, and the port of the collector for HTTP, which usually is 4318", name, value)
	}
	switch name, value := variable("COMPRESSION"); value {
	case "", "none":
	case "gzip":
		s.compressed = true
	default:
		return s, fmt.Errorf("%s %q is not served: give gzip, or none", name, value)
	}
	if name, value := variable("TIMEOUT"); value != "" {
		ms, err := strconv.ParseUint(value, 10, 31)
		if err != nil || ms == 0 {
			return s, fmt.Errorf("%s must be a number of milliseconds, such as 10000", name)
		}
		s.timeout = time.Duration(ms) * time.Millisecond
	}
	err := cmp.Or(s.readHeaders(), s.readEndpoint(), s.readFiles(), checkSampler())
	return s, err
}

// readEndpoint reads where spans are sent: below the endpoint for everything, or at that of
// traces itself.
func (s *settings) readEndpoint() error {
	name, value := variable("ENDPOINT")
	u, err := url.Parse(cmp.Or(value, "http://localhost:4318"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%s must be a URL such as http://collector:4318", name)
	}
	if name != forTraces+"ENDPOINT" {
		u = u.JoinPath("v1/traces")
	}
	s.url = u.String()
	return nil
}

// readFiles reads the certificates of TLS.
func (s *settings) readFiles() error {
	if name, file := variable("CERTIFICATE"); file != "" {
		s.authorities = x509.NewCertPool()
		text, err := os.ReadFile(file)
		if err == nil && !s.authorities.AppendCertsFromPEM(text) {
			err = errors.New("it holds no certificate")
		}
		if err != nil {
			return fmt.Errorf("%s must name a file that the server can read: %w", name, err)
		}
	}
	_, certificate := variable("CLIENT_CERTIFICATE")
	_, key := variable("CLIENT_KEY")
	if certificate != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return fmt.Errorf("%sCLIENT_CERTIFICATE and %[1]sCLIENT_KEY must each name a file that the server can read: %w", forAll, err)
		}
		s.certificates = []tls.Certificate{pair}
	}
	if (s.authorities != nil || s.certificates != nil) && strings.HasPrefix(s.url, "http:") {
		return fmt.Errorf("%sCERTIFICATE and %[1]sCLIENT_CERTIFICATE need %[1]sENDPOINT to be one of https", forAll)
	}
	return nil
}

// readHeaders reads what is sent with each request, often the key of a collector, which no
// error repeats.
func (s *settings) readHeaders() error {
	name, list := variable("HEADERS")
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		header, text, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(text)
		value = strings.TrimSpace(value)
		if header = strings.TrimSpace(header); !found || err != nil || header == "" || strings.ContainsFunc(header, isNoToken) ||
			strings.ContainsFunc(value, unicode.IsControl) {
			return fmt.Errorf("%s must be NAME=VALUE,NAME=VALUE, with %%2C for a comma in a value, and %%25 for a %%", name)
		}
		s.header.Set(header, value)
	}
	return nil
}

// isNoToken reports whether no name of a header may hold the character (RFC 9110
// section 5.6.2).
func isNoToken(r rune) bool {
	return (r > 0x7f || !isWord(byte(r))) && !strings.ContainsRune("!#$%&'*+-.^`|~", r)
}

func checkSampler() error {
	sampler := strings.ToLower(strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER")))
	if sampler != "" && !slices.Contains(samplers, sampler) {
		return fmt.Errorf("OTEL_TRACES_SAMPLER %q must be one of %s", sampler, strings.Join(samplers, ", "))
	}
	if arg := strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER_ARG")); arg != "" && strings.HasSuffix(sampler, "traceidratio") {
		if ratio, err := strconv.ParseFloat(arg, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
			return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG %q must be a number from 0 to 1", arg)
		}
	}
	return nil
}
