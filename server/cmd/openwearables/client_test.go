package main_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const email = "ann@example.com"

// requestTimeout limits one request, from its connection to the end of its
// answer.
const requestTimeout = 30 * time.Second

// dialer opens connections to the server within 10 seconds.
var dialer = &net.Dialer{Timeout: 10 * time.Second}

// passphrase returns a new password that the policy accepts.
func passphrase() string { return "Q" + strings.ToLower(rand.Text()) }

// reply is the answer to a request.
type reply struct {
	status int
	body   map[string]any // nil if the body is not an object
	header http.Header
}

func (r reply) str(name string) string {
	s, _ := r.body[name].(string)
	return s
}

// send sends a request with a JSON body, unless body is nil, and with a bearer
// token, unless token is empty. It returns an error if no answer arrives within
// requestTimeout.
func (p *process) send(c *http.Client, method, path, token string, body any, headers ...string) (reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		payload = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, payload)
	if err != nil {
		return reply{}, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	answer := reply{status: res.StatusCode, header: res.Header}
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err
	}
	_ = json.Unmarshal(data, &answer.body) // a list or an empty body leaves it nil
	return answer, nil
}

// call sends a request and fails the test if no answer arrives.
func (p *process) call(method, path, token string, body any) reply {
	p.t.Helper()
	answer, err := p.send(http.DefaultClient, method, path, token, body)
	if err != nil {
		p.t.Fatalf("%s %s: %v\n%s", method, path, err, &p.stderr)
	}
	return answer
}

// want sends a request and fails the test if the answer has another status.
func (p *process) want(status int, method, path, token string, body any) reply {
	p.t.Helper()
	answer := p.call(method, path, token, body)
	if answer.status != status {
		p.t.Fatalf("%s %s answered %d %v, want %d", method, path, answer.status, answer.body, status)
	}
	return answer
}

// pair is an access and a refresh token.
type pair struct{ access, refresh string }

func (p *process) login(email, password string) pair {
	p.t.Helper()
	a := p.want(200, "POST", "/api/v1/auth/login", "", map[string]string{"email": email, "password": password})
	return pair{a.str("access_token"), a.str("refresh_token")}
}

// installWithDeveloper returns an installation with one developer, and its
// password.
func installWithDeveloper(t testing.TB) (*installation, string) {
	t.Helper()
	i, password := install(t), passphrase()
	i.ok(password+"\n", "developer", "create", "--email", email, "--password-stdin")
	return i, password
}

// eventually waits up to 10 seconds until f returns true, and fails the test if
// it does not.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is not so: %s", what)
		}
	}
}
