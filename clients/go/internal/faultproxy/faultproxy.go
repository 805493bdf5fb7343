// Package faultproxy implements a proxy between a client and a real server that
// injects the faults of networks, gateways and crashes. It is controlled over HTTP,
// so that clients in any language run the same faults; see
// clients/testdata/README.md.
package faultproxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rule is a fault for the requests of one RPC.
type Rule struct {
	Method string `json:"method"` // the RPC's name, or * for all
	Skip   int    `json:"skip"`   // requests that pass first
	Times  int    `json:"times"`  // requests that it then applies to; 0 means all
	Fault  string `json:"fault"`

	// SameToken limits the rule to requests with the token of the first that it applied
	// to.
	SameToken bool    `json:"same_token"`
	token     *string // a hash of that one's Authorization header, nil before it came

	DelayMS int               `json:"delay_ms"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Reason  string            `json:"reason"` // makes the body a Connect error with this reason
	Code    string            `json:"code"`   // of that error
}

// The faults.
const (
	Drop        = "drop"         // the server acts, its response is lost
	Reset       = "reset"        // the connection breaks before the request reaches the server
	Delay       = "delay"        // the request arrives late
	DelayAnswer = "delay_answer" // the response arrives late
	Hold        = "hold"         // the request waits for a release, at most two minutes
	HoldAnswer  = "hold_answer"  // the response waits for a release, at most two minutes
	Hang        = "hang"         // neither the server nor the client gets anything for two minutes
	Answer      = "answer"       // Status, Headers and Body instead of the server's response
	AnswerAfter = "answer_after" // the same, after the server acted
	Duplicate   = "duplicate"    // the request arrives twice; the client gets the second response
)

// Seen is one request that arrived at the proxy.
type Seen struct {
	Method   string `json:"method"`
	Fault    string `json:"fault,omitempty"`
	Upstream int    `json:"upstream"` // the server's status; 0 if the request did not reach it
	Status   int    `json:"status"`   // the client's status; 0 if it got no response
	Replayed bool   `json:"replayed"` // the server repeated an earlier response
	Key      string `json:"key"`      // a hash of the Idempotency-Key, "" without one
	Token    string `json:"token"`    // a hash of the Authorization header, "" without one
	AtMS     int64  `json:"at_ms"`    // since the last reset
}

// Report is the response to GET /__faults.
type Report struct {
	Requests map[string]int `json:"requests"` // by method: requests that arrived
	Forward  map[string]int `json:"forward"`  // by method: requests that reached the server
	Rotated  int            `json:"rotated"`  // refreshes that issued a new pair
	Held     int            `json:"held"`     // requests that wait for a release
	Log      []Seen         `json:"log"`      // in the order of arrival
}

// Proxy is the HTTP handler of the proxy. Safe for concurrent use.
type Proxy struct {
	target string
	client *http.Client

	mu      sync.Mutex
	rules   []*Rule
	log     []*Seen
	started time.Time
	held    int
	release chan struct{}
}

// limit is the longest time for which a request is held or hangs, and the time limit
// of the server.
const limit = 2 * time.Minute

// New returns a proxy of the server at target, such as http://127.0.0.1:8000.
func New(target string) *Proxy {
	p := &Proxy{target: strings.TrimRight(target, "/"), client: &http.Client{
		Timeout:       limit,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.Reset()
	return p
}

// Close resets the proxy and closes the idle connections to the server.
func (p *Proxy) Close() {
	p.Reset()
	p.client.CloseIdleConnections()
}

// Reset removes the rules and the log, and releases what is held.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.release != nil {
		close(p.release)
	}
	p.rules, p.log, p.started, p.release = nil, nil, time.Now(), make(chan struct{})
}

// Rules replaces the rules. The first rule that matches a request is applied to it.
func (p *Proxy) Rules(rules ...Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
	for _, r := range rules {
		p.rules = append(p.rules, &r)
	}
}

// Release releases the held requests and responses.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.release)
	p.release = make(chan struct{})
}

// Report returns what happened since the last reset.
func (p *Proxy) Report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Report{Requests: map[string]int{}, Forward: map[string]int{}, Held: p.held}
	for _, s := range p.log {
		r.Log = append(r.Log, *s)
		r.Requests[s.Method]++
		if s.Upstream != 0 {
			r.Forward[s.Method]++
		}
		if s.Method == "RefreshToken" && s.Upstream == http.StatusOK && !s.Replayed {
			r.Rotated++
		}
	}
	return r
}

// ServeHTTP proxies requests, and serves the control interface under /__faults.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/__faults"); ok {
		p.control(w, r, rest)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	seen, rule, release := p.meet(r)
	p.apply(w, r, body, seen, rule, release)
}

// control serves Rules, Release, Reset and Report over HTTP.
func (p *Proxy) control(w http.ResponseWriter, r *http.Request, rest string) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "*")
	switch r.Method + rest {
	case "POST/rules":
		var rules []Rule
		if err := json.NewDecoder(r.Body).Decode(&rules); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.Rules(rules...)
	case "POST/release":
		p.Release()
	case "POST/reset":
		p.Reset()
	case "GET":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.Report())
		return
	default:
		if r.Method != http.MethodOptions {
			http.NotFound(w, r)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// meet logs a request and returns its rule, and the channel whose closing releases it.
func (p *Proxy) meet(r *http.Request) (*Seen, *Rule, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := &Seen{
		Method: path.Base(r.URL.Path), Key: short(r.Header.Get("Idempotency-Key")),
		Token: short(r.Header.Get("Authorization")), AtMS: time.Since(p.started).Milliseconds(),
	}
	p.log = append(p.log, seen)
	for _, rule := range p.rules {
		if rule.Method != "*" && rule.Method != seen.Method || rule.Times < 0 {
			continue
		}
		if rule.SameToken && rule.token != nil && *rule.token != seen.Token {
			continue
		}
		if rule.Skip > 0 {
			rule.Skip--
			continue
		}
		if rule.Times == 1 {
			rule.Times = -1
		} else if rule.Times > 1 {
			rule.Times--
		}
		rule.token = &seen.Token
		seen.Fault = rule.Fault
		return seen, rule, p.release
	}
	return seen, &Rule{}, p.release
}

// answer is a response of the server or of a rule.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (p *Proxy) apply(w http.ResponseWriter, r *http.Request, body []byte, seen *Seen, rule *Rule, release chan struct{}) {
	switch rule.Fault {
	case Reset:
		abort(w)
		return
	case Hang:
		wait(r, nil, limit)
		abort(w)
		return
	case Delay:
		wait(r, nil, rule.delay())
	case Hold:
		p.hold(r, release)
		if rule.Status != 0 {
			p.write(w, seen, rule.answer())
			return
		}
	case Answer:
		p.write(w, seen, rule.answer())
		return
	case Duplicate:
		_, _ = p.forward(r, body, seen)
	}
	a, err := p.forward(r, body, seen)
	if err != nil {
		abort(w)
		return
	}
	switch rule.Fault {
	case Drop:
		abort(w)
		return
	case DelayAnswer:
		wait(r, nil, rule.delay())
	case HoldAnswer:
		p.hold(r, release)
	case AnswerAfter:
		a = rule.answer()
	}
	p.write(w, seen, a)
}

func (r *Rule) delay() time.Duration { return time.Duration(r.DelayMS) * time.Millisecond }

// wait waits until release is closed, the client has disconnected or d has passed.
func wait(r *http.Request, release <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-release:
	case <-r.Context().Done():
	case <-t.C:
	}
}

func (p *Proxy) hold(r *http.Request, release chan struct{}) {
	p.mu.Lock()
	p.held++
	p.mu.Unlock()
	wait(r, release, limit)
	p.mu.Lock()
	p.held--
	p.mu.Unlock()
}

// forward sends the request to the server, even if the client has disconnected: what
// was sent arrives.
func (p *Proxy) forward(r *http.Request, body []byte, seen *Seen) (answer, error) {
	req, err := http.NewRequest(r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header = r.Header.Clone()
	req.Header.Del("Connection")
	if origin := r.Header.Get("Origin"); origin != "" {
		req.Host = r.Host
	}
	res, err := p.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	seen.Upstream, seen.Replayed = res.StatusCode, res.Header.Get("Idempotent-Replayed") == "true"
	return answer{res.StatusCode, res.Header, b}, err
}

func (r *Rule) answer() answer {
	a := answer{r.Status, http.Header{}, []byte(r.Body)}
	if r.Reason != "" || r.Code != "" {
		a.header.Set("Content-Type", "application/json")
		a.body = connectError(r.Code, r.Reason)
	}
	for k, v := range r.Headers {
		a.header.Set(k, v)
	}
	return a
}

func (p *Proxy) write(w http.ResponseWriter, seen *Seen, a answer) {
	p.mu.Lock()
	seen.Status = a.status
	p.mu.Unlock()
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// abort breaks the connection, with a TCP reset if possible.
func abort(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if c, _, err := h.Hijack(); err == nil {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = c.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// short returns a short hash that distinguishes values, "" for "".
func short(s string) string {
	if s == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
