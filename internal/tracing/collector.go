package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

const (
	media       = "application/x-protobuf"
	maxResponse = 64 << 10 // of which nothing but a short message is read
	firstPause  = time.Second
	longestWait = 4 * time.Second // unless the collector asks for longer
)

// collector implements otlptrace.Client: it posts spans to a collector as OTLP has it, as
// protobuf over HTTP. The exporter of OpenTelemetry for that brings gRPC with it, whose
// templates keep every method of the program from being left out when it is linked. Safe
// for concurrent use.
type collector struct {
	settings
	client *http.Client
}

func newCollector(s settings) *collector {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: s.authorities, Certificates: s.certificates, MinVersion: tls.VersionTLS12}
	return &collector{s, &http.Client{
		Transport: transport, Timeout: s.timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the headers may hold a key
	}}
}

// Start implements otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. It repeats what the collector was too busy to
// take, until ctx ends.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := c.encode(spans)
	if err != nil {
		return err
	}
	for pause := firstPause; ; pause = min(2*pause, longestWait) {
		wait, err := c.post(ctx, body)
		if err == nil || wait < 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(wait, pause)):
		}
	}
}

// encode returns the spans as a request of OTLP, whose message has the one member of
// TracesData.
func (c *collector) encode(spans []*tracepb.ResourceSpans) ([]byte, error) {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil || !c.compressed {
		return body, err
	}
	var short bytes.Buffer
	w := gzip.NewWriter(&short)
	_, err = w.Write(body)
	err = errors.Join(err, w.Close())
	return short.Bytes(), err
}

// post makes one attempt. If it may be repeated, that is after the time that it returns;
// else the time is negative.
func (c *collector) post(ctx context.Context, body []byte) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header = c.header.Clone()
	req.Header.Set("Content-Type", media)
	if c.compressed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := c.client.Do(req)
	if err != nil {
		return -1, err
	}
	defer res.Body.Close()
	response, err := io.ReadAll(io.LimitReader(res.Body, maxResponse))
	switch {
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusBadGateway,
		res.StatusCode == http.StatusServiceUnavailable, res.StatusCode == http.StatusGatewayTimeout:
		return retryAfter(res.Header), fmt.Errorf("failed to send to the collector: %s", res.Status)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return -1, fmt.Errorf("failed to send to the collector: %s", res.Status)
	case err != nil || res.Header.Get("Content-Type") != media:
		return -1, err
	}
	return -1, refusal(response)
}

// retryAfter returns the time that the collector asks for, 0 for none.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, time.Until(at))
}

// refusal returns an error if the response of OTLP says that spans were not taken: its
// member 1 holds their number as 1.
func refusal(response []byte) error {
	rejected := member(member(response, 1, protowire.BytesType), 1, protowire.VarintType)
	if n, _ := protowire.ConsumeVarint(rejected); int64(n) > 0 {
		return fmt.Errorf("the collector refused %d spans", int64(n))
	}
	return nil
}

// member returns the last member of an encoded message with the number and the type, nil
// if there is none; a text without its length.
func member(message []byte, number protowire.Number, of protowire.Type) (found []byte) {
	for len(message) > 0 {
		n, kind, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return found
		}
		size := protowire.ConsumeFieldValue(n, kind, message[tag:])
		if size < 0 {
			return found
		}
		if value := message[tag : tag+size]; n == number && kind == of {
			found = value
			if kind == protowire.BytesType {
				found, _ = protowire.ConsumeBytes(value)
			}
		}
		message = message[tag+size:]
	}
	return found
}
