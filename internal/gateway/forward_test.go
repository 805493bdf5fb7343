package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	standin "github.com/openwearables/openwearables/internal/dev/upstream"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/upstream"
)

// full is a ledger with so many places left.
type full struct{ left atomic.Int32 }

func (f *full) Admit(audit.Access) bool { return f.left.Add(-1) >= 0 }

// serveGateway serves a gateway before the stand-in, whose caller is a developer, and
// returns its address.
func serveGateway(t *testing.T, up *standin.Server, ledger Ledger) (*Gateway, string) {
	t.Helper()
	client := upstream.New(upstream.Config{URL: up.URL, Key: up.Key, Email: up.Email, Password: up.Password}, slog.New(slog.DiscardHandler))
	t.Cleanup(client.Close)
	g, err := New(Config{Streams: 30}, Ports{
		Upstream: client, Ledger: ledger, KnowsUser: func(context.Context, string) error { return nil },
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := map[problem.Kind]int{problem.Unavailable: 503}[problem.AsError(err).Kind]
			if status == 0 {
				status = 500
			}
			http.Error(w, err.Error(), status)
		},
		Observe: func(Class, Outcome, time.Duration) {}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, ok := g.Match(r.Method, r.URL.EscapedPath())
		if !ok {
			http.NotFound(w, r)
			return
		}
		caller := &auth.Caller{Principal: &auth.Principal{Kind: auth.UserToken, ID: m.User}}
		g.Serve(w, r.WithContext(auth.WithCaller(r.Context(), caller)), m)
	}))
	t.Cleanup(h.Close)
	return g, h.URL
}

func get(t *testing.T, address string) (status int, body string, err error) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

// An upstream that hangs is given up, before its answer and in it, and is asked with less
// patience until it answers again. An answer that breaks off does not look whole.
func TestSilentUpstream(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	up.AddUser(someone)
	ledger := new(full)
	ledger.left.Store(100)
	g, address := serveGateway(t, up, ledger)
	g.first = func(Class) time.Duration { return 50 * time.Millisecond }
	g.next = g.first
	address += "/api/v1/users/" + someone + "/timeseries"
	up.Break(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
	if status, body, err := get(t, address); err != nil || status != 503 || !g.silent.Load() || g.Reached() {
		t.Errorf("%d %s, %v; silent: %v", status, body, err, g.silent.Load())
	}
	up.Break(func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	})
	if status, body, err := get(t, address); err == nil {
		t.Errorf("half an answer is %d %q", status, body)
	}
	g.first = Class.firstPatience
	up.Break(nil)
	if status, body, err := get(t, address); err != nil || status != 200 || g.silent.Load() || !g.Reached() {
		t.Errorf("%d %s, %v; silent: %v", status, body, err, g.silent.Load())
	}
}

// An upstream that takes no more of an upload is given up, and one whose client is slow
// is not.
func TestUploadsAwaitEachSideByItself(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	up.AddUser(someone)
	g, address := serveGateway(t, up, new(full))
	g.first = func(Class) time.Duration { return 200 * time.Millisecond }
	address += "/api/v1/sdk/users/" + someone + "/sync"
	read, write := io.Pipe()
	go func() {
		_, _ = io.WriteString(write, `{"provider":"apple"`+strings.Repeat(" ", headSize))
		time.Sleep(600 * time.Millisecond) // three times the patience with the upstream
		_, _ = io.WriteString(write, "}")
		_ = write.Close()
	}()
	answer, err := http.Post(address, "application/json", read)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != 202 {
		t.Errorf("a slow phone gets %d", answer.StatusCode)
	}
	up.Break(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
	answer, err = http.Post(address, "application/json", io.LimitReader(endless{}, 64<<20))
	if err == nil {
		if answer.Body.Close(); answer.StatusCode != 503 {
			t.Errorf("an upload that is not taken gets %d", answer.StatusCode)
		}
	}
	if !g.silent.Load() {
		t.Error("the upstream is waited for")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// What the ledger has no room for is not answered.
func TestFullLedger(t *testing.T) {
	t.Parallel()
	up := standin.New(t)
	up.AddUser(someone)
	ledger := new(full)
	ledger.left.Store(1)
	_, address := serveGateway(t, up, ledger)
	for i, want := range []int{200, 503, 503} {
		status, body, err := get(t, address+"/api/v1/users/"+someone+"/timeseries")
		if err != nil || status != want || want != 200 && strings.Contains(body, someone) {
			t.Errorf("read %d is %d %s, %v", i, status, body, err)
		}
	}
}
