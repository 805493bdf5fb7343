package scenario_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// smallLimits makes every limit small enough to exhaust, and lets tests choose the address of a
// request.
func smallLimits(c *server.Config) {
	l := &c.Auth.Limits
	l.Key.Limit, l.Developer.Limit, l.User.Limit, l.Address.Limit = 20, 30, 20, 25
	l.Login.Limit, l.LoginAccount.Limit, l.Refresh.Limit, l.RefreshSession.Limit = 12, 5, 20, 8
	l.ExchangeApp.Limit, l.ExchangeUser.Limit, l.ExchangeRefused.Limit = 20, 10, 7
	behindProxy(c)
}

// behindProxy trusts loopback and 10.0.0.0/8 to name the address of a request.
func behindProxy(c *server.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
}

// forwardedFor sends the request as from the address, through a trusted proxy.
func forwardedFor(address string) option { return header("X-Forwarded-For", address) }

// bucket is the state of the one bucket that an answer describes.
type bucket struct {
	name             string
	limit, remaining int
	reset            int64
	window           int
}

var (
	rateLimit       = regexp.MustCompile(`^"([a-z-]+)";r=(\d+);t=(\d+)$`)
	rateLimitPolicy = regexp.MustCompile(`^"([a-z-]+)";q=(\d+);w=(\d+)$`)
)

// bucketOf returns the bucket. It fails the test unless the old headers, the new headers and the
// clock agree.
func bucketOf(t *testing.T, h http.Header, now time.Time) bucket {
	t.Helper()
	now1, policy := rateLimit.FindStringSubmatch(h.Get("RateLimit")), rateLimitPolicy.FindStringSubmatch(h.Get("RateLimit-Policy"))
	if now1 == nil || policy == nil || now1[1] != policy[1] {
		t.Fatalf("RateLimit is %q, RateLimit-Policy %q", h.Get("RateLimit"), h.Get("RateLimit-Policy"))
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	b := bucket{policy[1], number(policy[2]), number(now1[2]), int64(number(h.Get("X-RateLimit-Reset"))), number(policy[3])}
	if h.Get("X-RateLimit-Limit") != policy[2] || h.Get("X-RateLimit-Remaining") != now1[2] {
		t.Errorf("X-RateLimit says %s of %s, RateLimit %s of %s", h.Get("X-RateLimit-Remaining"), h.Get("X-RateLimit-Limit"), now1[2], policy[2])
	}
	if date := h.Get("Date"); date != "" { // absent in a recorded response
		answered, err := http.ParseTime(date)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Until(answered)) // adds the time since the answer
	}
	left := time.Unix(b.reset, 0).Sub(now)
	if left <= -time.Second || left > time.Duration(b.window+1)*time.Second {
		t.Errorf("a window of %d s ends in %v", b.window, left)
	}
	if said := time.Duration(number(now1[3])) * time.Second; (said - left).Abs() > 2*time.Second {
		t.Errorf("RateLimit says the window ends in %v, X-RateLimit-Reset in %v", said, left)
	}
	if b.remaining < 0 || b.remaining > b.limit {
		t.Errorf("%d remain of %d", b.remaining, b.limit)
	}
	return b
}

// bucketCase is a call, the bucket that its answer describes, and what the call spends.
type bucketCase struct {
	what   string
	call   func(*testing.T, ...option) answer
	status int
	name   string
	limit  int
	spends int
}

const (
	free   = 0
	spends = 1
)

// bucketFixture holds the credentials of the cases: a developer's token, an API key, a user's
// token, and an application.
type bucketFixture struct {
	n                  *node
	admin, key, access string
	user, app, secret  string
}

