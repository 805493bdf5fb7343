package scenario_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/server"
)

// TestKnownAddress checks that guesses at a password from elsewhere do not lock its owner out, and
// that a successful login spends nothing of the account's limit.
func TestKnownAddress(t *testing.T) {
	t.Parallel()
	n := start(t, smallLimits)
	ds := n.drivers()
	login := func(i int, password, address string) answer {
		return ds[i%3].call(t, "Login", args{"email": n.email, "password": password}, forwardedFor(address))
	}
	login(0, n.password, "192.0.2.1").want(t, 200, "")
	for i := range 5 {
		login(i, "guess", "203.0.113.1").want(t, 401, "invalid_credentials")
	}
	refused := login(0, "guess", "203.0.113.2").want(t, 429, "rate_limited")
	if b := bucketOf(t, refused.Header, n.clock.now()); b.name != "login" || b.remaining != 11 {
		t.Errorf("an account's refusal describes %+v, want the address's login bucket", b)
	}
	after, _ := strconv.Atoi(refused.Header.Get("Retry-After"))
	if after <= 60 || after > 900 {
		t.Errorf("Retry-After is %d s of the account's 15 minutes", after)
	}
	login(1, n.password, "203.0.113.2").want(t, 429, "rate_limited") // from an unknown address, even the right password
	for i := range 6 {
		login(i, n.password, "192.0.2.1").want(t, 200, "")
	}
	for i := range 5 {
		login(i, "typo", "192.0.2.1").want(t, 401, "invalid_credentials")
	}
	n.clock.advance(time.Minute) // by now the address's own limit of 12 is exhausted
	login(0, n.password, "192.0.2.1").want(t, 429, "rate_limited")
	n.clock.advance(15*time.Minute - time.Minute)
	login(1, n.password, "192.0.2.1").want(t, 200, "")
	login(2, n.password, "203.0.113.2").want(t, 200, "")
}

// TestCurrentPassword checks that confirmations of the current password have a limit of their own,
// which no answer describes.
func TestCurrentPassword(t *testing.T) {
	t.Parallel()
	n := start(t, smallLimits, func(c *server.Config) { c.Auth.Limits.LoginAccount.Limit = 2 })
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	change := func(i int, password string) answer {
		return ds[i].call(t, "UpdateMe", args{"email": n.email, "current_password": password}, bearer(admin))
	}
	for i := range 3 {
		change(i, n.password).want(t, 200, "")
	}
	change(0, "wrong").want(t, 400, "incorrect_password")
	change(1, "wrong").want(t, 400, "incorrect_password")
	for i := range 3 {
		refused := change(i, n.password).want(t, 429, "rate_limited")
		if b := bucketOf(t, refused.Header, n.clock.now()); b.name != "developer" || refused.Header.Get("Retry-After") == "" {
			t.Errorf("the refusal describes %+v", b)
		}
	}
	n.login(t, ds[0])
	n.clock.advance(15 * time.Minute)
	change(2, n.password).want(t, 200, "")
}

// TestFixedWindow checks that a window opens at the first request, counts down by one for every
// request on any surface and with any outcome, and opens again at its Reset.
func TestFixedWindow(t *testing.T) {
	t.Parallel()
	n := start(t, smallLimits)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	_, key := n.newKey(t, ds[0], admin, args{"scopes": []string{"users:read"}})
	use := func(i int) answer {
		return ds[i%3].call(t, []string{"ListUsers", "CreateUser", "GetUser", "GetMe"}[i%4], args{"id": uuid.NewString()}, bearer(key))
	}
	for range 2 {
		first := bucketOf(t, use(0).Header, n.clock.now())
		if first.remaining != 19 || time.Unix(first.reset, 0).Sub(n.clock.now()) < 58*time.Second {
			t.Errorf("a new window is %+v", first)
		}
		for i := 1; i < 20; i++ {
			n.clock.advance(2 * time.Second)
			a := use(i)
			if b := bucketOf(t, a.Header, n.clock.now()); b.remaining != 19-i || b.reset != first.reset || a.Status == 429 {
				t.Errorf("request %d of the window: %d %+v", i, a.Status, b)
			}
		}
		for i := range 3 {
			a := use(i).want(t, 429, "rate_limited")
			after, _ := strconv.Atoi(a.Header.Get("Retry-After"))
			left := time.Unix(first.reset, 0).Sub(n.clock.now())
			if b := bucketOf(t, a.Header, n.clock.now()); b.remaining != 0 || b.reset != first.reset || (time.Duration(after)*time.Second-left).Abs() > 2*time.Second {
				t.Errorf("a refusal: %+v, Retry-After %d with %v left", b, after, left)
			}
		}
		left := time.Unix(first.reset, 0).Sub(n.clock.now())
		n.clock.advance(left - 500*time.Millisecond)
		use(0).want(t, 429, "rate_limited")
		n.clock.advance(500 * time.Millisecond)
	}
	use(0).want(t, 200, "")
}

