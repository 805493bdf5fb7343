package scenario_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/upstream"
)

// says is a fault that answers what it is given, to all but logins.
func says(status int, contentType, body string) upstream.Fault {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/auth/login") {
			return false
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

// What the upstream refuses has the shape of every refusal, and none of it says that the
// caller's own credential is wrong.
func TestGatewayTellsRefusalsInItsOwnShape(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	read, upload, setting := "GET /users/"+g.user+"/timeseries", "POST /sdk/users/"+g.user+"/sync", "GET /settings/archival"
	for _, c := range []struct {
		request        string
		status         int
		body           string
		want           int
		reason, detail string
	}{
		{read, 400, `{"detail":"start_time is required"}`, 400, "upstream_refused", "start_time is required"},
		{read, 422, `{"detail":[{"loc":["query"]}]}`, 422, "upstream_refused", "The product behind this server has refused the request"},
		{read, 403, `{"detail":"no"}`, 403, "upstream_refused", "no"},
		{read, 404, `{"detail":"User not found"}`, 404, "upstream_refused", "User not found"},
		{read, 409, `{"detail":"no"}`, 409, "upstream_refused", "no"},
		{read, 418, `{"detail":"no"}`, 400, "upstream_refused", "no"},
		{read, 429, `{"detail":"slow"}`, 429, "upstream_refused", "slow"},
		{read, 500, `Internal Server Error`, 500, "upstream_failed", "The product behind this server has failed"},
		{read, 503, `busy`, 503, "unavailable", ""},
		{read, 502, `<html>`, 503, "unavailable", ""},
		{read, 307, ``, 503, "unavailable", ""},
		{read, 401, `{"detail":"Invalid API key"}`, 503, "unavailable", ""},
		{setting, 401, `{"detail":"Could not validate credentials"}`, 503, "unavailable", ""},
		{upload, 400, `{"detail":"unknown provider"}`, 400, "upstream_refused", "unknown provider"},
		{upload, 422, `{"detail":"no"}`, 422, "upstream_refused", "no"},
		{upload, 401, `{"detail":"no"}`, 503, "unavailable", ""},
		{upload, 403, `{"detail":"no"}`, 503, "unavailable", ""},
		{upload, 404, `{"detail":"no"}`, 503, "unavailable", ""},
		{upload, 413, `<html>`, 503, "unavailable", ""},
		{upload, 429, `{"detail":"no"}`, 503, "unavailable", ""},
		{upload, 500, `Internal Server Error`, 503, "unavailable", ""},
		{upload, 307, ``, 503, "unavailable", ""},
	} {
		g.upstream.Break(says(c.status, "text/plain", c.body))
		method, path, _ := strings.Cut(c.request, " ")
		body := ""
		if method == "POST" {
			body = "{}"
		}
		token := g.own
		if c.request == setting {
			token = g.dev
		}
		a := g.ask(t, method, path, body, bearer(token))
		if a.Status != c.want || a.Reason != c.reason || !strings.Contains(a.Body, c.detail) {
			t.Errorf("%s, %d: %d %s", c.request, c.status, a.Status, a.Body)
		}
		if retry := a.Header.Get("Retry-After"); (c.want == 503 || c.want == 429) != (retry != "") {
			t.Errorf("%s, %d: Retry-After is %q", c.request, c.status, retry)
		}
		if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Location") != "" || a.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s, %d: the answer has %v", c.request, c.status, a.Header)
		}
	}
}

// A provider that has ended what its user granted is told apart from a credential of this
// server that is refused.
func TestGatewayTellsDeadGrantsOfProviders(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	path := "/providers/garmin/users/" + g.user + "/workouts"
	g.upstream.Break(func(w http.ResponseWriter, r *http.Request) bool {
		return strings.Contains(r.URL.Path, "/providers/") && says(401, "application/json", `{"detail":"Token expired"}`)(w, r)
	})
	g.ask(t, "GET", path, "", bearer(g.dev)).want(t, 409, "upstream_refused")
	g.ask(t, "POST", "/providers/garmin/users/"+g.user+"/sync", "", bearer(g.key)).want(t, 409, "upstream_refused")
	g.upstream.Break(says(401, "application/json", `{"detail":"Invalid API key"}`))
	g.ask(t, "GET", path, "", bearer(g.dev)).want(t, 503, "unavailable")
	if log := g.log.String(); strings.Contains(log, g.upstream.Key) || strings.Contains(log, g.upstream.Password) {
		t.Error("the log holds a credential")
	}
}

