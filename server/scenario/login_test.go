package scenario_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// TestTenRefusedLoginsCloseAnAccount guesses a password from 64 addresses at once. Ten guesses are
// checked, no answer shows the account's bucket, and the owner can still log in from a known
// address.
func TestTenRefusedLoginsCloseAnAccount(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		right := args{"email": n.email, "password": n.password}
		d.call(t, "Login", right, forwardedFor("203.0.113.7")).want(t, 200, "")
		for network, email := range []string{n.email, "nobody@example.com"} { // unknown accounts are limited in the same way
			var looked, refused atomic.Int32
			var group sync.WaitGroup
			for i := range 64 {
				group.Go(func() {
					guess := args{"email": email, "password": passphrase()}
					if i%2 == 0 {
						guess["email"] = strings.ToUpper(email)
					}
					a := d.call(t, "Login", guess, forwardedFor(fmt.Sprintf("10.%d.%d.1", network, i)))
					for a.Status == 503 && t.Context().Err() == nil { // a busy machine, which spends nothing
						a = d.call(t, "Login", guess, forwardedFor(fmt.Sprintf("10.%d.%d.1", network, i)))
					}
					switch a.Reason {
					case "invalid_credentials":
						looked.Add(1)
					case "rate_limited":
						refused.Add(1)
					}
					wantAddressBucket(t, a, 1000, 999)
				})
			}
			group.Wait()
			if looked.Load() != 10 || refused.Load() != 54 {
				t.Errorf("of 64 guesses at %s %d were looked at and %d refused", email, looked.Load(), refused.Load())
			}
		}
		a := d.call(t, "Login", right, forwardedFor("198.51.100.200")).want(t, 429, "rate_limited")
		wantAddressBucket(t, a, 1000, 999)
		if s, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || s < 1 || s > 15*60 {
			t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
		}
		wantAddressBucket(t, d.call(t, "Login", right, forwardedFor("203.0.113.7")).want(t, 200, ""), 1000, 998)
	}, behindLoopbackProxy, withManualClock(&clock), func(c *server.Config) {
		c.Auth.Limits.Login.Limit, c.HashConcurrency = 1000, 10 // so that none of ten waits for its hash
	})
}

// wantAddressBucket fails the test unless the answer describes the login bucket of the caller's
// address.
func wantAddressBucket(t *testing.T, a answer, limit, remaining int) {
	t.Helper()
	h := a.Header
	if h.Get("X-RateLimit-Limit") != strconv.Itoa(limit) || h.Get("X-RateLimit-Remaining") != strconv.Itoa(remaining) ||
		!strings.HasPrefix(h.Get("RateLimit-Policy"), `"login";`) || !strings.HasPrefix(h.Get("RateLimit"), `"login";`) {
		t.Errorf("an answer %d shows the bucket %q %q, limit %s, %s remaining", a.Status,
			h.Get("RateLimit-Policy"), h.Get("RateLimit"), h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Remaining"))
	}
}

// TestKnownAddressesHaveTheirOwnCount checks that each address from which the account logged in
// during the last 30 days has its own count of refused logins.
func TestKnownAddressesHaveTheirOwnCount(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		login := func(password, address string) answer {
			t.Helper()
			return d.call(t, "Login", args{"email": n.email, "password": password}, forwardedFor(address))
		}
		guess := func(address string, times int) {
			t.Helper()
			for range times {
				login("wrong", address).want(t, 401, "invalid_credentials")
			}
			login("wrong", address).want(t, 429, "rate_limited")
		}
		for range 3 { // a success spends nothing
			login(n.password, "203.0.113.7").want(t, 200, "")
		}
		login(n.password, "2001:db8:0:1::7").want(t, 200, "")
		guess("198.51.100.1", 2)
		login("wrong", "198.51.100.2").want(t, 429, "rate_limited")
		login(n.password, "198.51.100.2").want(t, 429, "rate_limited")
		guess("203.0.113.7", 2) // its own limit, unaffected by others
		login(n.password, "203.0.113.7").want(t, 429, "rate_limited")
		login(n.password, "2001:db8:0:1::8").want(t, 200, "") // a /64 counts as one address
		login(n.password, "2001:db8:1:2::7").want(t, 429, "rate_limited")

		clock.advance(15*time.Minute + time.Second)
		login(n.password, "203.0.113.7").want(t, 200, "")
		clock.advance(30 * day)
		guess("198.51.100.1", 2)
		login(n.password, "203.0.113.7").want(t, 200, "") // the last moment of the 30 days
		clock.advance(30*day + time.Microsecond)
		guess("198.51.100.1", 2)
		login(n.password, "203.0.113.7").want(t, 429, "rate_limited")
	}, behindLoopbackProxy, withManualClock(&clock), func(c *server.Config) { c.Auth.Limits.LoginAccount.Limit = 2 })
}

