package upstream_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standin "github.com/openwearables/openwearables/internal/dev/upstream"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/upstream"
)

func newClient(t *testing.T, up *standin.Server, change ...func(*upstream.Config)) *upstream.Client {
	t.Helper()
	config := upstream.Config{URL: up.URL, Key: up.Key, Email: up.Email, Password: up.Password}
	for _, f := range change {
		f(&config)
	}
	if err := config.Check(); err != nil {
		t.Fatal(err)
	}
	c := upstream.New(config, slog.New(slog.DiscardHandler))
	t.Cleanup(c.Close)
	return c
}

func isUnavailable(err error) bool {
	e, ok := errors.AsType[*problem.Error](err)
	return ok && e.Kind == problem.Unavailable && e.RetryAfter > 0
}

// A call proves itself as the route demands, and tells a refusal from a fault.
func TestCall(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	c, ctx := newClient(t, up), t.Context()
	var made, read standin.User
	if err := c.Call(ctx, upstream.Key, "POST", "/api/v1/users", nil, map[string]string{"external_user_id": "a"}, &made); err != nil || made.ID == "" {
		t.Fatalf("%+v, %v", made, err)
	}
	if err := c.Call(ctx, upstream.Developer, "GET", "/api/v1/users/"+made.ID, url.Values{"q": {"a b"}}, nil, &read); err != nil || read.ID != made.ID {
		t.Errorf("%+v, %v", read, err)
	}
	for _, with := range []upstream.Credential{upstream.None, upstream.Key} {
		if err := c.Call(ctx, with, "DELETE", "/api/v1/users/"+made.ID, nil, nil, nil); !isUnavailable(err) {
			t.Errorf("without a developer: %v", err)
		}
	}
	if err := c.Call(ctx, upstream.Developer, "DELETE", "/api/v1/users/"+made.ID, nil, nil, nil); err != nil {
		t.Error(err)
	}
	err := c.Call(ctx, upstream.Developer, "DELETE", "/api/v1/users/"+made.ID, nil, nil, nil)
	if refused, ok := errors.AsType[*upstream.Refusal](err); !ok || refused.Status != http.StatusNotFound || refused.Detail != "User not found" {
		t.Errorf("a user that is gone: %v", err)
	}
	up.Break(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte("<html>"))
		return true
	})
	if err := c.Call(ctx, upstream.Key, "GET", "/api/v1/users", nil, nil, &read); !isUnavailable(err) {
		t.Errorf("an answer that is no JSON: %v", err)
	}
	up.Stop()
	if err := c.Call(ctx, upstream.Key, "GET", "/api/v1/users", nil, nil, nil); !isUnavailable(err) {
		t.Errorf("nobody is there: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := c.Call(ended, upstream.Developer, "GET", "/api/v1/users", nil, nil, nil); err == nil {
		t.Error("a call that is given up succeeds")
	}
}

// All who need a token wait for one login, and one that is refused is not repeated for
// each of them.
func TestOneLoginServesAll(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	ask := func(c *upstream.Client) (failures int) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := c.Call(t.Context(), upstream.Developer, "GET", "/api/v1/config", nil, nil, nil); err != nil {
					if !isUnavailable(err) || strings.Contains(err.Error(), up.Password) {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					failures++
				}
			})
		}
		all.Wait()
		return failures
	}
	if failures := ask(newClient(t, up)); failures > 0 || up.Logins() != 1 {
		t.Errorf("%d failures, %d logins", failures, up.Logins())
	}
	var refused int
	up.Break(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/login") {
			refused++ // logins do not overlap
		}
		return false
	})
	failures := ask(newClient(t, up, func(c *upstream.Config) { c.Password = "another" }))
	if failures != 20 || refused != 1 {
		t.Errorf("%d failures, %d refused logins", failures, refused)
	}
}

func TestVerifyNamesWhatIsRefused(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	if err := newClient(t, up).Verify(t.Context()); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*upstream.Config){
		"the key":                            func(c *upstream.Config) { c.Key = "sk-other" },
		"the developer's email and password": func(c *upstream.Config) { c.Password = "other" },
	} {
		if err := newClient(t, up, change).Verify(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "backend:8000", "ftp://backend", "http://", "http://a@b", "http://a/api", "http://a?x", "http://a#x", "http://%zz"} {
		if err := (&upstream.Config{URL: address, Key: "k", Email: "e", Password: "p"}).Check(); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	for _, key := range []string{"", "a b", "a\n", "é"} {
		if err := (&upstream.Config{URL: "http://a", Key: key, Email: "e", Password: "p"}).Check(); err == nil {
			t.Errorf("%q is taken", key)
		}
	}
}

// A crowd of calls is let through a few at a time.
func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	c, ctx := newClient(t, up), t.Context()
	var now, most atomic.Int64
	up.Break(func(http.ResponseWriter, *http.Request) bool {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		return false
	})
	var calling sync.WaitGroup
	for range 200 {
		calling.Go(func() {
			if err := c.Call(ctx, upstream.Key, "GET", "/api/v1/users", nil, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	calling.Wait()
	if most.Load() > 32 || most.Load() < 2 {
		t.Errorf("%d calls were under way at once", most.Load())
	}
}

// What the upstream repeats of a request is in no error: errors are logged.
func TestRefusalsRepeatNothing(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	c := newClient(t, up)
	up.Break(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(422)
		_, _ = io.WriteString(w, `{"detail":[{"type":"string_too_long","loc":["body","email"],"msg":"no","input":"person@example.com"}]}`)
		return true
	})
	err := c.Call(t.Context(), upstream.Key, "POST", "/api/v1/users", nil, map[string]string{"email": "person@example.com"}, nil)
	if err == nil || strings.Contains(err.Error(), "person") || !strings.Contains(err.Error(), "[body email] string_too_long") {
		t.Errorf("the error is %v", err)
	}
}
