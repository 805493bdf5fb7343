package openwearables

import (
	"net/http"
	"strings"
	"time"
)

// Option changes a Client that is being made.
type Option func(*options) error

type options struct {
	key       *string
	provider  TokenProvider
	store     Store
	session   bool // a credential of the session kind is wanted
	http      *http.Client
	handle    func(Event)
	userAgent string
	timeout   time.Duration
	retries   int
	clock     clock
	core      func(coreKey) *core
}

// WithAPIKey makes the client call with an API key. It is for servers.
func WithAPIKey(key string) Option {
	return func(o *options) error {
		if key == "" {
			return invalid("the API key is empty: is the environment variable set?")
		}
		for _, p := range []string{"secret_", "rt_", "app_"} {
			if strings.HasPrefix(key, p) {
				return invalid("what begins with " + p + " is no API key: those begin with ow_live_ or ow_test_")
			}
		}
		o.key = &key
		return checkBare(key)
	}
}

// WithStore makes the client use the session that the store keeps, and keep its
// session there.
func WithStore(s Store) Option {
	return func(o *options) error {
		if s == nil {
			return invalid("the store is nil")
		}
		o.store, o.session = s, true
		return nil
	}
}

// WithTokenProvider makes the client ask the app's own backend for a session
// when it has none.
func WithTokenProvider(p TokenProvider) Option {
	return func(o *options) error {
		if p == nil {
			return invalid("the token provider is nil")
		}
		o.provider, o.session = p, true
		return nil
	}
}

// WithHTTPClient makes the client send over the transport of h. Redirects are
// refused, cookies not kept and deadlines set by this package all the same; a
// transport that does not check certificates is refused.
func WithHTTPClient(h *http.Client) Option {
	return func(o *options) error {
		o.http = h
		return nil
	}
}

// WithEvents hands every event to f, one after the other and in order, from a
// goroutine of its own that nothing waits for: f may call the client.
func WithEvents(f func(Event)) Option {
	return func(o *options) error {
		o.handle = f
		return nil
	}
}

// WithUserAgent puts the app's name before this package's in the User-Agent,
// such as "shop/2.1".
func WithUserAgent(product string) Option {
	return func(o *options) error {
		if strings.ContainsFunc(product, func(r rune) bool { return r < ' ' || r > '~' }) {
			return invalid("the user agent must be visible ASCII")
		}
		o.userAgent = strings.TrimSpace(product)
		return nil
	}
}

// WithTimeout sets the deadline of a call whose context has none, its refresh
// and its retries included: 30 s unless set, 0 for none.
func WithTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d < 0 {
			return invalid("the timeout is negative")
		}
		o.timeout = d
		return nil
	}
}

// WithRetries sets how often a call that failed in passing is repeated where
// that is safe: 0 to 2, 2 unless set.
func WithRetries(n int) Option {
	return func(o *options) error {
		if n < 0 || n > maxRetries {
			return invalid("retries must be 0 to 2")
		}
		o.retries = n
		return nil
	}
}