// TestLoginDoesNotTellWhichAccountsExist checks that all refused logins get the same answer,
// headers included.
func TestLoginDoesNotTellWhichAccountsExist(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		var first map[string]string
		for _, c := range n.refusedLogins(t) {
			a := d.call(t, "Login", c.in, header("X-Request-Id", "same")).want(t, 401, "invalid_credentials")
			got := map[string]string{
				"body": string(encode(t, a.Body)), "detail": a.Detail, "fields": fmt.Sprint(a.Fields),
			}
			for name, values := range a.Header {
				got[name] = strings.Join(values, ", ")
			}
			for _, passing := range []string{"Date", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Ratelimit"} {
				delete(got, passing)
			}
			if first == nil {
				first = got
			} else if !maps.Equal(first, got) {
				t.Errorf("%s is answered\n%v\nother than\n%v", c.name, got, first)
			}
			if a.Detail != "Incorrect email or password" {
				t.Errorf("%s is answered %q", c.name, a.Detail)
			}
		}
	}, unlimited)
}

type refusedLogin struct {
	name string
	in   args
}

// refusedLogins returns the ways in which a login can be wrong.
func (n *node) refusedLogins(t *testing.T) []refusedLogin {
	t.Helper()
	disabled, password := "disabled@example.com", passphrase()
	n.addDeveloper(disabled, password)
	if err := n.server.Auth().Developers.Disable(t.Context(), disabled); err != nil {
		t.Fatal(err)
	}
	return []refusedLogin{
		{"an unknown account", args{"email": "nobody@example.com", "password": n.password}},
		{"a wrong password", args{"email": n.email, "password": passphrase()}},
		{"a disabled developer", args{"email": disabled, "password": password}},
		{"a disabled developer's wrong password", args{"email": disabled, "password": passphrase()}},
		{"an empty password", args{"email": n.email, "password": ""}},
		{"a missing password", args{"email": n.email}},
		{"an empty email", args{"email": "", "password": n.password}},
		{"a missing email", args{"password": n.password}},
		{"nothing", args{}},
		{"a password too long to be one", args{"email": n.email, "password": strings.Repeat("p", 2000)}},
		{"an email too long to be one", args{"email": strings.Repeat("e", 2000) + "@example.com", "password": n.password}},
	}
}

// TestLoginDoesTheSameWorkForUnknownAccounts checks that every refused login hashes a password.
// With a full hash queue each of them gets a 503, which a login that skips hashing would not.
func TestLoginDoesTheSameWorkForUnknownAccounts(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, behindLoopbackProxy, oneHasher)
	cases := n.refusedLogins(t)
	defer n.fillHashQueue(t)()
	for i, c := range cases {
		d := n.drivers()[i%3]
		for tries := 1; ; tries++ {
			a := d.call(t, "Login", c.in)
			if a.Status == 503 {
				a.want(t, 503, "unavailable")
				break
			}
			if a.want(t, 401, "invalid_credentials"); tries == 50 {
				t.Fatalf("%s is answered although no password can be hashed", c.name)
			}
		}
	}
}

