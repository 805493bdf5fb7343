package openwearables_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// broken is the error of a transport with a type of its own.
type broken struct{ header http.Header }

func (b *broken) Error() string { return fmt.Sprintf("sending %v failed", b.header) }

// bare returns the credential of a request without its scheme.
func bare(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// What a transport tells of a proxy's password or of a header is in no text of an error, of
// its causes, of an event or of the log; what it tells of the network is.
func TestErrorsOfTransportsTellNoSecret(t *testing.T) {
	const password, gateway = "correct-horse", "gate-7Kq2-opaque"
	access := "opaque." + strings.Repeat("k", 20)
	dialed := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for name, fail := range map[string]func(*http.Request) error{
		"the URL of a proxy": func(*http.Request) error {
			return &url.Error{Op: "Post", URL: "http://ada:" + password + "@proxy.internal:3128", Err: dialed}
		},
		"a URL with a slash in its password": func(*http.Request) error {
			return fmt.Errorf("no proxy https://ada:a/%s@proxy.internal: %w", password, dialed)
		},
		"a URL that cannot be parsed": func(*http.Request) error {
			_, err := url.Parse(strings.Replace("http://ada:WORD@proxy.internal", "WORD", "%"+password, 1))
			return errors.Join(err, dialed)
		},
		"all headers":            func(r *http.Request) error { return errors.Join(&broken{r.Header}, dialed) },
		"the value of a header":  func(r *http.Request) error { return fmt.Errorf("not %q: %w", r.Header.Get("X-Gateway"), dialed) },
		"a bare token":           func(r *http.Request) error { return fmt.Errorf("%q is refused: %w", bare(r), dialed) },
		"a cause without a text": func(r *http.Request) error { return &quiet{fmt.Errorf("as %s: %w", bare(r), dialed)} },
		"another's credential": func(*http.Request) error {
			return fmt.Errorf("sent Proxy-Authorization: Basic %s: %w", password, dialed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, seen := new(buffer), new(events)
			transport := openwearables.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) { return nil, fail(r) }))
			c := newClient(t, world.url, openwearables.WithAPIKey(access), transport, openwearables.WithRetries(0),
				openwearables.WithLogger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			ctx := openwearables.WithHeader(t.Context(), "X-Gateway", gateway)
			_, err := c.Sessions.Me(ctx)
			if !openwearables.IsOffline(err) || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("err = %v", err)
			}
			var errno syscall.Errno
			if !errors.As(err, &errno) || errno != syscall.ECONNREFUSED {
				t.Errorf("errors.As: %v", errno)
			}
			session := newClient(t, world.url, transport, openwearables.WithStore(seeded(t, world.url, openwearables.TokenPair{
				Access: openwearables.NewSecret(access), Refresh: openwearables.NewSecret(access), ExpiresIn: 3600e9,
			}, expired)), seen.option())
			_, _, failed := session.Token(ctx)
			eventually(t, "the event", func() bool { return seen.of(openwearables.EventRefreshFailed) > 0 })
			for _, v := range []any{err, failed, seen.all()} {
				reachesNoSecret(t, name, v, password, gateway, access)
				told := fmt.Sprint(causes(v), log.text())
				for _, secret := range []string{password, gateway, access} {
					if strings.Contains(told, secret) {
						t.Errorf("a cause or the log tells %s: %s", secret, told)
					}
				}
			}
			if !strings.Contains(log.text(), "…") && name != "a cause without a text" {
				t.Errorf("the log: %s", log.text())
			}
		})
	}
}

// quiet is an error that tells less than its cause.
type quiet struct{ cause error }

func (*quiet) Error() string   { return "it failed" }
func (q *quiet) Unwrap() error { return q.cause }

// causes returns the texts of an error and of all errors within it.
func causes(v any) (texts []string) {
	switch e := v.(type) {
	case interface{ Unwrap() error }:
		texts = causes(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			texts = append(texts, causes(inner)...)
		}
	}
	if err, ok := v.(error); ok {
		texts = append(texts, err.Error())
	}
	return texts
}

// A cookie in a header that net/http cannot read is not told.
func TestMalformedHeaderIsNotTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, 1))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nSet-Cookie gateway_session=correct-horse\r\n\r\n")
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	c := newClient(t, "http://"+l.Addr().String(), openwearables.WithAPIKey("k"), openwearables.WithRetries(0))
	_, err = c.Sessions.Me(t.Context())
	if told := fmt.Sprint(causes(err)); err == nil || !strings.Contains(told, "malformed MIME header") || strings.Contains(told, "correct-horse") {
		t.Errorf("it tells %s", told)
	}
}

// The cause of an error that tells no secret is the transport's own, with its type.
func TestOtherErrorsOfTransportsKeepTheirType(t *testing.T) {
	c := newClient(t, world.url, openwearables.WithAPIKey("k"), openwearables.WithRetries(0), openwearables.WithTransport(roundTripper(
		func(*http.Request) (*http.Response, error) { return nil, &broken{http.Header{"X-A": {"b"}}} })))
	_, err := c.Sessions.Me(t.Context())
	if b := (*broken)(nil); !errors.As(err, &b) || !strings.Contains(err.Error(), "map[X-A:[b]]") {
		t.Errorf("err = %v", err)
	}
}
