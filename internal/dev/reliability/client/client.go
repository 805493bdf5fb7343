// Package client calls the product over HTTP as any program may, and records each
// call.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// Client makes calls on connections of its own. Safe for concurrent use.
type Client struct {
	Name string
	log  *record.Recorder
	http *http.Client
}

// New returns a client that waits at most 10 seconds for an answer.
func New(log *record.Recorder, name string) *Client {
	t := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	return &Client{Name: name, log: log, http: &http.Client{Transport: t, Timeout: 10 * time.Second}}
}

// Fresh makes every call on a connection of its own.
func (c *Client) Fresh() *Client {
	c.http.Transport.(*http.Transport).DisableKeepAlives = true
	return c
}

// From makes every new connection from an address of this machine.
func (c *Client) From(address string) *Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	c.http.Transport.(*http.Transport).DialContext = d.DialContext
	return c
}

// Close closes its connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is a call to be made.
type Request struct {
	Node   int
	Addr   string
	Op, Of string // for the record
	Method string
	Path   string
	Bearer string
	Body   map[string]any // nil: none
	Key    string         // Idempotency-Key
	ID     string         // X-Request-Id
	For    string         // X-Forwarded-For, which counts from a trusted proxy
	Args   map[string]string
}

// Answer is the response to a call. Status is 0 if none arrived.
type Answer struct {
	Status     int
	Body       map[string]any
	Header     http.Header
	Start, End int64
	Err        error
}

// OK reports whether the call succeeded.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Str returns a string member of the body, or "".
func (a Answer) Str(name string) string {
	s, _ := a.Body[name].(string)
	return s
}

func (a Answer) String() string {
	if a.Err != nil {
		return a.Err.Error()
	}
	return fmt.Sprint(a.Status, " ", a.Str("reason"), " ", a.Str("detail"))
}

// Do makes the call and records it.
func (c *Client) Do(ctx context.Context, r Request) Answer {
	a, call := c.try(ctx, r)
	c.log.Add(call)
	return a
}

// Insist makes the call and repeats it after 503 with Retry-After, as the README
// tells clients to, for at most 20 seconds. Only the last call is recorded
// as the operation; each before it is a "put-off" of it.
func (c *Client) Insist(ctx context.Context, r Request) Answer {
	for deadline := time.Now().Add(20 * time.Second); ; {
		a, call := c.try(ctx, r)
		if !call.PutOff() || time.Now().After(deadline) || ctx.Err() != nil {
			c.log.Add(call)
			return a
		}
		call.Op, call.Args["of"] = "put-off", call.Op
		c.log.Add(call)
		after, _ := strconv.Atoi(a.Header.Get("Retry-After")) // 0 without a number
		time.Sleep(max(100*time.Millisecond, time.Duration(after)*time.Second))
	}
}

func (c *Client) try(ctx context.Context, r Request) (Answer, record.Call) {
	call := record.Call{Client: c.Name, Node: r.Node, Op: r.Op, Of: r.Of, Args: c.args(r)}
	req, err := build(ctx, r)
	var a Answer
	call.Start = c.log.Now()
	if err == nil {
		a, err = c.exchange(req)
	}
	call.End = c.log.Now()
	a.Err, a.Start, a.End = err, call.Start, call.End
	if err != nil {
		a.Status, call.Error = 0, err.Error()
	}
	call.Status, call.Reason, call.Out = a.Status, a.Str("reason"), Outputs(c.log, a)
	return a, call
}

func build(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	if r.Body != nil {
		text, err := json.Marshal(r.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+r.Addr+r.Path, body)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"Idempotency-Key": r.Key, "X-Request-Id": r.ID, "X-Forwarded-For": r.For} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.Bearer)
	}
	return req, nil
}

func (c *Client) exchange(r *http.Request) (Answer, error) {
	res, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	a := Answer{Status: res.StatusCode, Header: res.Header}
	if err == nil && len(text) > 0 && text[0] == '{' {
		err = json.Unmarshal(text, &a.Body)
	}
	return a, err
}

// kinds are the secrets in requests and answers, and their labels.
var kinds = map[string]string{"access_token": "at", "refresh_token": "rt", "key": "key", "app_secret": "secret"}

func (c *Client) args(r Request) map[string]string {
	args := make(map[string]string, len(r.Args)+3)
	for name, value := range r.Args {
		args[name] = value
	}
	if r.Bearer != "" {
		args["bearer"] = Credential(c.log, r.Bearer)
	}
	if token, ok := r.Body["refresh_token"].(string); ok {
		args["refresh_token"] = c.log.Label("rt", token)
	}
	if r.Key != "" {
		args["idempotency"] = r.Key
	}
	if r.ID != "" {
		args["request"] = r.ID
	}
	return args
}

// Credential returns the label of a bearer credential.
func Credential(log *record.Recorder, secret string) string {
	if strings.HasPrefix(secret, "ow_") {
		return log.Label("key", secret)
	}
	return log.Label("at", secret)
}

// Outputs returns what the record keeps of an answer.
func Outputs(log *record.Recorder, a Answer) map[string]string {
	out := make(map[string]string)
	for name, kind := range kinds {
		if secret := a.Str(name); secret != "" {
			out[name] = log.Label(kind, secret)
		}
	}
	for _, name := range []string{"id", "first_name", "last_name"} {
		if v := a.Str(name); v != "" {
			out[name] = v
		}
	}
	for _, name := range []string{"Retry-After", "Idempotent-Replayed", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Balancer"} {
		if v := a.Header.Get(name); v != "" {
			out[name] = v
		}
	}
	return out
}

// Current returns the id of the developer's session that the token belongs to. The
// call is not recorded.
func (c *Client) Current(ctx context.Context, addr, token string) (string, error) {
	req, err := build(ctx, Request{Addr: addr, Method: http.MethodGet, Path: "/api/v1/auth/sessions", Bearer: token})
	if err != nil {
		return "", err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var list []struct {
		ID      string `json:"id"`
		Current bool   `json:"current"`
	}
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		return "", err
	}
	for _, s := range list {
		if s.Current {
			return s.ID, nil
		}
	}
	return "", fmt.Errorf("none of %d sessions is the current one", len(list))
}
