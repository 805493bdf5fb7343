package scenario_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

const deviceCookie = "__Host-ow_device"

// device returns the value of the device cookie that the answer sets, "" if it sets none.
func device(t *testing.T, a answer) string {
	t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name != deviceCookie {
			continue
		}
		left := 30*day - time.Duration(c.MaxAge)*time.Second
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" ||
			left < 0 || left > time.Minute {
			t.Errorf("the device cookie is %q", c.Raw)
		}
		return c.Value
	}
	return ""
}

func asDevice(value string) option { return header("Cookie", "theme=dark; "+deviceCookie+"="+value) }

// lockedOut is a node whose first developer strangers have locked out.
type lockedOut struct {
	*node
	d        driver
	networks int
}

const guessesAllowed = 3

func fewGuesses(c *server.Config) { c.Auth.Limits.LoginAccount.Limit = guessesAllowed }

// login logs in from a network that no login came from before.
func (l *lockedOut) login(t *testing.T, password string, o ...option) answer {
	t.Helper()
	l.networks++
	in := args{"email": l.email, "password": password, "use_cookie": true}
	return l.d.call(t, "Login", in, append(o, forwardedFor(fmt.Sprintf("10.0.%d.1", l.networks)))...)
}

// lock guesses until no stranger may log in.
func (l *lockedOut) lock(t *testing.T) {
	t.Helper()
	for range guessesAllowed {
		l.login(t, "wrong").want(t, 401, "invalid_credentials")
	}
	l.login(t, l.password).want(t, 429, "rate_limited")
}

// TestStrangersDoNotLockADeviceOut locks an account for strangers. A browser that logged in before
// gets in from a network that is new, and one that shows anything else as its cookie does not. It has
// a limit of its own, of the same size.
func TestStrangersDoNotLockADeviceOut(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		l := &lockedOut{node: n, d: d}
		mine := device(t, l.login(t, n.password).want(t, 200, ""))
		other := passphrase()
		n.addDeveloper("other@example.com", other)
		a := d.call(t, "Login", args{"email": "other@example.com", "password": other, "use_cookie": true}).want(t, 200, "")
		foreign := device(t, a)
		if mine == "" || foreign == "" || strings.Contains(string(encode(t, a.Body)), foreign) {
			t.Fatalf("the logins set the device cookies %q and %q", mine, foreign)
		}
		if a := d.call(t, "Login", args{"email": "other@example.com", "password": other}).want(t, 200, ""); len(a.Header["Set-Cookie"]) > 0 {
			t.Errorf("a login without use_cookie sets %q", a.Header["Set-Cookie"])
		}
		l.lock(t)
		for _, forged := range []string{
			"", "x", foreign, mine[:len(mine)-1], mine + "A", swapped(mine, 0), swapped(mine, 5), swapped(mine, 20), swapped(mine, len(mine)-1),
			strings.Repeat("A", len(mine)), strings.ToUpper(mine), mine + "; " + deviceCookie + "=" + foreign,
		} {
			l.login(t, n.password, asDevice(forged)).want(t, 429, "rate_limited")
		}
		l.login(t, n.password, asDevice(mine), fromPage("https://evil.example", "cross-site")).want(t, 403, "cross_origin")

		a = l.login(t, n.password, asDevice(mine)).want(t, 200, "")
		renewed := device(t, a)
		cookies := header("Cookie", refreshCookie+"="+setCookie(t, a).Value+"; "+deviceCookie+"="+renewed)
		wantCookieCleared(t, d.call(t, "Logout", nil, bearer(a.str("access_token")), cookies).want(t, 200, ""))
		l.login(t, n.password, asDevice(renewed)).want(t, 200, "") // a logout keeps it

		for i := range guessesAllowed { // both are one device
			l.login(t, "wrong", asDevice([]string{mine, renewed}[i%2])).want(t, 401, "invalid_credentials")
		}
		l.login(t, n.password, asDevice(mine)).want(t, 429, "rate_limited")
		l.login(t, n.password, asDevice(renewed)).want(t, 429, "rate_limited")

		clock.advance(15*time.Minute + time.Second)
		l.lock(t)
		last := device(t, l.login(t, n.password, asDevice(mine)).want(t, 200, ""))
		clock.advance(30 * day)
		l.lock(t)
		l.login(t, n.password, asDevice(mine)).want(t, 429, "rate_limited") // older than 30 days
		l.login(t, n.password, asDevice(last)).want(t, 200, "")
	}, behindLoopbackProxy, withManualClock(&clock), fewGuesses)
}