// pathCases are calls without an operation: paths that do not exist, and public ones.
func (w *bucketFixture) pathCases() []bucketCase {
	n, admin, key, access := w.n, w.admin, w.key, w.access
	raw := func(method, path string, o ...option) func(*testing.T, ...option) answer {
		return func(t *testing.T, more ...option) answer {
			res, _ := n.send(t, newRequest(t, method, n.url+path, nil), append(slices.Clone(o), more...)...)
			return answer{Status: res.StatusCode, Header: res.Header}
		}
	}
	preflight := []option{header("Origin", "https://app.example.com"), header("Access-Control-Request-Method", "GET")}
	return []bucketCase{
		{"unknown path", raw("GET", "/api/v1/nothing"), 404, "address", 600, spends},
		{"unknown path with a key", raw("GET", "/api/v1/nothing", bearer(key)), 404, "key", 1000, spends},
		{"unclean path", raw("GET", "/api//v1"), 404, "address", 600, spends},
		{"wrong method", raw("PUT", "/api/v1/users"), 405, "address", 600, spends},
		{"wrong method with a user's token", raw("PUT", "/api/v1/users", bearer(access)), 405, "user", 100, spends},
		{"unknown procedure", raw("POST", "/openwearables.v1.UserService/Nothing"), 404, "address", 600, spends},
		{"livez", raw("GET", "/livez"), 200, "address", 600, free},
		{"readyz", raw("GET", "/readyz"), 200, "address", 600, free},
		{"livez with a key", raw("GET", "/livez", bearer(key)), 200, "address", 600, free},
		{"preflight", raw("OPTIONS", "/openwearables.v1.UserService/ListUsers", preflight...), 204, "address", 600, free},
		{"preflight of a foreign page", raw("OPTIONS", "/openwearables.v1.UserService/ListUsers", header("Origin", "https://evil.example"), preflight[1]), 204, "address", 600, free},
		{"OPTIONS without a preflight", raw("OPTIONS", "/api/v1/users"), 405, "address", 600, spends},
		{"docs", raw("GET", "/docs"), 200, "address", 600, spends},
		{"page of the dashboard", raw("GET", "/keys", header("Accept", "text/html")), 200, "address", 600, spends},
		{"jwks", raw("GET", "/.well-known/jwks.json"), 200, "address", 600, spends},
		{"jwks with a developer's token", raw("GET", "/.well-known/jwks.json", bearer(admin)), 200, "developer", 1000, spends},
		{"unsupported media", raw("POST", "/api/v1/users", bearer(key), header("Content-Type", "text/xml")), 415, "key", 1000, spends},
	}
}

