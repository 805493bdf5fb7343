package openwearables

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"connectrpc.com/connect"
)

// foreignHeader marks a response that did not come from the API, and holds its
// original status. It is never sent.
const foreignHeader = "Openwearables-Foreign-Status"

// shared is the default transport of all clients.
var shared = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}()

// origin sends requests to one scheme and host only. It follows no redirects and
// keeps no cookies. It replaces a response that did not come from the API by an
// error that says so. Safe for concurrent use.
type origin struct {
	transport    http.RoundTripper // not an http.Client, which adds redirects, cookies and timeouts
	scheme, host string
}

func newOrigin(base *url.URL, from *http.Client) (*origin, error) {
	transport := shared
	if from != nil && from.Transport != nil {
		transport = from.Transport
	}
	if t, ok := transport.(*http.Transport); ok && skipsVerification(t.TLSClientConfig) {
		return nil, invalid("the HTTP client does not check certificates: add the server's authority to RootCAs instead")
	}
	return &origin{transport: transport, scheme: base.Scheme, host: base.Host}, nil
}

func skipsVerification(c *tls.Config) bool { return c != nil && c.InsecureSkipVerify }

// Do implements connect.HTTPClient.
func (o *origin) Do(req *http.Request) (*http.Response, error) {
	if req.URL.Host != o.host || req.URL.Scheme != o.scheme || req.Host != "" && req.Host != o.host {
		return nil, connect.NewError(connect.CodeInvalidArgument,
			errors.New("this client sends to its own base URL only, so that its credential reaches nobody else"))
	}
	res, err := o.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	media := res.Header["Content-Type"]
	if res.StatusCode == http.StatusOK && len(media) == 1 && strings.HasPrefix(media[0], "application/") {
		return res, nil
	}
	if res.StatusCode == http.StatusOK && strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc") {
		return res, nil // the gRPC client reports the wrong content type itself
	}
	return markForeign(res), nil
}

// markForeign replaces a body that no Connect server sends by a Connect error, with
// the code that the Connect protocol assigns to the HTTP status. It keeps the
// headers.
func markForeign(res *http.Response) *http.Response {
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if media == "application/json" || strings.HasPrefix(media, "application/grpc") || strings.HasPrefix(media, "application/connect") {
		return res
	}
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be used again
	_ = res.Body.Close()
	status := res.StatusCode
	body, _ := json.Marshal(map[string]string{
		"code":    foreignCode(status),
		"message": "HTTP " + strconv.Itoa(status) + " that did not come from the API: is a proxy or a captive portal in between, or the base URL wrong?",
	})
	for _, name := range []string{"Content-Encoding", "Content-Length", "Trailer"} {
		res.Header.Del(name)
	}
	res.Header.Set("Content-Type", "application/json")
	res.Header.Set(foreignHeader, strconv.Itoa(status))
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if status == http.StatusOK {
		res.StatusCode, res.Status = http.StatusBadGateway, "502 Bad Gateway"
	}
	return res
}

// foreignCode returns the Connect code of an HTTP status without a Connect body.
func foreignCode(status int) string {
	switch status {
	case http.StatusBadRequest:
		return connect.CodeInternal.String()
	case http.StatusUnauthorized:
		return connect.CodeUnauthenticated.String()
	case http.StatusForbidden:
		return connect.CodePermissionDenied.String()
	case http.StatusNotFound:
		return connect.CodeUnimplemented.String()
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return connect.CodeUnavailable.String()
	default:
		return connect.CodeUnknown.String()
	}
}

// parseBase parses a base URL and refuses one to which no credential may be sent.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Opaque != "" || !strings.Contains(base, "://"):
		return nil, invalid("the base URL must be absolute, such as https://api.example.com")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, invalid("the base URL must begin with https://")
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, invalid("the base URL must be a scheme, a host and at most a path, such as https://api.example.com")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, invalid("the base URL must begin with https://: plain http is for loopback addresses only")
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