// swapped returns the text with another letter at i.
func swapped(text string, i int) string {
	letter := "A"
	if text[i] == 'A' {
		letter = "B"
	}
	return text[:i] + letter + text[i+1:]
}

// TestChangedPasswordForgetsDevices checks that a device cookie from before a change of the password
// makes nobody known: whoever knew the old password may have many.
func TestChangedPasswordForgetsDevices(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		l := &lockedOut{node: n, d: d}
		a := l.login(t, n.password).want(t, 200, "")
		before, next := device(t, a), passphrase()
		in := args{"current_password": n.password, "new_password": next, "confirm_password": next}
		d.call(t, "ChangePassword", in, bearer(a.str("access_token"))).want(t, 200, "")
		n.password = next
		l.lock(t)
		l.login(t, next, asDevice(before)).want(t, 429, "rate_limited")
		l.login(t, next, cookie(setCookie(t, a).Value)).want(t, 200, "") // the session that was spared
	}, behindLoopbackProxy, fewGuesses)
}

// TestStrangersDoNotLockASessionsHolderOut logs in with the refresh token of an older session of the
// account in the cookie, current or spent. It does not help once the session has ended.
func TestStrangersDoNotLockASessionsHolderOut(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		l := &lockedOut{node: n, d: d}
		pair := func(email, password string) string {
			return d.call(t, "Login", args{"email": email, "password": password}).want(t, 200, "").str("refresh_token")
		}
		mine, other := pair(n.email, n.password), passphrase()
		n.addDeveloper("other@example.com", other)
		foreign := pair("other@example.com", other)
		next, ended := d.call(t, "RefreshToken", args{"refresh_token": mine}).want(t, 200, "").str("refresh_token"), pair(n.email, n.password)
		d.call(t, "RevokeToken", args{"refresh_token": ended}).want(t, 204, "")
		l.lock(t)
		for _, forged := range []string{foreign, ended, swapped(mine, 10), "rt_", "x"} {
			l.login(t, n.password, cookie(forged)).want(t, 429, "rate_limited")
		}
		l.login(t, n.password, cookie(mine)).want(t, 200, "")
		for i := range guessesAllowed {
			l.login(t, "wrong", cookie([]string{mine, next}[i%2])).want(t, 401, "invalid_credentials")
		}
		l.login(t, n.password, cookie(next)).want(t, 429, "rate_limited")

		clock.advance(31 * day) // the session is over
		l.lock(t)
		l.login(t, n.password, cookie(next)).want(t, 429, "rate_limited")
	}, behindLoopbackProxy, withManualClock(&clock), fewGuesses)
}

// TestNeighboursOfAKnownAddressHaveTheirOwnCount checks that strangers elsewhere do not lock the /24 of
// an address that logged in, or its /48 for IPv6, and that guesses from there do not lock the address.
func TestNeighboursOfAKnownAddressHaveTheirOwnCount(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		l := &lockedOut{node: n, d: d}
		from := func(address, password string) answer {
			return d.call(t, "Login", args{"email": n.email, "password": password}, forwardedFor(address))
		}
		from("203.0.113.7", n.password).want(t, 200, "")
		from("2001:db8:7:1::1", n.password).want(t, 200, "")
		l.lock(t)
		from("203.0.113.99", n.password).want(t, 200, "")
		from("2001:db8:7:ffff::1", n.password).want(t, 200, "")
		from("203.0.114.7", n.password).want(t, 429, "rate_limited")
		from("2001:db8:8:1::1", n.password).want(t, 429, "rate_limited")
		for i := range guessesAllowed {
			from(fmt.Sprintf("203.0.113.%d", 200+i), "wrong").want(t, 401, "invalid_credentials")
		}
		from("203.0.113.220", n.password).want(t, 429, "rate_limited")
		from("203.0.113.7", n.password).want(t, 200, "")
		from("2001:db8:7:2::1", n.password).want(t, 200, "")
	}, behindLoopbackProxy, fewGuesses)
}