// The token of the service's developer is renewed once it is refused, also below a body,
// and many callers share one login.
func TestGatewayLogsInAgain(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	concurrently(20, func(int) {
		if a := g.ask(t, "GET", "/settings/archival", "", bearer(g.dev)); a.Status != 200 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
	if n := g.upstream.Logins(); n > 1 {
		t.Errorf("%d logins for one token", n)
	}
	g.ask(t, "PUT", "/settings/archival", `{"archive_after_days":1}`, bearer(g.dev)).want(t, 200, "")
	g.upstream.Requests()
	var refused atomic.Int32
	g.upstream.Break(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/settings/archival") {
			refused.Add(1)
		}
		return false
	})
	g.upstream.EndTokens()
	for i := 0; ; i++ { // a token that is refused at once is not renewed for some seconds
		a := g.ask(t, "PUT", "/settings/archival", `{"archive_after_days":1}`, bearer(g.dev))
		if a.Status == 200 {
			break
		}
		a.want(t, 503, "unavailable")
		if i > 400 {
			t.Fatal("it does not log in again")
		}
		awhile()
	}
	if n := g.upstream.Logins(); n != 2 {
		t.Errorf("%d logins for two tokens", n)
	}
	sent := g.upstream.Requests()
	if last := sent[len(sent)-1]; string(last.Body) != `{"archive_after_days":1}` {
		t.Errorf("the body is sent again as %s", last.Body)
	}
}

// While the upstream is away, its data is away with it, and everything else goes on.
func TestGatewayGoesOnWithoutItsUpstream(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.upstream.Stop()
	requests := map[string]string{
		"GET /users/" + g.user + "/timeseries": g.own, "POST /sdk/users/" + g.user + "/sync": g.own, "GET /settings/archival": g.dev,
		"GET /users/" + g.user + "/sync/stream": g.own, "GET /oauth/providers": "", "POST /providers/strava/webhooks": "",
	}
	for request, token := range requests {
		method, path, _ := strings.Cut(request, " ")
		body := ""
		if method == "POST" {
			body = `{"provider":"apple"}`
		}
		var o []option
		if token != "" {
			o = append(o, bearer(token))
		}
		if a := g.ask(t, method, path, body, o...); a.Status != 503 || a.Reason != "unavailable" || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s %v", request, a.Status, a.Body, a.Header)
		}
	}
	d := g.drivers()[0]
	g.login(t, d)
	g.exchange(t, d, g.user, g.appID, g.appSecret)
	d.call(t, "GetUser", args{"id": g.user}, bearer(g.own)).want(t, 200, "")
	g.ask(t, "GET", "//readyz", "").want(t, 200, "")
	g.upstream.Start(t)
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.own)).want(t, 200, "")
}

// A client that leaves takes its request with it.
func TestGatewayGivesUpWithItsClient(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	arrived, left := make(chan struct{}), make(chan struct{})
	g.upstream.Break(func(_ http.ResponseWriter, r *http.Request) bool {
		close(arrived)
		<-r.Context().Done()
		close(left)
		return true
	})
	r := newRequest(t, "GET", g.address("/users/"+g.user+"/timeseries"), nil)
	r.Header.Set("Authorization", "Bearer "+g.own)
	ctx, leave := contextOf(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answer, err := g.client.Do(r.WithContext(ctx)); err == nil {
			_ = answer.Body.Close()
		}
	}()
	within(t, "the request does not arrive", arrived)
	leave()
	within(t, "the request outlives its client", left)
	within(t, "the client stays", done)
	if log := g.log.String(); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("the log has %s", log)
	}
}