// operationCases are calls of operations with one driver.
func (w *bucketFixture) operationCases(d driver) []bucketCase {
	n, admin, key, access, user, app, secret := w.n, w.admin, w.key, w.access, w.user, w.app, w.secret
	op := func(d driver, operation string, in args, o ...option) func(*testing.T, ...option) answer {
		return func(t *testing.T, more ...option) answer {
			return d.call(t, operation, in, append(slices.Clone(o), more...)...)
		}
	}
	return []bucketCase{
		{"developer", op(d, "GetMe", nil, bearer(admin)), 200, "developer", 1000, spends},
		{"key", op(d, "ListUsers", nil, bearer(key)), 200, "key", 1000, spends},
		{"user", op(d, "GetUser", args{"id": user}, bearer(access)), 200, "user", 100, spends},
		{"no credential", op(d, "ListUsers", nil), 401, "address", 600, spends},
		{"two credentials", op(d, "ListUsers", nil, inBothHeaders(key)), 400, "address", 600, spends},
		{"unknown key", op(d, "ListUsers", nil, bearer(credential.Mint(credential.LiveKey))), 401, "address", 600, spends},
		{"nonsense", op(d, "ListUsers", nil, bearer("nonsense")), 401, "address", 600, spends},
		{"forbidden", op(d, "GetMe", nil, bearer(key)), 403, "key", 1000, spends},
		{"invalid", op(d, "ListUsers", args{"limit": 0}, bearer(key)), 422, "key", 1000, spends},
		{"not found", op(d, "GetUser", args{"id": uuid.NewString()}, bearer(admin)), 404, "developer", 1000, spends},
		{"refused login", op(d, "Login", args{"email": n.email, "password": "wrong"}), 401, "login", 60, spends},
		{"login", op(d, "Login", args{"email": n.email, "password": n.password}, bearer(key)), 200, "login", 60, spends},
		{"refresh", op(d, "RefreshToken", args{"refresh_token": "nothing"}, bearer(key)), 401, "refresh", 1000, spends},
		{"revoke", op(d, "RevokeToken", args{"refresh_token": "nothing"}), 204, "refresh", 1000, spends},
		{"exchange", op(d, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}), 200, "exchange", 600, spends},
		{"exchange with a key", op(d, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}, bearer(key)), 200, "exchange", 600, spends},
		{"exchange for nobody", op(d, "CreateUserToken", args{"user_id": uuid.NewString(), "app_id": app, "app_secret": secret}), 404, "exchange", 600, spends},
		{"refused exchange", op(d, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": "x"}), 401, "exchange-refused", 60, spends},
		{"refused exchange with a key", op(d, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": "x"}, bearer(key)), 401, "key", 1000, spends},
		{"half an exchange", op(d, "CreateUserToken", args{"user_id": user, "app_id": app}), 400, "address", 600, spends},
		{"mint by a key", op(d, "CreateUserToken", args{"user_id": user}, bearer(key)), 200, "key", 1000, spends},
	}
}

// TestEachCredentialHasItsBucket checks which bucket each answer describes, its default limit, and
// what the call spends.
func TestEachCredentialHasItsBucket(t *testing.T) {
	t.Parallel()
	n := start(t, behindProxy, func(c *server.Config) { c.AllowedOrigins = []string{"https://app.example.com"} })
	rest := n.drivers()[0]
	admin, _ := n.login(t, rest)
	app, secret := n.newApp(t, rest, admin)
	user := n.newUser(t, rest, admin)
	access, _ := n.exchange(t, rest, user, app, secret)
	_, key := n.newKey(t, rest, admin, nil)
	c := bucketFixture{n, admin, key, access, user, app, secret}
	cases := c.pathCases()
	for _, d := range n.drivers() {
		cases = append(cases, c.operationCases(d)...)
	}
	for i, c := range cases {
		address := forwardedFor(fmt.Sprintf("198.51.100.%d", i))
		first := c.call(t, address)
		if first.Status != c.status {
			t.Errorf("%s: %d %s, want %d", c.what, first.Status, first.Reason, c.status)
		}
		a, b := bucketOf(t, first.Header, n.clock.now()), bucketOf(t, c.call(t, address).Header, n.clock.now())
		if a.name != c.name || a.limit != c.limit || a.window != 60 {
			t.Errorf("%s describes %s of %d in %d s, want %s of %d", c.what, a.name, a.limit, a.window, c.name, c.limit)
		}
		if b.name != a.name || b.remaining != a.remaining-c.spends || a.name == "address" && a.remaining != 600-c.spends {
			t.Errorf("%s: %d and then %d remain, want %d spent", c.what, a.remaining, b.remaining, c.spends)
		}
		if c.spends == spends && b.reset != a.reset {
			t.Errorf("%s: the window's end moved from %d to %d", c.what, a.reset, b.reset)
		}
	}
}

// burst makes 64 calls at once and counts the answers by status, those with 429 also by the bucket.
// It checks that every 429 is complete. With one, all calls come from one address, and each
// admitted call must show a different Remaining.
func burst(t *testing.T, n *node, one bool, call func(d driver, i int) answer) map[string]int {
	t.Helper()
	var mu sync.Mutex
	count, seen := map[string]int{}, map[bucket]bool{}
	ds := n.drivers()
	concurrently(64, func(i int) {
		a := call(ds[i%len(ds)], i)
		b := bucketOf(t, a.Header, n.clock.now())
		mu.Lock()
		defer mu.Unlock()
		if a.Status != 429 {
			count[strconv.Itoa(a.Status)]++
			if one && seen[b] {
				t.Errorf("two admitted requests got the same headers: %+v", b)
			}
			seen[b] = true
			return
		}
		count["429 "+b.name]++
		if b.name == "login" {
			b.window = 900 // the account's limit may have refused, which no header shows
		}
		after, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if err != nil || after < 1 || after > b.window || a.Reason != "rate_limited" || a.Detail == "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("a 429 says Retry-After %q, reason %q, Cache-Control %q", a.Header.Get("Retry-After"), a.Reason, a.Header.Get("Cache-Control"))
		}
		if b.remaining != 0 && b.name != "login" {
			t.Errorf("a refusal says that %d of %s remain", b.remaining, b.name)
		}
	})
	return count
}

// wantCount compares the counts of a burst with pairs of an answer and its count.
func wantCount(t *testing.T, what string, got map[string]int, want ...any) {
	t.Helper()
	expected := map[string]int{}
	for i := 0; i < len(want); i += 2 {
		expected[want[i].(string)] = want[i+1].(int)
	}
	if fmt.Sprint(got) != fmt.Sprint(expected) {
		t.Errorf("%s: 64 at once got %v, want %v", what, got, expected)
	}
}

// TestLimitsAreExact checks that of 64 requests at once, exactly as many as the limit are admitted.
// It holds for every bucket, across surfaces, and buckets are independent.
func TestLimitsAreExact(t *testing.T) {
	t.Parallel()
	n := start(t, smallLimits)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	id, older := n.newKey(t, d, admin, nil)
	newer := d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "").str("key")
	_, apart := n.newKey(t, d, admin, nil)
	app, secret := n.newApp(t, d, admin)
	users := make([]string, 6)
	for i := range users {
		users[i] = n.newUser(t, d, admin)
	}
	one, _ := n.exchange(t, d, users[0], app, secret)
	two := d.call(t, "CreateUserToken", args{"user_id": users[0]}, bearer(apart)).want(t, 200, "").str("access_token")
	other := d.call(t, "CreateUserToken", args{"user_id": users[1]}, bearer(apart)).want(t, 200, "").str("access_token")

	wantCount(t, "a key by both its secrets", burst(t, n, true, func(d driver, i int) answer {
		return d.call(t, "ListUsers", args{"limit": 1}, bearer([]string{older, newer}[i%2]))
	}), "200", 20, "429 key", 44)
	d.call(t, "ListUsers", nil, bearer(apart)).want(t, 200, "")

	wantCount(t, "a user by two tokens", burst(t, n, true, func(d driver, i int) answer {
		return d.call(t, "GetUser", args{"id": users[0]}, bearer([]string{one, two}[i%2]))
	}), "200", 20, "429 user", 44)
	d.call(t, "GetUser", args{"id": users[1]}, bearer(other)).want(t, 200, "")
	d.call(t, "ListUsers", nil, bearer(apart)).want(t, 200, "")

	n.clock.advance(time.Minute)
	second, _ := n.login(t, d)
	wantCount(t, "a developer in two sessions", burst(t, n, true, func(d driver, i int) answer {
		return d.call(t, "GetMe", nil, bearer([]string{admin, second}[i%2]))
	}), "200", 30, "429 developer", 34)
	d.call(t, "ListUsers", nil, bearer(older)).want(t, 200, "")

	wantCount(t, "an address without a credential", burst(t, n, true, func(d driver, i int) answer {
		switch i % 4 {
		case 0:
			return d.call(t, "ListUsers", nil, forwardedFor("192.0.2.1"))
		case 1:
			return d.call(t, "ListUsers", nil, forwardedFor("192.0.2.1"), bearer(credential.Mint(credential.LiveKey)))
		case 2:
			return d.call(t, "CreateUserToken", args{"user_id": users[0]}, forwardedFor("192.0.2.1"), bearer("a.b.c"))
		default:
			return d.call(t, "GetMe", nil, forwardedFor("192.0.2.1"), header("Authorization", "Basic eDp5"))
		}
	}), "401", 25, "429 address", 39)
	d.call(t, "ListUsers", nil, forwardedFor("192.0.2.2")).want(t, 401, "missing_credential")
	d.call(t, "ListUsers", nil, forwardedFor("192.0.2.1"), bearer(older)).want(t, 200, "")
	d.call(t, "CreateUserToken", args{"user_id": users[0], "app_id": app, "app_secret": secret}, forwardedFor("192.0.2.1")).want(t, 429, "rate_limited")

	wantCount(t, "refreshes from an address", burst(t, n, true, func(d driver, i int) answer {
		return d.call(t, "RefreshToken", args{"refresh_token": "rt_" + strconv.Itoa(i)}, forwardedFor("192.0.2.1"))
	}), "401", 20, "429 refresh", 44)
	d.call(t, "RevokeToken", args{"refresh_token": "rt_"}, forwardedFor("192.0.2.1")).want(t, 429, "rate_limited")
	d.call(t, "RevokeToken", args{"refresh_token": "rt_"}, forwardedFor("192.0.2.2")).want(t, 204, "")

	// Calls in progress count against the address's own limit, so these come from four addresses.
	wantCount(t, "exchanges of an application", burst(t, n, true, func(d driver, i int) answer {
		address := forwardedFor("192.0.2." + strconv.Itoa(3+i%4))
		return d.call(t, "CreateUserToken", args{"user_id": users[i%len(users)], "app_id": app, "app_secret": secret}, address)
	}), "200", 20, "429 exchange", 44)
	if b := bucketOf(t, d.call(t, "ListUsers", nil, forwardedFor("192.0.2.3")).Header, n.clock.now()); b.remaining != 24 {
		t.Errorf("right exchanges left %d of an address's 25, before the last request", b.remaining+1)
	}
	if b := bucketOf(t, d.call(t, "CreateUserToken", args{"user_id": users[0], "app_id": app, "app_secret": "x"}, forwardedFor("192.0.2.3")).want(t, 401, "invalid_app_credentials").Header, n.clock.now()); b.remaining != 6 {
		t.Errorf("right exchanges count as refused ones: %+v", b)
	}
}

