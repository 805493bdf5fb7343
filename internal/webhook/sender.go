package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	attemptTimeout = 10 * time.Second // from resolving the name to the end of the answer
	connectTimeout = 5 * time.Second
	maxAnswer      = 64 << 10 // bytes that are read, and dropped
	maxRetryAfter  = 12 * time.Hour
	userAgent      = "openwearables-webhook/1"
)

// sender sends single messages. Safe for concurrent use.
type sender struct {
	policy  Policy
	clients map[string]*http.Client // by scheme
	now     func() time.Time
}

func newSender(policy Policy, p Ports) *sender {
	s := &sender{policy: policy, clients: map[string]*http.Client{}, now: p.Now}
	for _, scheme := range []string{"http", "https"} {
		dialer := &net.Dialer{Timeout: connectTimeout, Resolver: p.Resolver, Control: s.control(scheme)}
		s.clients[scheme] = &http.Client{
			Transport: &http.Transport{ // no proxy: it would connect to what the dialer refuses
				DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: p.Roots, MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2: true, TLSHandshakeTimeout: connectTimeout, DisableCompression: true,
				MaxIdleConns: 20, MaxIdleConnsPerHost: perEndpoint, IdleConnTimeout: 30 * time.Second,
				MaxResponseHeaderBytes: maxAnswer,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return s
}

func (s *sender) close() {
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
}

// refusedError is why no connection to an address was made.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// control refuses connections by the address to which a name was resolved, which is
// the one that is connected to.
func (s *sender) control(scheme string) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		a, _ := netip.ParseAddrPort(address) // what is no address leads nowhere
		if fault := s.policy.refuse(scheme, a.Addr()); fault != "" {
			return refusedError(fault)
		}
		return nil
	}
}

// unsignable is why a message could not be signed.
const unsignable = "The secret of the endpoint cannot be read with the master secret of the server: rotate the secret of the endpoint"

// message is what is sent, and by which secrets it is signed.
type message struct {
	id      string
	url     string
	body    []byte
	secrets [][]byte
}

// send makes one attempt. It ends early with ctx, and never fails itself: the answer
// says what went wrong.
func (s *sender) send(ctx context.Context, m message) answer {
	begun := time.Now()
	a := s.attempt(ctx, m)
	a.took = time.Since(begun)
	a.stopped = a.fault != "" && ctx.Err() != nil
	return a
}

func (s *sender) attempt(ctx context.Context, m message) answer {
	if fault := s.policy.RefuseURL(m.url); fault != "" {
		return answer{fault: "The URL " + fault}
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(m.body))
	if err != nil {
		return answer{fault: "The URL " + notAbsolute}
	}
	if err := sign(r.Header, m, s.now()); err != nil {
		return answer{fault: unsignable}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", userAgent)
	res, err := s.clients[r.URL.Scheme].Do(r)
	if err != nil {
		return answer{fault: faultOfError(err)}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // lets the connection be used again; the status has decided
	a := answer{status: int32(res.StatusCode), fault: faultOf(res.StatusCode)}
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
		a.retryAfter = retryAfter(res.Header.Get("Retry-After"), s.now())
	}
	return a
}

// sign sets the headers of the specification.
func sign(h http.Header, m message, at time.Time) error {
	signatures := make([]string, len(m.secrets))
	for i, secret := range m.secrets {
		w, err := standardwebhooks.NewWebhookRaw(secret)
		if err != nil {
			return err
		}
		if signatures[i], err = w.Sign(m.id, at, m.body); err != nil {
			return err
		}
	}
	h.Set(standardwebhooks.HeaderWebhookID, m.id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// retryAfter reads the header Retry-After: seconds, or a date.
func retryAfter(header string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseUint(header, 10, 32); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// faultOfError says why no answer came, in words that name no address.
func faultOfError(err error) string {
	if e, ok := errors.AsType[refusedError](err); ok {
		return "The URL " + string(e)
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return "The host name of the URL was not found"
	} else if ok {
		return "The host name of the URL could not be looked up: the server's DNS gave no answer"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "The endpoint did not answer within 10 seconds"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "The certificate of the endpoint was not accepted: it must be valid for the host, and issued by an authority that the server trusts"
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "The server was stopped before the endpoint answered"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "The endpoint refused the connection: nothing listens there"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "The endpoint closed the connection without an answer"
	default:
		return "The endpoint could not be reached, or its answer not be read"
	}
}
