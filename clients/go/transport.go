package openwearables

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"connectrpc.com/connect"
)

// shared is the default transport of all clients.
var shared = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = maxResponseHeader
	return t
}()

// origin sends requests to one scheme and host only. It follows no redirects and
// keeps no cookies. It bounds every response and replaces one that did not come from
// the API by an error that says so. Safe for concurrent use.
type origin struct {
	transport    http.RoundTripper // not an http.Client, which adds redirects, cookies and timeouts
	scheme, host string
	path         string // below which the API is expected, "" for the root
	bound        int64  // bytes of a response
	log          *slog.Logger
}

func newOrigin(base *url.URL, from *options) (*origin, error) {
	transport := shared
	if from.transport != nil {
		transport = from.transport
	}
	if t, ok := transport.(*http.Transport); ok && skipsVerification(t.TLSClientConfig) {
		return nil, invalid("the HTTP client does not check certificates: add the server's authority to RootCAs instead").in(from.via)
	}
	return &origin{transport: transport, scheme: base.Scheme, host: base.Host, path: base.Path, bound: from.bound, log: from.log}, nil
}

// forTokens returns the origin with the bound of token calls.
func (o *origin) forTokens() *origin {
	tokens := *o
	tokens.bound = min(o.bound, maxTokenResponse)
	return &tokens
}

// options returns the options with which a generated client keeps the bound of o.
func (o *origin) options() connect.ClientOption {
	return connect.WithClientOptions(connect.WithCodec(codec{o.bound}), boundedGzip(o.bound))
}

func skipsVerification(c *tls.Config) bool { return c != nil && c.InsecureSkipVerify }

const (
	mediaProto = "application/proto"
	mediaJSON  = "application/json"
)

// Do implements connect.HTTPClient.
func (o *origin) Do(req *http.Request) (*http.Response, error) {
	if req.URL.Host != o.host || req.URL.Scheme != o.scheme || req.Host != "" && req.Host != o.host {
		return nil, invalid("this client sends to its own base URL only, so that its credential reaches nobody else")
	}
	res, err := o.send(req)
	if err != nil {
		return nil, headerError(err)
	}
	header := res.Header["Content-Type"]
	if res.StatusCode == http.StatusOK && len(header) == 1 && header[0] == mediaProto &&
		res.ContentLength > 0 && res.ContentLength <= o.bound && len(res.Header["Content-Encoding"]) == 0 {
		return res, nil // nearly every response
	}
	res.Header.Del(foreignHeader)
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	sent := req.Header.Get("Content-Type")
	switch {
	case res.StatusCode == http.StatusOK && strings.HasPrefix(sent, "application/grpc"):
		// The gRPC client reports the wrong content type itself.
	case isForeign(res.StatusCode, media):
		return o.replaceForeign(res, readForeignJSON(res, media)), nil
	case res.StatusCode == http.StatusOK && isUnary(sent) && !strings.HasPrefix(sent, media):
		_ = res.Body.Close()
		return nil, invalidResponse(fmt.Sprintf("the response has the content type %q", clean(media, maxName))).of(res)
	}
	return o.boundBody(res, media)
}

// headerError returns err, or an invalid response if the headers exceed the
// transport's MaxResponseHeaderBytes. The transport has no type for that, and over
// HTTP/2 it reports the excess as an error of the protocol or of its compression.
func headerError(err error) error {
	for _, text := range []string{
		"response headers exceeded", "response header list larger than",
		"connection error: PROTOCOL_ERROR", "connection error: COMPRESSION_ERROR",
	} {
		if strings.Contains(err.Error(), text) {
			return invalidResponse("the headers of the response are too large or cannot be decoded")
		}
	}
	return err
}

func isUnary(media string) bool {
	return strings.HasPrefix(media, mediaProto) || strings.HasPrefix(media, mediaJSON)
}
