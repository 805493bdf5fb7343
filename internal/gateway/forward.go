package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// passage is one request on its way through the gateway.
type passage struct {
	*Match
	query      string
	connection *http.ResponseController
	outcome    Outcome
	took       time.Duration         // until the upstream's answer began
	broken     atomic.Pointer[error] // of reading the body from the client
}

type passageKey struct{}

func passageFrom(ctx context.Context) *passage { return ctx.Value(passageKey{}).(*passage) }

// Serve forwards r by the match. Its caller must have been authenticated and charged;
// Serve decides whether it may. It returns how long the upstream took until its answer
// began, 0 if it was not asked.
func (g *Gateway) Serve(w http.ResponseWriter, r *http.Request, m *Match) (took time.Duration) {
	p := &passage{Match: m, connection: http.NewResponseController(w), outcome: Failed}
	leave, err := g.admit(w, r, p)
	if err != nil {
		g.Fail(m.Route)(w, r, err)
		return 0
	}
	defer leave()
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), passageKey{}, p))
	defer cancel(nil)
	if m.Route.Class == Stream {
		var watching sync.WaitGroup
		defer watching.Wait()
		defer cancel(nil)
		caller := *auth.CallerFrom(ctx)
		watching.Go(func() { g.watch(ctx, m, caller, cancel) })
	}
	defer func() { g.ports.Observe(m.Route.Class, p.outcome, p.took) }()
	if m.Route.Class == Public {
		w.Header()["Content-Security-Policy"] = sandbox
	}
	g.proxy.ServeHTTP(w, r.WithContext(ctx))
	return p.took
}

// sandbox keeps a page of the upstream apart from those of this server, although it has
// their origin: its script can neither read their storage nor use the refresh cookie.
var sandbox = []string{"sandbox allow-scripts allow-forms allow-popups allow-top-navigation"}

// admit returns nil if the request may be forwarded, or the refusal. It takes the place
// that the request holds until leave.
func (g *Gateway) admit(w http.ResponseWriter, r *http.Request, p *passage) (leave func(), err error) {
	ctx := r.Context()
	if err := p.Route.require(ctx, p.Match); err != nil {
		return nil, err
	}
	if err := g.checkQuery(r, p); err != nil {
		return nil, err
	}
	if p.User != "" {
		if err := g.knowsUser(ctx, p.User); err != nil {
			return nil, err
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); p.Route.Class != Public && encoding != "" && encoding != "identity" {
		return nil, &problem.Error{Kind: problem.UnsupportedMedia, Reason: "unsupported_media_type", Detail: "Send the body uncompressed"}
	}
	if err := p.takeBody(r); err != nil {
		return nil, err
	}
	_ = p.connection.SetWriteDeadline(time.Time{}) // coming sets one for each part of the answer
	if p.Route.Class == Stream {
		return g.admitStream(ctx)
	}
	return g.enter(ctx, p.Route.Class)
}

// knowsUser returns nil if there is such a user, or the refusal. The upstream takes an
// upload for any id, and drops what it holds of an unknown one.
func (g *Gateway) knowsUser(ctx context.Context, id string) error {
	err := g.ports.KnowsUser(ctx, id)
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("User")
	}
	return err
}

func (g *Gateway) admitStream(ctx context.Context) (leave func(), err error) {
	if g.ended.Err() != nil {
		return nil, problem.UnavailableError(nil)
	}
	if leave, err = g.streams.begin(auth.CallerFrom(ctx).Identity()); err != nil {
		g.ports.Observe(Stream, Busy, 0)
	}
	return leave, err
}

func (g *Gateway) enter(ctx context.Context, c Class) (leave func(), err error) {
	caller := auth.CallerFrom(ctx)
	if leave, err = g.slots[c].take(ctx, caller.Identity(), shareOf(c, caller.Principal)); err != nil && ctx.Err() == nil {
		g.ports.Observe(c, Busy, 0)
	}
	return leave, err
}

// checkQuery refuses a query that the two sides could read differently, and sets what is
// forwarded. Whose data is asked for stands in the path; what a query says of it must be
// the same.
func (g *Gateway) checkQuery(r *http.Request, p *passage) error {
	p.query = r.URL.RawQuery
	if p.Route.proof {
		return nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return badQuery("The query must be percent-encoded, with & between its members")
	}
	for name, given := range values {
		if !strings.EqualFold(name, "user_id") {
			continue
		}
		id, ok := canonicalID(given[0])
		switch {
		case len(given) > 1 || name != "user_id" || !ok:
			return badQuery("user_id must be one UUID")
		case p.Route.HasUser() && id != p.User:
			return badQuery("user_id must be the user of the path")
		}
		values.Set(name, id)
		p.query = values.Encode()
	}
	if p.Route.Name == authorizeName {
		return g.checkAuthorize(r, values)
	}
	return nil
}

// checkAuthorize refuses to connect whom nobody knows, and to send a user to a page of
// somebody else.
func (g *Gateway) checkAuthorize(r *http.Request, query url.Values) error {
	if id := query.Get("user_id"); id != "" {
		if err := g.knowsUser(r.Context(), id); err != nil {
			return err
		}
	}
	for _, address := range query["redirect_uri"] {
		to, err := url.Parse(address)
		if err != nil || !g.isOwn(r, to) && !g.config.Origin(to.Scheme+"://"+to.Host) {
			return badQuery("redirect_uri must be a page of an origin that --allowed-origins names")
		}
	}
	return nil
}