// TestGuessesAreLimitedExactly checks that the limits against guessing are exact too.
func TestGuessesAreLimitedExactly(t *testing.T) {
	t.Parallel()
	n := start(t, smallLimits, func(c *server.Config) { c.HashConcurrency = 10 }) // of which one network may take 12 places
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	app, secret := n.newApp(t, d, admin)
	user, other := n.newUser(t, d, admin), n.newUser(t, d, admin)
	exchange := func(d driver, user, secret, address string) answer {
		return d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}, forwardedFor(address))
	}
	wantCount(t, "refused exchanges from an address", burst(t, n, true, func(d driver, i int) answer {
		return exchange(d, user, credential.Mint(credential.AppSecret), "192.0.2.1")
	}), "401", 7, "429 exchange-refused", 18, "429 address", 39)
	exchange(d, user, secret, "192.0.2.1").want(t, 429, "rate_limited")
	exchange(d, user, secret, "192.0.2.2").want(t, 200, "")
	n.clock.advance(time.Minute)

	got := burst(t, n, true, func(d driver, i int) answer {
		return exchange(d, user, secret, "192.0.2."+strconv.Itoa(1+i%4))
	})
	if got["200"] != 10 || got["429 exchange-user"] != 10 || got["429 exchange"] != 44 {
		t.Errorf("exchanges for a user by an application got %v, want 10 for the user of the application's 20", got)
	}
	n.clock.advance(time.Minute)
	exchange(d, other, secret, "192.0.2.1").want(t, 200, "")

	refresh := exchange(d, user, secret, "192.0.2.1").want(t, 200, "").str("refresh_token")
	wantCount(t, "one session's refreshes", burst(t, n, false, func(d driver, i int) answer {
		return d.call(t, "RefreshToken", args{"refresh_token": refresh}, idempotent("k"), forwardedFor("192.0.2."+strconv.Itoa(i%16)))
	}), "200", 8, "429 refresh-session", 56)
	d.call(t, "RevokeToken", args{"refresh_token": refresh}).want(t, 429, "rate_limited")

	wantCount(t, "logins from an address", burst(t, n, true, func(d driver, i int) answer {
		return d.call(t, "Login", args{"email": strconv.Itoa(i), "password": "x"}, forwardedFor("192.0.2.1"))
	}), "401", 12, "429 login", 52)
	wantCount(t, "refused logins of an account", burst(t, n, false, func(d driver, i int) answer {
		return d.call(t, "Login", args{"email": "SOMEBODY@example.com", "password": "x"}, forwardedFor("198.51.100."+strconv.Itoa(i)))
	}), "401", 5, "429 login", 59)
}
