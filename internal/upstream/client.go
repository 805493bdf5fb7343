// Package upstream calls the Open Wearables backend that stands behind this
// server, as a service of it: by its key, or as its developer.
package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// Credential is what a request proves to the upstream.
type Credential uint8

const (
	// None leaves the headers of the request as they are.
	None Credential = iota
	// Key is the key of the service. The mobile routes take nothing else.
	Key
	// Developer is a token of the service's developer. The settings take nothing else.
	Developer
)

// header is the one in which the upstream takes a key.
const header = "X-Open-Wearables-Api-Key"

// Config says where the upstream is and what it knows this server by.
type Config struct {
	URL      string // "http://HOST:PORT", without a path
	Key      string
	Email    string // of the service's developer
	Password string
}

// Check returns an error that says what to change.
func (c *Config) Check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the address of the upstream must be http://HOST:PORT or https://HOST, and nothing after it")
	case c.Key == "" || !isToken(c.Key):
		return errors.New("the key of the upstream must be one line without spaces")
	case c.Email == "" || c.Password == "":
		return errors.New("the developer of the upstream must be an email and a password, each on a line")
	}
	return nil
}

// isToken reports whether s may stand in a header as it is.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Times within which an upstream that is there answers.
const (
	dialTimeout = time.Second
	callTimeout = 10 * time.Second // of Call, and of a login
)

// maxCalls is how many calls of Call are under way at once. What is forwarded asks before
// whether the user is there, so that without it a crowd of phones would all call at once.
const maxCalls = 32

// idleTimeout is shorter than the five seconds after which the upstream closes a
// connection, so that a request is not sent on one that it is about to close.
const idleTimeout = 4 * time.Second

// Client calls the upstream. Safe for concurrent use.
type Client struct {
	base      url.URL // scheme and host
	key       string
	developer *developer
	transport *http.Transport
	calls     chan struct{}
}

// New returns a client. config must pass Check. It connects to nothing yet.
func New(config Config, log *slog.Logger) *Client {
	u, err := url.Parse(config.URL)
	if err != nil {
		panic("upstream: the configuration was not checked")
	}
	c := &Client{
		base: url.URL{Scheme: u.Scheme, Host: u.Host}, key: config.Key, calls: make(chan struct{}, maxCalls),
		transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			DisableCompression:    true, // bodies pass as they are
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       idleTimeout,
			ExpectContinueTimeout: time.Second,
		},
	}
	c.developer = &developer{email: config.Email, password: config.Password, send: c.send, log: log, now: time.Now}
	return c
}

// Close closes the connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Address returns where the upstream is, as "http://HOST:PORT".
func (c *Client) Address() string { return c.base.String() }

// Do sends r, of whose URL only the path and the query count, and returns the answer,
// whatever its status. It follows no redirect and has no time limit but that of the
// context. The caller must close the answer's body. An error is a *problem.Error of
// kind Unavailable: whether the upstream has done anything is then unknown.
//
// A developer's token that the upstream refuses is replaced once, and r sent again if
// its body can be: it has none, or GetBody is set. A 401 that is left means that the
// credential is refused, or on the routes of a provider that the user's grant there is.
func (c *Client) Do(r *http.Request, with Credential) (*http.Response, error) {
	if with != Developer {
		if with == Key {
			prove(r, header, c.key)
		}
		return c.send(r)
	}
	token, err := c.developer.get(r.Context(), "")
	if err != nil {
		return nil, err
	}
	prove(r, "Authorization", "Bearer "+token)
	answer, err := c.send(r)
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		return answer, err
	}
	again := r.Clone(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			_, err = c.developer.get(r.Context(), token) // for the next request
			return answer, err
		}
		if again.Body, err = r.GetBody(); err != nil {
			return answer, nil
		}
	}
	_ = answer.Body.Close()
	if token, err = c.developer.get(r.Context(), token); err != nil {
		return nil, err
	}
	prove(again, "Authorization", "Bearer "+token)
	return c.send(again)
}

// prove makes the header the only credential of the request.
func prove(r *http.Request, header, value string) {
	for _, name := range []string{"Authorization", "Cookie", "X-Open-Wearables-Api-Key"} {
		r.Header.Del(name)
	}
	r.Header.Set(header, value)
}

// send sends the request as it is.
func (c *Client) send(r *http.Request) (*http.Response, error) {
	u := *r.URL
	u.Scheme, u.Host, u.User = c.base.Scheme, c.base.Host, nil
	r.URL, r.Host = &u, ""
	answer, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, problem.UnavailableError(fmt.Errorf("the upstream: %w", err))
	}
	return answer, nil
}

