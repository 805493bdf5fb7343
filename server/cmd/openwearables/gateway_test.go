package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/upstream"
)

// behind writes the files of an upstream, and returns the flags that name them.
func (i *installation) behind(up *upstream.Server) []string {
	i.t.Helper()
	return []string{
		"--upstream", up.URL, "--upstream-key-file", i.put("key", up.Key+"\n", 0o600),
		"--upstream-developer-file", i.put("developer", up.Email+"\r\n"+up.Password+"\r\n", 0o600),
	}
}

// The files of an upstream are secrets, and what is missing or too much is named.
func TestUpstreamSettings(t *testing.T) {
	t.Parallel()
	i, up := install(t), upstream.New(t)
	flags := i.behind(up)
	if out := i.ok("", append([]string{"serve", "--check"}, flags...)...); strings.Contains(out, "wrong") || len(up.Requests()) > 0 || up.Logins() > 0 {
		t.Errorf("the check says %s, and asks the upstream", out)
	}
	for want, args := range map[string][]string{
		"--upstream-key-file: ": {"--upstream-key-file", i.put("wide", up.Key, 0o640)},
		"chmod 600":             {"--upstream-developer-file", i.put("open", up.Email+"\nx", 0o644)},
		"must be one line":      {"--upstream-key-file", i.put("two", "a b\nc", 0o600)},
		"an email and a password, each on a line":     {"--upstream-developer-file", i.put("one", up.Email, 0o600)},
		"must be http://HOST:PORT":                    {"--upstream", up.URL + "/api/v1"},
		"or https://HOST":                             {"--upstream", "backend:8000"},
		"go with --upstream":                          {"--upstream", ""},
		"--upstream-allow \"GET /api/v1/developers\"": {"--upstream-allow", "GET /api/v1/developers"},
	} {
		o := i.run("", append(append([]string{"serve", "--check"}, flags...), args...)...)
		if o.status != 1 || !strings.Contains(o.stdout+o.stderr, want) {
			t.Errorf("%v: %d %s%s, want %q", args, o.status, o.stdout, o.stderr, want)
		}
		if strings.Contains(o.stdout+o.stderr, up.Key) || strings.Contains(o.stdout+o.stderr, up.Password) {
			t.Errorf("%v: the output holds a secret", args)
		}
	}
}

// The doctor asks the upstream whether it is there and knows both credentials.
func TestDoctorAsksTheUpstream(t *testing.T) {
	t.Parallel()
	i, up := install(t), upstream.New(t)
	flags := append([]string{"doctor"}, i.behind(up)...)
	if out := i.ok("", flags...); !strings.Contains(out, "ok     upstream") {
		t.Errorf("with an upstream: %s", out)
	}
	wrong := func(what string, args ...string) {
		t.Helper()
		o := i.run("", append(flags, args...)...)
		if o.status != 1 || !strings.Contains(o.stdout, "wrong  upstream: ") || !strings.Contains(o.stdout, what) || strings.Contains(o.stdout, up.Password) {
			t.Errorf("%d\n%s%s, want %s", o.status, o.stdout, o.stderr, what)
		}
	}
	wrong("the key", "--upstream-key-file", i.put("other", "sk-other", 0o600))
	wrong("the developer's email and password", "--upstream-developer-file", i.put("stranger", up.Email+"\nother", 0o600))
	up.Stop()
	wrong("connection refused")
}

// A stop ends the streams of the upstream, for which it would wait in vain.
func TestStopEndsStreams(t *testing.T) {
	t.Parallel()
	i, password := installWithDeveloper(t)
	up := upstream.New(t)
	p := i.serve(i.behind(up)...)
	admin := p.login(email, password).access
	user := p.want(201, "POST", "/api/v1/users", admin, map[string]string{}).str("id")
	if _, ok := up.User(user); !ok {
		up.AddUser(user)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/users/"+user+"/sync/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+admin)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", answer, err)
	}
	defer answer.Body.Close()
	p.stop()
	if p.logs("were cut off") {
		t.Error("the stop waits for the stream")
	}
}