// TestFullHashQueueCountsNoAttempt checks that attempts which a full hash queue turns away count
// neither against the account nor against the address.
func TestFullHashQueueCountsNoAttempt(t *testing.T) {
	t.Parallel()
	const allowed = 3
	n := start(t, unlimited, behindLoopbackProxy, oneHasher, func(c *server.Config) { c.Auth.Limits.LoginAccount.Limit = allowed })
	tries := 0
	attempt := func(password string) answer {
		tries++ // each from another network: a login makes its address known
		return n.drivers()[tries%3].call(t, "Login", args{"email": n.email, "password": password}, forwardedFor(fmt.Sprintf("192.0.%d.1", tries)))
	}
	release := n.fillHashQueue(t)
	for full := 0; full <= allowed; {
		if tries == 200 {
			t.Fatal("the hash queue never filled")
		}
		a := attempt(n.password)
		if a.Status != 503 {
			a.want(t, 200, "")
			continue
		}
		full++
		if h := a.want(t, 503, "unavailable").Header; h.Get("X-RateLimit-Remaining") != h.Get("X-RateLimit-Limit") || h.Get("Retry-After") == "" {
			t.Errorf("of a limit of %s %s remain to an address that was turned away", h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Remaining"))
		}
	}
	release()
	for range allowed {
		attempt("wrong").want(t, 401, "invalid_credentials")
	}
	attempt("wrong").want(t, 429, "rate_limited")
}

// TestFloodOfLoginsLeavesTheOwnerIn logs in from a known address, and confirms a change, while
// strangers from 260 networks hold every place of the hash queue that they can get.
func TestFloodOfLoginsLeavesTheOwnerIn(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, behindLoopbackProxy, oneHasher)
	owner := forwardedFor("203.0.113.7")
	right := args{"email": n.email, "password": n.password}
	access := n.drivers()[0].call(t, "Login", right, owner).want(t, 200, "").str("access_token")
	defer n.fillHashQueue(t)()
	const times = 20
	in := 0
	for i := range times {
		d := n.drivers()[i%3]
		if i%4 == 3 {
			d.call(t, "UpdateMe", args{"email": n.email, "current_password": n.password}, bearer(access), owner).want(t, 200, "")
		}
		if a := d.call(t, "Login", right, owner); a.Status == 200 {
			in++
		}
	}
	t.Logf("%d of %d right logins got in", in, times)
	if in < times*95/100 {
		t.Errorf("%d of %d right logins got in beside the flood", in, times)
	}
}

// oneHasher allows one password hash at a time. Up to 16 wait.
func oneHasher(c *server.Config) { c.HashConcurrency = 1 }

// fillHashQueue keeps the node's hash queue full with logins of unknown accounts, from 260 networks,
// until release is called. The node must trust loopback to name them.
func (n *node) fillHashQueue(t *testing.T) (release func()) {
	t.Helper()
	const clients = 32 // 1 hashing, 12 of the 16 places of the queue, and 19 turned away
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var over atomic.Bool
	var sent atomic.Int32
	var full sync.WaitGroup
	full.Add(1)
	once := sync.OnceFunc(full.Done)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			body := fmt.Appendf(nil, `{"email":"flood-%d@example.com","password":"wrong"}`, i)
			for !over.Load() {
				network := sent.Add(1) % 260
				r := newRequest(t, "POST", n.url+"/api/v1/auth/login", bytes.NewReader(body))
				r.Header.Set("Content-Type", jsonType)
				r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.1", network/256, network%256))
				res, err := client.Do(r)
				if err != nil {
					t.Error(err)
					break
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode == http.StatusServiceUnavailable {
					once()
					time.Sleep(10 * time.Millisecond) // retry as a client would, but sooner
				}
			}
			once()
		})
	}
	full.Wait()
	return func() {
		over.Store(true)
		group.Wait()
		client.CloseIdleConnections()
	}
}
