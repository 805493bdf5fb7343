package openwearables

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"connectrpc.com/connect"

	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// Version is the version of this package, as the user agent gives it.
const Version = "0.1.0"

// Client calls one installation with one credential. Make it with New or Login
// and share it: it is safe for concurrent use and needs no closing.
type Client struct {
	Sessions     *Sessions
	Keys         *Keys
	Applications *Applications
	Users        *Users
	Tokens       *Tokens
	Workouts     *Workouts

	base    string
	origin  *origin
	caller  *caller
	emitter *emitter
	clock   clock
}

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

// New returns a client of the installation at base, an https URL; plain http is
// for loopback addresses. Its credential is the API key, the session of the
// store or what the token provider gives; without any of these options it has
// none, which is enough to exchange an application's secret.
func New(base string, opts ...Option) (*Client, error) {
	o := &options{timeout: defaultTimeout, retries: maxRetries, clock: systemClock(), core: coreOf}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	u, err := parseBase(base)
	if err != nil {
		return nil, err
	}
	if o.key != nil && o.session {
		return nil, invalid("give an API key, or a store and a token provider: a client has one credential")
	}
	return newClient(u, o)
}

func newClient(u *url.URL, o *options) (*Client, error) {
	origin, err := newOrigin(u, o.http)
	if err != nil {
		return nil, err
	}
	c := &Client{base: u.String(), origin: origin, clock: o.clock}
	if o.handle != nil {
		c.emitter = &emitter{handle: o.handle}
	}
	c.caller = &caller{
		userAgent: []string{userAgent(o.userAgent)}, timeout: o.timeout, retries: o.retries, emitter: c.emitter,
	}
	rpc := newTokenRPC(origin, c.base, c.caller.userAgent)
	if o.key != nil {
		c.caller.key = []string{"Bearer " + *o.key}
	}
	if o.session {
		if c.caller.engine, err = c.newEngine(o, rpc); err != nil {
			return nil, err
		}
	}
	h, call := c.Connect()
	c.Sessions = &Sessions{owv1connect.NewSessionServiceClient(h, c.base, call)}
	c.Keys = &Keys{owv1connect.NewKeyServiceClient(h, c.base, call)}
	c.Applications = &Applications{owv1connect.NewApplicationServiceClient(h, c.base, call)}
	c.Users = &Users{owv1connect.NewUserServiceClient(h, c.base, call)}
	c.Tokens = &Tokens{owv1connect.NewTokenServiceClient(h, c.base, call), rpc, o.timeout}
	c.Workouts = &Workouts{owv1connect.NewWorkoutServiceClient(h, c.base, call)}
	return c, nil
}

func (c *Client) newEngine(o *options, rpc *tokenRPC) (*engine, error) {
	if o.store == nil {
		o.store = MemoryStore()
	}
	key, err := storeKey(o.store)
	if err != nil {
		return nil, err
	}
	e := &engine{
		core: o.core(coreKey{key, c.base}), base: c.base, store: guarded{o.store},
		rpc: rpc, provider: o.provider, clock: o.clock,
	}
	e.core.audience.join(c.emitter)
	return e, nil
}

