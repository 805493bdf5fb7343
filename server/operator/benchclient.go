package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	benchTimeout  = 30 * time.Second // of one call
	maxBenchBody  = 1 << 20          // of an answer
	longestBench  = time.Hour        // pause that is believed
	shortestBench = time.Second      // pause, where an answer says less
)

// benchCall is a call, and the status of its success.
type benchCall struct {
	method, path, body string
	status             int
}

// benchClient makes calls with a key. Safe for concurrent use.
type benchClient struct {
	base, key string
	http      *http.Client
	mu        sync.Mutex // for those who keep what the calls tell
}

// dialBench returns a client that keeps a connection for each of the clients, and
// follows no redirect, so that the key goes nowhere else.
func dialBench(base, key string, clients int) *benchClient {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = clients, clients
	return &benchClient{base: base, key: key, http: &http.Client{
		Transport: transport, Timeout: benchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do makes a call. If it was turned away for a while, it returns how long to pause.
func (c *benchClient) do(ctx context.Context, call benchCall) (body []byte, pause time.Duration, err error) {
	var in io.Reader
	if call.body != "" {
		in = bytes.NewReader([]byte(call.body))
	}
	r, err := http.NewRequestWithContext(ctx, call.method, c.base+call.path, in)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("User-Agent", "openwearables-bench")
	if call.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(res.Body, maxBenchBody)); err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", call.method, call.path, err)
	}
	after := res.Header.Get("Retry-After")
	switch {
	case res.StatusCode == call.status:
		return body, 0, nil
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode == http.StatusServiceUnavailable && after != "":
		return nil, retryAfter(after), nil
	default:
		return nil, 0, fmt.Errorf("%s %s was answered %d%s", call.method, call.path, res.StatusCode, detail(body))
	}
}

// retryAfter returns the pause that a header asks for.
func retryAfter(header string) time.Duration {
	var pause time.Duration
	if seconds, err := strconv.Atoi(header); err == nil {
		pause = time.Duration(min(seconds, int(longestBench/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		pause = time.Until(at)
	}
	return min(max(pause, shortestBench), longestBench)
}

// detail returns what an answer says of its refusal.
func detail(body []byte) string {
	var refusal struct{ Detail string }
	if json.Unmarshal(body, &refusal) != nil || refusal.Detail == "" {
		return "" // it is of something else
	}
	return fmt.Sprintf(": %.200q", refusal.Detail)
}

// list asks for the newest users that match the text, all for "".
func (c *benchClient) list(search string) benchCall {
	query := url.Values{"limit": {"20"}}
	if search != "" {
		query = url.Values{"limit": {"100"}, "search": {search}}
	}
	return benchCall{"GET", "/api/v1/users?" + query.Encode(), "", http.StatusOK}
}

// user reads or deletes a user.
func (c *benchClient) user(method, id string) benchCall {
	return benchCall{method, "/api/v1/users/" + url.PathEscape(id), "", http.StatusOK}
}

func (c *benchClient) userByConnect(id string) benchCall {
	return benchCall{"POST", "/openwearables.v1.UserService/GetUser", `{"id":` + strconv.Quote(id) + `}`, http.StatusOK}
}

var errNoPage = errors.New("the list of users is answered with something else: is --url an installation?")

// idsOf returns the ids of a page of users.
func idsOf(page []byte) ([]string, error) {
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(page, &list); err != nil || list.Items == nil {
		return nil, errNoPage
	}
	ids := make([]string, len(list.Items))
	for i, user := range list.Items {
		if ids[i] = user.ID; user.ID == "" {
			return nil, errNoPage
		}
	}
	return ids, nil
}
