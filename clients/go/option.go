package openwearables

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Option configures a Client.
type Option func(*options) error

type options struct {
	key       *string
	provider  TokenProvider
	store     Store
	session   bool // the credential is a session
	user      string
	transport http.RoundTripper
	via       string // the option that gave the transport
	log       *slog.Logger
	handle    func(Event)
	userAgent string
	timeout   time.Duration
	retries   int
	bound     int64
	private   bool
	clock     clock
	core      func(coreKey) *core
}

// WithAPIKey sets the API key that the client authenticates with. An API key
// belongs on a server.
func WithAPIKey(key string) Option {
	return func(o *options) error {
		if key == "" {
			return invalid("the API key is empty: is the environment variable set?").in("WithAPIKey")
		}
		for _, p := range []string{"secret_", "rt_", "app_"} {
			if strings.HasPrefix(key, p) {
				return invalid("what begins with " + p + " is no API key: those begin with ow_live_ or ow_test_").in("WithAPIKey")
			}
		}
		if fault := fault(key); fault != "" {
			return invalid(fault).in("WithAPIKey")
		}
		o.key = &key
		return nil
	}
}

// WithStore sets the store that the client loads its session from and saves it to.
func WithStore(s Store) Option {
	return func(o *options) error {
		if s == nil {
			return invalid("the store is nil").in("WithStore")
		}
		o.store, o.session = s, true
		return nil
	}
}

// WithTokenProvider sets the function that fetches a session from the app's own
// backend when the client has none.
func WithTokenProvider(p TokenProvider) Option {
	return func(o *options) error {
		if p == nil {
			return invalid("the token provider is nil").in("WithTokenProvider")
		}
		o.provider, o.session = p, true
		return nil
	}
}

// WithUserID says whose session the client has: id is the user's id as the app names it,
// or a developer's email, in which neither case nor spaces at its ends matter.
// The token provider gets it, and it is stored with the session. In the store, the
// session of another user counts as none, and stays until this user signs in. Without
// this option any user's session in the store is used. An app in which more than one
// user can sign in needs it.
func WithUserID(id string) Option {
	return func(o *options) error {
		if id == "" || len(id) > maxUserID {
			return invalid("the user id must be 1 to 255 bytes").in("WithUserID")
		}
		o.user = id
		return nil
	}
}

const maxUserID = 255

// AllowInsecurePrivateNetwork accepts a base URL of plain http whose host is a private or
// link-local address (RFC 1918, fc00::/7, 169.254.0.0/16, fe80::/10), a name of one label,
// or a name that ends in .local, .internal, .svc or .cluster.local, as within a cluster
// without TLS. The credential and all data are then sent in plain text: whoever can read or
// redirect the traffic of that network, or answer for the name, has them.
func AllowInsecurePrivateNetwork() Option {
	return func(o *options) error {
		o.private = true
		return nil
	}
}

// WithHTTPClient makes the client send over the transport of h. Nothing else of h
// is used: this package refuses redirects, keeps no cookies and sets the
// deadlines. New refuses a transport that does not verify certificates. The transport
// bounds the headers of a response (http.Transport.MaxResponseHeaderBytes); the default
// one takes 64 KiB.
func WithHTTPClient(h *http.Client) Option {
	return func(o *options) error {
		if h != nil {
			o.transport, o.via = h.Transport, "WithHTTPClient"
		}
		return nil
	}
}

// WithTransport makes the client send over rt, which may wrap another one: to trace, to
// measure, to reach the server through a proxy, or to set a header that a gateway asks for. It
// sees every attempt with its credential, those of renewals too. What WithHTTPClient says of
// its transport holds for it.
func WithTransport(rt http.RoundTripper) Option {
	return func(o *options) error {
		if rt == nil {
			return invalid("the transport is nil").in("WithTransport")
		}
		o.transport, o.via = rt, "WithTransport"
		return nil
	}
}

// WithLogger makes the client log every attempt at slog.LevelDebug: its method, status,
// duration, number within its call, request id and error. It logs no header, no message and
// no secret.
func WithLogger(l *slog.Logger) Option {
	return func(o *options) error {
		if l == nil {
			return invalid("the logger is nil").in("WithLogger")
		}
		o.log = l
		return nil
	}
}

// WithEvents sets the handler of events. Events are passed to f one at a time and
// in order, from a goroutine that nothing waits for, so f may call the client. While f does
// not return, up to 256 wait; beyond that the oldest of those that tell how it came
// (refreshed, failed) is dropped, and the next event counts in Dropped how many were. The
// last event that tells who is signed in, or that the key was rotated, is never dropped.
func WithEvents(f func(Event)) Option {
	return func(o *options) error {
		o.handle = f
		return nil
	}
}

// WithUserAgent puts the app's product name, such as "shop/2.1", before this
// package's in the User-Agent header.
func WithUserAgent(product string) Option {
	return func(o *options) error {
		if strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
			return invalid("the user agent must be visible ASCII").in("WithUserAgent")
		}
		o.userAgent = strings.TrimSpace(product)
		return nil
	}
}

// WithTimeout sets the time limit of a call whose context has no deadline. It
// includes the refresh and the retries. The default is 30 s; 0 means no limit.
func WithTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d < 0 {
			return invalid("the timeout is negative").in("WithTimeout")
		}
		o.timeout = d
		return nil
	}
}

// WithRetries sets how often a call is repeated after a transient failure, if
// repeating it is safe: 0 to 2, by default 2.
func WithRetries(n int) Option {
	return func(o *options) error {
		if n < 0 || n > maxRetries {
			return invalid("retries must be 0 to 2").in("WithRetries")
		}
		o.retries = n
		return nil
	}
}

// WithMaxResponseBytes sets how large a response may be, unpacked: 64 KiB to 1 GiB, by
// default 16 MiB. A response with a token pair is never larger than 1 MiB, and an error
// than 64 KiB. A larger one fails with ReasonInvalidResponse and is not repeated.
func WithMaxResponseBytes(n int) Option {
	return func(o *options) error {
		if n < minMaxResponse || n > maxMaxResponse {
			return invalid("the bound on responses must be 64 KiB to 1 GiB").in("WithMaxResponseBytes")
		}
		o.bound = int64(n)
		return nil
	}
}