// isOwn reports whether the page is one of this server.
func (g *Gateway) isOwn(r *http.Request, page *url.URL) bool {
	if g.config.Own != "" {
		return page.Scheme+"://"+page.Host == g.config.Own
	}
	return page.Host == r.Host && (page.Scheme == "https" || page.Scheme == "http")
}

func badQuery(detail string) error {
	return &problem.Error{Kind: problem.BadRequest, Reason: "invalid_request", Detail: detail}
}

// Fail returns the function that answers refusals of requests of the route. It takes what
// is still arriving of a refused upload, so that the client reads the answer.
func (g *Gateway) Fail(route *Route) func(w http.ResponseWriter, r *http.Request, err error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		if route.Class == Ingest {
			drain(w, r)
		}
		g.ports.Fail(w, r, route.Refusal(err))
	}
}

// errSilent is the cause with which a request is given up that the upstream does not
// answer.
var errSilent = errors.New("the upstream did not answer in time")

// suspicion is the patience with an upstream that has just kept a request waiting in
// vain.
const suspicion = 1500 * time.Millisecond

// bare is a context without the values of another. What they are for ends here, above
// all the trace by which httputil passes on answers of 1xx with all that is in them.
type bare struct{ context.Context }

func (bare) Value(any) any { return nil }

// RoundTrip implements http.RoundTripper for the proxy.
func (g *Gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	p := passageFrom(r.Context())
	ctx, cancel := context.WithCancelCause(bare{r.Context()})
	patience := g.first(p.Route.Class)
	if g.silent.Load() && r.Method == http.MethodGet {
		patience = min(patience, suspicion)
	}
	begun, watch := time.Now(), newWatchdog(patience, func() { cancel(errSilent) })
	out := r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = &sending{r.Body, p, watch}
	}
	answer, err := g.ports.Upstream.Do(out, p.Route.with)
	watch.off()
	p.took = time.Since(begun)
	if err != nil {
		defer cancel(nil)
		return nil, g.unreached(r, p, context.Cause(ctx), err)
	}
	g.silent.Store(false)
	g.lost.Store(false)
	answer.Request = r
	answer.Body = &coming{
		ReadCloser: answer.Body, p: p, ctx: r.Context(), release: func() { cancel(nil) },
		watch: newWatchdog(g.next(p.Route.Class), func() { cancel(errSilent) }),
	}
	return answer, nil
}

// unreached explains why there is no answer, by the cause with which the context of the
// request ended.
func (g *Gateway) unreached(r *http.Request, p *passage, cause, err error) error {
	p.outcome = Unreachable
	if failure := p.broken.Load(); failure != nil {
		p.outcome = GivenUp
		return bodyError(r, *failure)
	}
	switch {
	case errors.Is(cause, errSilent):
		g.silent.Store(true)
		g.lost.Store(true)
		return problem.UnavailableError(errSilent)
	case r.Context().Err() != nil:
		p.outcome = GivenUp
		return r.Context().Err()
	}
	g.lost.Store(true)
	return err
}

// receive decides what becomes of an answer of the upstream. Its error is the refusal
// that is answered in its place.
func (g *Gateway) receive(answer *http.Response) error {
	ctx := answer.Request.Context()
	p := passageFrom(ctx)
	status := answer.StatusCode
	p.outcome = Answered
	passes := status >= 200 && status < 300 || p.Route.Class == Public && status < 400 && status >= 200 || status == http.StatusNotModified
	switch {
	case passes:
	case status >= 500 || status < 400:
		p.outcome = Failed
	default:
		p.outcome = Refused
	}
	if !passes && !p.Route.proof {
		if status == http.StatusUnauthorized {
			return g.unauthorized(ctx, p)
		}
		return p.Route.refusal(answer)
	}
	if err := g.note(ctx, p); err != nil {
		return err
	}
	p.receiveHeader(answer, g.ports.Upstream.Address())
	return nil
}

// unauthorized explains a 401 of the upstream, which is never the caller's: its own
// credential was accepted. Either a provider has ended what its user granted, or the
// upstream no longer knows this server.
func (g *Gateway) unauthorized(ctx context.Context, p *passage) error {
	if strings.HasPrefix(p.Route.Path, base+"/providers/") && p.Route.HasUser() {
		if err := g.ports.Upstream.Verify(ctx); err == nil {
			return &problem.Error{
				Kind: problem.Conflict, Reason: reasonRefused,
				Detail: "The provider no longer accepts what this user granted: the user must connect it again",
			}
		}
	}
	p.outcome = Failed
	return problem.UnavailableError(fmt.Errorf("the upstream refuses the credential of this server for %s", p.Route.Name))
}

// failed answers in place of the upstream.
func (g *Gateway) failed(w http.ResponseWriter, r *http.Request, err error) {
	p := passageFrom(r.Context())
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = bodyError(r, err)
	}
	// What is left of the body may still be read for the upstream: drain must not.
	g.ports.Fail(w, r, p.Route.Refusal(err))
}

// buffers shares the buffers of answers.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return make([]byte, bufferSize)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }
