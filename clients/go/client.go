package openwearables

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
)

// Version is the version of this package, as the User-Agent header states it.
const Version = "0.1.0"

// Client calls one installation with one credential. Create it with New or Login
// and share it: it is safe for concurrent use and need not be closed.
type Client struct {
	Sessions     *Sessions
	Keys         *Keys
	Applications *Applications
	Users        *Users
	Tokens       *Tokens
	Workouts     *Workouts
	Audit        *Audit
	Credentials  *Credentials
	Usage        *Usage
	Webhooks     *Webhooks
	Developers   *Developers
	Invitations  *Invitations
	Alerts       *Alerts
	Installation *Installation

	base    string
	origin  *origin
	caller  *caller
	emitter *emitter
	clock   clock
}

// New returns a client of the installation at base, an https URL; plain http is
// accepted for loopback addresses, and with AllowInsecurePrivateNetwork for those of a
// private network. The client's credential is the API key, the
// session in the store, or the session that the token provider returns. Without
// any of these options it has no credential, which is enough for Tokens.Exchange.
func New(base string, opts ...Option) (*Client, error) {
	o := &options{timeout: defaultTimeout, retries: maxRetries, bound: defaultMaxResponse, clock: systemClock(), core: coreOf}
	for _, opt := range opts {
		if opt == nil {
			return nil, invalid("an option is nil")
		}
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	u, err := parseBase(base, o.private)
	if err != nil {
		return nil, err
	}
	if o.key != nil && o.session {
		return nil, invalid("give an API key, or a store and a token provider: a client has one credential").in("WithAPIKey")
	}
	if o.user != "" && !o.session {
		return nil, invalid("WithUserID says whose session a client has: give WithStore or WithTokenProvider too").in("WithUserID")
	}
	return newClient(u, o)
}

func newClient(u *url.URL, o *options) (*Client, error) {
	origin, err := newOrigin(u, o)
	if err != nil {
		return nil, err
	}
	c := &Client{base: u.String(), origin: origin, clock: o.clock}
	if o.handle != nil {
		c.emitter = &emitter{handle: o.handle}
	}
	c.caller = &caller{
		userAgent: []string{userAgent(o.userAgent)}, timeout: o.timeout, retries: o.retries, emitter: c.emitter,
		counts: o.log != nil,
	}
	tokens := origin.forTokens()
	rpc := newTokenRPC(tokens, c.base, c.caller)
	c.caller.rpc = rpc
	if o.key != nil {
		c.caller.key = seal([]string{"Bearer " + *o.key})
	}
	if o.session {
		e, err := c.newEngine(o, rpc)
		if err != nil {
			return nil, err
		}
		c.caller.engine = seal(e)
	}
	h, call := c.Connect()
	l := &link{h, c.base, call}
	c.Sessions = &Sessions{link: l}
	c.Keys = &Keys{link: l}
	c.Applications = &Applications{link: l}
	c.Users = &Users{link: l}
	c.Tokens = &Tokens{link: &link{tokens, c.base, connect.WithClientOptions(l.options, tokens.options())}, bare: rpc, timeout: o.timeout}
	c.Workouts = &Workouts{link: l}
	c.Usage = &Usage{link: l}
	c.Webhooks = &Webhooks{link: l}
	c.Developers = &Developers{link: l}
	c.Invitations = &Invitations{link: l}
	c.Installation = &Installation{link: l}
	c.Alerts = &Alerts{link: l}
	c.Credentials = &Credentials{link: l}
	c.Audit = &Audit{link: l, credentials: c.Credentials}
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
	at := place{c.base, o.user}
	e := &engine{
		core: o.core(coreKey{key, at}), place: at, store: guard(o.store),
		rpc: rpc, provider: o.provider, asking: newTurn(), clock: o.clock,
	}
	e.core.listeners.add(c.emitter)
	return e, nil
}

func userAgent(product string) string {
	own := fmt.Sprintf("openwearables-go/%s (%s; %s/%s)", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return strings.TrimSpace(product + " " + own)
}

// Login signs a developer in and returns a client with that session. The session
// is kept in the store of the options, or in memory, as that of the user with this email,
// in lower case, unless WithUserID names another. The client never uses the session of
// another developer who signs in on the same store later. Login checks the options and reads the store before it
// sends the password.
func Login(ctx context.Context, base, email, password string, opts ...Option) (*Client, error) {
	return begin(ctx, base, email, opts, func(ctx context.Context, rpc *tokenRPC) (TokenPair, time.Time, *Error) {
		return rpc.login(ctx, email, password)
	})
}

// Setup creates the first developer of an installation and returns a client with its
// session, as Login does. The token is the end of the setup address that
// "openwearables serve" prints while there is no developer; it works once.
func Setup(ctx context.Context, base, token, email, password string, opts ...Option) (*Client, error) {
	return begin(ctx, base, email, opts, func(ctx context.Context, rpc *tokenRPC) (TokenPair, time.Time, *Error) {
		return rpc.setup(ctx, token, email, password)
	})
}

// Pair signs a user in with a pairing code, as a person types it, and returns a client
// with that session, which is kept and renewed as one of Login is, and the id of the user.
// The session is that of the user that WithUserID names; without it, of whoever is paired
// on the store. The code works once.
func Pair(ctx context.Context, base, code string, opts ...Option) (c *Client, userID string, err error) {
	c, err = begin(ctx, base, "", opts, func(ctx context.Context, rpc *tokenRPC) (pair TokenPair, date time.Time, err *Error) {
		pair, userID, date, err = rpc.pair(ctx, code)
		return pair, date, err
	})
	return c, userID, err
}

// begin returns a client with the session that open opens for the developer with the
// email, or else for whoever it is.
func begin(
	ctx context.Context, base, email string, opts []Option,
	open func(context.Context, *tokenRPC) (TokenPair, time.Time, *Error),
) (*Client, error) {
	session := func(o *options) error {
		o.session, o.user = true, cmp.Or(o.user, foldAddress(email))
		return nil
	}
	c, err := New(base, append(slices.Clone(opts), session)...)
	if err != nil {
		return nil, err
	}
	e := c.caller.engine.get()
	ctx, cancel := withTimeout(ctx, c.caller.timeout)
	defer cancel()
	raw, err := e.store.Load(ctx)
	switch {
	case err != nil && ctx.Err() == context.Canceled:
		return nil, contextError(ctx)
	case err != nil:
		return nil, storageError(err)
	case raw != nil:
		if _, err := openSession(e.place, raw, c.clock); err != nil && err != errElsewhere {
			return nil, storageError(err)
		}
	}
	asked := c.clock.mono()
	pair, date, failed := open(ctx, e.rpc)
	if failed != nil {
		return nil, failed
	}
	e.signIn(ctx, newSession(e.place, randomKey(), pair, c.clock, asked, date))
	return c, nil
}

// BaseURL returns the base URL without a trailing slash.
func (c *Client) BaseURL() string { return c.base }

// Connect returns the HTTP client and the option that give a generated client the
// credential, deadline, retries, bounds and errors of this one:
//
//	h, opts := c.Connect()
//	workouts := owv1connect.NewWorkoutServiceClient(h, c.BaseURL(), opts)
//
// Options of your own, such as connect.WithProtoJSON, come after this one.
//
// The HTTP client refuses every other host. Messages of a generated client contain
// minted secrets in plain text.
func (c *Client) Connect() (connect.HTTPClient, connect.ClientOption) {
	return c.origin, connect.WithClientOptions(c.origin.options(), connect.WithInterceptors(c.caller))
}

// session returns the engine of a client that has a session, else an error of
// KindInvalid.
func (c *Client) session() (*engine, error) {
	e := c.caller.engine.get()
	if e == nil {
		return nil, invalid("this client has no session: give WithStore or WithTokenProvider, or make it with Login")
	}
	return e, nil
}

// Token returns a fresh access token of the session and the time at which it
// expires, for requests that do not go through this client.
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

// SignIn replaces the session, if any, by one of the pair, which the app got by
// its own means. If the store cannot be read or written, the session stays in memory, an
// EventStorageError is emitted, and saving is tried again later.
func (c *Client) SignIn(ctx context.Context, pair TokenPair) error {
	e, err := c.session()
	if err != nil {
		return err
	}
	if err := pair.check(); err != nil {
		return err
	}
	e.signIn(ctx, newSession(e.place, randomKey(), pair, c.clock, c.clock.mono(), time.Time{}))
	return nil
}

// SignOut forgets the session at once, clears the store and revokes the session at
// the server. A refresh under way does not bring the session back. An error means
// that the store could not be cleared or the server not be reached; this process
// is signed out in any case. A session that could not be revoked is revoked after the
// next call of this process to the same base URL that succeeds. The token provider is not called until the next
// SignIn.
func (c *Client) SignOut(ctx context.Context) error {
	e, err := c.session()
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(ctx, c.caller.timeout)
	defer cancel()
	return e.signOut(ctx)
}

// NetworkChanged tells the client that the network may be another one by now, such as
// when the device comes back online: the next call that needs a token tries at once to get
// one, unless the server has asked to wait, and idle connections are closed.
func (c *Client) NetworkChanged() {
	if e := c.caller.engine.get(); e != nil {
		e.core.endCooldown(true)
	}
	if t, ok := c.origin.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// String returns the name of the type with the base URL.
func (c *Client) String() string { return "openwearables.Client(" + c.base + ")" }

// GoString returns String.
func (c *Client) GoString() string { return c.String() }

// Format writes String for every verb, so that no dump shows a credential.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