// Refusal is an answer of the upstream that refuses a call.
type Refusal struct {
	Status int
	Detail string // what it said, "" if it cannot be read; not for callers
}

func (e *Refusal) Error() string { return fmt.Sprintf("the upstream: %d: %s", e.Status, e.Detail) }

// maxAnswer is the size of the largest answer that Call reads, in bytes.
const maxAnswer = 16 << 20

// Call sends in as JSON, unless it is nil, and reads the answer into out, unless that is
// nil. It returns a *Refusal for a status of 400 to 499, and a *problem.Error of kind
// Unavailable if the upstream cannot be reached within ten seconds, fails, or does not
// know the credential: the call may then have taken effect. It waits for others where too
// many are under way.
func (c *Client) Call(ctx context.Context, with Credential, method, path string, query url.Values, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	err := c.call(ctx, request{with: with, method: method, path: path, query: query, body: body, contentType: jsonType}, out)
	if refused, ok := errors.AsType[*Refusal](err); ok && refused.Status == http.StatusUnauthorized {
		return problem.UnavailableError(refused)
	}
	return err
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// request is one of Client.call. Unless with is set, it is proved by its proof alone.
type request struct {
	with         Credential
	method, path string
	query        url.Values
	body         []byte // nil: none
	contentType  string
	proof        http.Header
}

// call is Client.Call for which a 401 is a *Refusal too.
func (c *Client) call(ctx context.Context, in request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case c.calls <- struct{}{}:
		defer func() { <-c.calls }()
	case <-ctx.Done():
		return problem.UnavailableError(fmt.Errorf("the upstream: too many calls at once: %w", ctx.Err()))
	}
	var body io.Reader
	if in.body != nil {
		body = bytes.NewReader(in.body)
	}
	r, err := http.NewRequestWithContext(ctx, in.method, c.base.String()+in.path, body)
	if err != nil {
		return err
	}
	r.URL.RawQuery = in.query.Encode()
	if in.proof != nil {
		r.Header = in.proof.Clone()
	}
	r.Header.Set("Accept", jsonType)
	r.Header.Set("Content-Type", in.contentType)
	answer, err := c.Do(r, in.with)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return problem.UnavailableError(fmt.Errorf("the upstream: %w", err))
	case answer.StatusCode >= 500:
		return problem.UnavailableError(refusal(answer.StatusCode, data))
	case answer.StatusCode >= 400:
		return refusal(answer.StatusCode, data)
	case answer.StatusCode >= 300:
		return problem.UnavailableError(refusal(answer.StatusCode, nil))
	case out == nil || len(data) == 0:
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return problem.UnavailableError(fmt.Errorf("the upstream: %s %s: its answer cannot be read", in.method, in.path))
	}
	return nil
}

// refusal reads an answer that refuses. A list of what is wrong with the members of a
// request repeats what was sent, which may be a password or of a person: only the places
// and the complaints are taken from it.
func refusal(status int, data []byte) *Refusal {
	var body struct {
		Detail json.RawMessage `json:"detail"`
	}
	_ = json.Unmarshal(data, &body) // a text has no detail
	var detail string
	if json.Unmarshal(body.Detail, &detail) != nil {
		var faults []struct {
			Place []any  `json:"loc"`
			Type  string `json:"type"`
		}
		_ = json.Unmarshal(body.Detail, &faults) // nor does anything else
		for _, f := range faults {
			detail += fmt.Sprint(f.Place, " ", f.Type, " ")
		}
	}
	if len(detail) > 200 {
		detail = detail[:200]
	}
	return &Refusal{status, detail}
}

// Verify returns nil if the upstream is there and knows both credentials, or else an
// error that says which is refused, or that it cannot be reached.
func (c *Client) Verify(ctx context.Context) error {
	for _, proof := range []struct {
		with Credential
		what string
	}{{Key, "the key"}, {Developer, "the developer's email and password"}} {
		err := c.Call(ctx, proof.with, http.MethodGet, "/api/v1/users", url.Values{"limit": {"1"}}, nil, nil)
		if refused, ok := errors.AsType[*Refusal](err); ok && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden) {
			return fmt.Errorf("%s refuses %s: %w", c.Address(), proof.what, err)
		}
		if err != nil {
			return fmt.Errorf("%s with %s: %w", c.Address(), proof.what, err)
		}
	}
	return nil
}
