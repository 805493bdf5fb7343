package tracing

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

// samplers are the values of OTEL_TRACES_SAMPLER.
var samplers = []string{
	"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
}

// wanted reports whether the variables ask for traces. Its error says which of them
// cannot be served, and what to give instead: the libraries would only log it.
func wanted() (bool, error) {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
	case "":
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return false, nil
		}
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER %q is not served: give otlp, or none", exporter)
	}
	return true, check()
}

func check() error {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		value := os.Getenv(name)
		if u, err := url.Parse(value); value != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return fmt.Errorf("%s must be a URL such as http://collector:4318", name)
		}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if value := os.Getenv(name); value != "" && value != "http/protobuf" {
			return fmt.Errorf("%s %q is not served: give http/protobuf, and the port of the collector for HTTP, which usually is 4318", name, value)
		}
	}
	for _, end := range []string{"CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		for _, name := range []string{"OTEL_EXPORTER_OTLP_" + end, "OTEL_EXPORTER_OTLP_TRACES_" + end} {
			if file := os.Getenv(name); file != "" {
				if _, err := os.ReadFile(file); err != nil {
					return fmt.Errorf("%s must name a file that the server can read: %w", name, err)
				}
			}
		}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		if !areHeaders(os.Getenv(name)) {
			return fmt.Errorf("%s must be NAME=VALUE,NAME=VALUE, with %%2C for a comma in a value, and %%25 for a %%", name)
		}
	}
	return checkSampler()
}

// areHeaders reports whether the library takes the list of headers. It would write what
// it does not take to the standard error, and that may be the key of a collector.
func areHeaders(list string) bool {
	for pair := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		_, err := url.PathUnescape(value)
		if name = strings.TrimSpace(name); !found || err != nil || name == "" || strings.ContainsFunc(name, isNoToken) {
			return false
		}
	}
	return true
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