func userAgent(product string) string {
	own := fmt.Sprintf("openwearables-go/%s (%s; %s/%s)", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return strings.TrimSpace(product + " " + own)
}

// Login signs a developer in and returns a client with that session, which it
// keeps in the store of the options, or in memory. The options, the store
// included, are checked before the password is sent.
func Login(ctx context.Context, base, email, password string, opts ...Option) (*Client, error) {
	session := func(o *options) error {
		o.session = true
		return nil
	}
	c, err := New(base, append([]Option{session}, opts...)...)
	if err != nil {
		return nil, err
	}
	e := c.caller.engine
	if raw, err := e.store.Load(ctx); err != nil {
		return nil, storageError(err)
	} else if raw != nil {
		if _, err := openSession(c.base, raw, c.clock); err != nil {
			return nil, storageError(err)
		}
	}
	ctx, cancel := withTimeout(ctx, c.caller.timeout)
	defer cancel()
	asked := c.clock.mono()
	pair, date, failed := e.rpc.login(ctx, email, password)
	if failed != nil {
		return nil, failed
	}
	e.signIn(ctx, newSession(c.base, randomKey(), pair, c.clock, asked, date))
	return c, nil
}

func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// BaseURL returns the base URL, without a slash at its end.
func (c *Client) BaseURL() string { return c.base }

// Connect returns what makes any generated client call as this one does, with
// its credential, deadline, retries and errors:
//
//	h, opts := c.Connect()
//	workouts := openwearablesv1connect.NewWorkoutServiceClient(h, c.BaseURL(), opts)
//
// The HTTP client refuses every other host. A raw client's messages hold minted
// secrets in plain text.
func (c *Client) Connect() (connect.HTTPClient, connect.ClientOption) {
	return c.origin, connect.WithInterceptors(c.caller)
}

// errNoSession is for what only a client with a session can do.
func (c *Client) session() (*engine, error) {
	if c.caller.engine == nil {
		return nil, invalid("this client has no session: give WithStore or WithTokenProvider, or make it with Login")
	}
	return c.caller.engine, nil
}

// Token returns a fresh access token of the session and when it ends, for what
// does not call through this client.
func (c *Client) Token(ctx context.Context) (Secret, time.Time, error) {
	e, err := c.session()
	if err != nil {
		return Secret{}, time.Time{}, err
	}
	ctx, cancel := withTimeout(ctx, c.caller.timeout)
	defer cancel()
	s, err := e.token(ctx, "")
	if err != nil {
		return Secret{}, time.Time{}, err
	}
	return NewSecret(s.Access), c.clock.wall().Add(s.hard - c.clock.mono()), nil
}

// SignIn makes a pair that the app got by its own means the session, in place of
// any other. If the store cannot take it the session lives in memory, an
// EventStorageError says so, and saving is tried again.
func (c *Client) SignIn(ctx context.Context, pair TokenPair) error {
	e, err := c.session()
	if err != nil {
		return err
	}
	if err := pair.check(); err != nil {
		return err
	}
	e.signIn(ctx, newSession(c.base, randomKey(), pair, c.clock, c.clock.mono(), time.Time{}))
	return nil
}

// SignOut forgets the session at once, clears the store and ends the session at
// the server. A refresh under way brings nothing back. An error says that the
// store could not be cleared or the server not be told; this process is signed
// out in any case. A token provider is not asked again until SignIn.
func (c *Client) SignOut(ctx context.Context) error {
	e, err := c.session()
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(ctx, c.caller.timeout)
	defer cancel()
	return e.signOut(ctx)
}

// String names the client and its base URL.
func (c *Client) String() string { return "openwearables.Client(" + c.base + ")" }

// GoString is String.
func (c *Client) GoString() string { return c.String() }

// Format writes String, whatever the verb, so that no dump shows a credential.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// signIn starts a new generation with s and stores it, whatever is there.
func (e *engine) signIn(ctx context.Context, s *session) {
	_, generation := e.core.supersede(s, nil)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	events := []Event{{Type: EventSignedIn}}
	base, err := e.overwrite(ctx, s.raw)
	if err != nil {
		kept := *s
		kept.unsaved, kept.base = true, base
		kept.soft = min(s.soft, e.clock.mono()+saveRetry)
		e.core.publish(generation, &kept, nil)
		events = append(events, Event{Type: EventStorageError, Err: storageError(err)})
	}
	e.core.audience.emit(events...)
}

var errContended = errors.New("others keep writing to it")

// overwrite makes raw (nil: nothing) what the store holds. It returns what was
// there.
func (e *engine) overwrite(ctx context.Context, raw []byte) (before []byte, err error) {
	for range 16 {
		if before, err = e.store.Load(ctx); err != nil {
			return before, err
		}
		var done bool
		if raw == nil {
			done, err = e.store.Clear(ctx, before)
		} else {
			done, err = e.store.Save(ctx, raw, before)
		}
		if done || err != nil {
			return before, err
		}
	}
	return before, errContended
}

func (e *engine) signOut(ctx context.Context) error {
	before, generation := e.core.supersede(nil, signedOut())
	stored, err := e.overwrite(context.WithoutCancel(ctx), nil)
	var failed []error
	if err != nil {
		failed = append(failed, storageError(err))
	}
	tokens := map[string]bool{refreshOf(before): true}
	if s, err := openSession(e.base, stored, e.clock); err == nil {
		tokens[s.Refresh] = true
		e.core.publish(generation, nil, &ending{s.ID, signedOut()})
	}
	for token := range tokens {
		if err := e.rpc.revoke(ctx, token); err != nil {
			failed = append(failed, err)
		}
	}
	e.core.audience.emit(Event{Type: EventSignedOut})
	return errors.Join(failed...)
}