// TestAddressesAreLimitedByPrefix checks which addresses share a limit, and which proxies may name
// the address.
func TestAddressesAreLimitedByPrefix(t *testing.T) {
	t.Parallel()
	n := start(t, behindProxy)
	h := n.server.Handler()
	remaining := func(peer string, forwarded ...string) int {
		t.Helper()
		r := httptest.NewRequest("GET", "/api/v1/users", nil)
		r.RemoteAddr = peer
		r.Header["X-Forwarded-For"] = forwarded
		r.Header["X-Real-Ip"] = []string{"192.0.2.250"}
		r.Header["Forwarded"] = []string{"for=192.0.2.250"}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 401 {
			t.Fatalf("%s is %d", peer, w.Code)
		}
		return bucketOf(t, w.Header(), n.clock.now()).remaining
	}
	for i, same := range [][][]string{
		{{"192.0.2.1:1"}, {"192.0.2.1:2"}, {"[::ffff:192.0.2.1]:3"}, {"192.0.2.1:1", "203.0.113.9"}, {"192.0.2.1:1", "127.0.0.1"}},
		{{"192.0.2.2:1"}},
		{{"[2001:db8::1]:1"}, {"[2001:db8::ffff:1]:1"}, {"[2001:db8:0:0:ffff::1]:9"}, {"127.0.0.1:1", "2001:db8::7"}, {"127.0.0.1:1", "2001:db8::8%eth0"}},
		{{"[2001:db8:0:1::1]:1"}, {"[2001:db8:0:1:ffff::]:1"}},
		{
			{"127.0.0.1:1", "203.0.113.1"},
			{"127.0.0.2:1", "203.0.113.1"},
			{"127.0.0.1:1", "198.51.100.7, 203.0.113.1"},
			{"127.0.0.1:1", "198.51.100.7", "203.0.113.1"},
			{"127.0.0.1:1", "203.0.113.1, 10.1.2.3"},
			{"10.9.9.9:1", "203.0.113.1 ,10.1.2.3,127.0.0.1"},
			{"127.0.0.1:1", "nonsense, 203.0.113.1"},
			{"127.0.0.1:1", "::ffff:203.0.113.1"},
		},
		{{"10.1.1.1:1"}, {"127.0.0.1:1", "203.0.113.2, nonsense, 10.1.1.1"}},
	} {
		for k, c := range same {
			if got := remaining(c[0], c[1:]...); got != 600-1-k {
				t.Errorf("address %d, called from %v: %d remain, want %d", i, c, got, 600-1-k)
			}
		}
	}
}

// TestOneBucketOverHTTP2 checks that all surfaces share one bucket over HTTP/2 too.
func TestOneBucketOverHTTP2(t *testing.T) {
	t.Parallel()
	n := start(t)
	admin, _ := n.login(t, n.drivers()[0])
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: contractTransport{t, transport}}
	last := 1000
	for i := range 6 {
		r := newRequest(t, "GET", n.url+"/api/v1/auth/me", nil)
		if i%2 == 0 {
			r = newRequest(t, "POST", n.url+"/openwearables.v1.SessionService/GetMe", strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
		}
		bearer(admin)(r)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if b := bucketOf(t, res.Header, n.clock.now()); res.ProtoMajor != 2 || res.StatusCode != 200 || b.name != "developer" || b.remaining != last-1 {
			t.Errorf("request %d over HTTP/%d: %d %+v", i, res.ProtoMajor, res.StatusCode, b)
		}
		last--
	}
}
